"""Utterances (or speakers) drawn at random, crops of one length. specs: "random"."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.draws import SPEED_SALT, Draw, Plan, even_steps, fit_tail
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.errors import ConfigError
from svtoolkit.registry import DATASETS

WINDOW_SALT = 17


def draw_epoch(dataset: SpeakerDataset, draw: str, size: int | None, epoch: int, seed: int) -> np.ndarray:
    """Rows of one epoch in order, [size] int64, from ``default_rng([seed, epoch])``.

    Args:
        dataset: whose list has been read.
        draw: ``permutation``: every utterance once before any comes again; ``replacement``:
            utterances independently; ``speaker``: a speaker, then one of its utterances.
        size: items of an epoch; the number of utterances when left out. A permutation goes on in
            the next epoch where it was left.
    """
    total = len(dataset)
    size = size or total
    if draw == 'permutation':
        first, last = epoch * size // total, ((epoch + 1) * size - 1) // total
        rounds = [np.random.default_rng([seed, part]).permutation(total) for part in range(first, last + 1)]
        begin = epoch * size - first * total
        return np.concatenate(rounds)[begin : begin + size]
    rng = np.random.default_rng([seed, epoch])
    if draw == 'replacement':
        return rng.integers(0, total, size)
    counts = np.diff(dataset.speaker_offsets)
    speakers = rng.choice(np.flatnonzero(counts), size)  # a given speaker map may name absent ones
    return dataset.by_speaker[dataset.speaker_offsets[speakers] + rng.integers(0, counts[speakers])]


@DATASETS.register_module()
class RandomSpeakerDataset(SpeakerDataset):
    """Crops of utterances in random order.

    ``draw='permutation'`` takes every utterance once per epoch; ``replacement`` and ``speaker`` draw
    ``epoch_size`` items independently. ``window='random'`` cuts anywhere; ``cyclic`` walks through an
    utterance epoch after epoch, covering all of it every ceil(T / L) epochs.
    """

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        frames: int = 200,
        num_samples: int | None = None,
        pipeline: Sequence[dict] = (),
        draw: Literal['permutation', 'replacement', 'speaker'] = 'permutation',
        epoch_size: int | None = None,
        window: Literal['random', 'cyclic'] = 'random',
        include_speakers: Names = None,
        exclude_speakers: Names = None,
        speaker_map: dict[str, int] | None = None,
        speeds: Sequence[float] = (1.0,),
        speed_probs: Sequence[float] | None = None,
        pad: str = 'wrap',
        tail: str = 'pad',
        seed: int = 0,
        max_refetch: int = 5,
        pack: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            draw: how an epoch's utterances are drawn, see draw_epoch.
            epoch_size: items of an epoch; the number of utterances when left out.
            window: where crops begin.

        The others are SpeakerDataset's.
        """
        check_draw(type(self).__name__, draw, epoch_size)
        if window not in ('random', 'cyclic'):
            raise ConfigError(f"{type(self).__name__}: window='{window}', must be random or cyclic.")
        self.draw, self.epoch_size, self.window = draw, epoch_size, window
        super().__init__(
            manifest, root, sample_rate, frames, num_samples, pipeline, include_speakers, exclude_speakers,
            speaker_map, speeds, speed_probs, pad, tail, seed, max_refetch, pack, lazy_init,
        )  # fmt: skip

    def make_plan(self, epoch: int, global_batch: int, seed: int) -> Plan:
        rows = draw_epoch(self, self.draw, self.epoch_size, epoch, seed)
        speeds = self.draw_speeds(np.random.default_rng([seed, epoch, SPEED_SALT]), len(rows))
        places = fit_tail(np.arange(len(rows)), global_batch, self.tail)
        return Plan(
            rows[places],
            np.full(len(places), self.crop_samples, np.int64),
            speeds[places],
            even_steps(len(places), global_batch),
        )

    def crop_start(self, draw: Draw, total: int, wanted: int) -> int:
        if self.window == 'random' or total <= wanted:
            return super().crop_start(draw, total, wanted)
        num_windows = -(-total // wanted)
        cycle, turn = divmod(draw.epoch, num_windows)
        rng = np.random.default_rng([draw.seed, cycle, draw.utt, WINDOW_SALT])
        # Windows side by side, together longer than the utterance: shifted at random within that.
        shift = int(rng.integers(0, num_windows * wanted - total + 1))
        return min(max(0, turn * wanted - shift), total - wanted)


def check_draw(name: str, draw: str, epoch_size: int | None) -> None:
    """Refuse unknown ways to draw and empty epochs.

    Raises:
        ConfigError: says which setting is wrong.
    """
    if draw not in ('permutation', 'replacement', 'speaker'):
        raise ConfigError(f"{name}: draw='{draw}', must be permutation, replacement or speaker.")
    if epoch_size is not None and epoch_size < 1:
        raise ConfigError(f'{name}: epoch_size={epoch_size}, an epoch needs at least one item.')
