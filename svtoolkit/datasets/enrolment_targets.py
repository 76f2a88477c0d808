"""Which enrolments of a batch a test utterance is scored against, and which of them are targets.

Neural Scoring, arXiv:2410.16428: every item of a batch brings an enrolment and a test utterance; test i is
scored against the enrolments i, i + 1, …, i + N - 1, modulo the batch. So one batch holds B N trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from svtoolkit.datasets.samples import SpeakerSample


@dataclass(slots=True)
class TrialSample(SpeakerSample):
    """What is known about a test utterance that has an enrolment behind it in the same waveform.

    ``label``, ``utt``, ``speaker`` and ``num_samples`` are those of the test part.

    Attributes:
        present: classes that are heard in the test part; the same number of them for all of a batch
            (a scene of one speaker among scenes of two names that speaker twice).
        enrol_label: class of the enrolment.
        enrol_utt: id of its utterance.
    """

    present: tuple[int, ...] = ()
    enrol_label: int = -1
    enrol_utt: str = ''


def enrolment_window(batch: int, num_enrolments: int | None = None) -> Tensor:
    """Places of the enrolments that each test is scored against, [B, N] int64, its own first.

    Args:
        batch: B.
        num_enrolments: N; None for all of the batch.

    Raises:
        ValueError: N is not 1 to B; a longer window would count trials twice.
    """
    num = batch if num_enrolments is None else num_enrolments
    if not 1 <= num <= batch:
        raise ValueError(
            f'{num} enrolments for each test, but the batch holds {batch} items; use 1 to {batch}, or raise '
            'the batch size.'
        )
    return (torch.arange(batch).unsqueeze(1) + torch.arange(num)) % batch


def enrolment_targets(
    window: Tensor, enrolled: Tensor, present: Tensor, extra: Tensor | None = None
) -> Tensor:
    """True where the enrolled speaker is heard in the test; a speaker that comes again is one too.

    Args:
        window: [B, N] places of enrolments, of :func:`enrolment_window`.
        enrolled: [B] class of each enrolment.
        present: [B, K] classes heard in each test.
        extra: [B] class of one more enrolment for each test, which stands before the window.

    Returns:
        [B, N] bool, or [B, 1 + N] with ``extra``.
    """
    classes = enrolled[window]  # [B, N]
    if extra is not None:
        classes = torch.cat([extra.unsqueeze(1), classes], dim=1)
    return (classes.unsqueeze(2) == present.unsqueeze(1)).any(-1)


def batch_classes(samples: Sequence[TrialSample]) -> tuple[Tensor, Tensor]:
    """Classes of the enrolments, [B], and those heard in the tests, [B, K]."""
    enrolled = torch.tensor([sample.enrol_label for sample in samples])
    return enrolled, torch.tensor([sample.present for sample in samples])
