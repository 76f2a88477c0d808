"""What a batch consists of: waveforms side by side, and one small record about each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(slots=True)
class SpeakerSample:
    """What is known about one waveform of a batch.

    Attributes:
        label: class number, speaker + speakers × speed class; -1 where the speaker is unknown.
        utt: id of the utterance in its manifest.
        speaker: id of the speaker, '' where unknown.
        num_samples: length of the waveform, in samples.
    """

    label: int
    utt: str
    speaker: str
    num_samples: int


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join items of a dataset into one batch; waveforms are stacked, never padded.

    Args:
        items: dicts of ``inputs`` ([T] float32 array) and ``data_samples`` (SpeakerSample).

    Returns:
        dict of ``inputs``, a [B, T] float32 tensor, and ``data_samples``, a list of B records.

    Raises:
        ValueError: the batch is empty, or its waveforms differ in length.
    """
    if not items:
        raise ValueError('an empty batch cannot be collated; the batch sampler gave no item.')
    waves = [item['inputs'] for item in items]
    lengths = {len(wave) for wave in waves}
    if len(lengths) > 1:
        longest = max(items, key=lambda item: len(item['inputs']))
        raise ValueError(
            f'a batch needs waveforms of equal length, got {min(lengths)} to {max(lengths)} samples '
            f"(longest: '{longest['data_samples'].utt}'); use DrawSampler, and transforms that keep it."
        )
    stacked = np.stack(waves).astype(np.float32, copy=False)
    return {'inputs': torch.from_numpy(stacked), 'data_samples': [item['data_samples'] for item in items]}
