"""Draws: a dataset plans an epoch in the main process, a worker executes one item of the plan.

All randomness of an item comes from ``default_rng([seed, epoch, pos, salt])``, where ``pos`` is the
item's place in the epoch before the split over ranks. So a batch does not depend on the number of
workers, of ranks, or on where a run was resumed. specs: "draw descriptors".
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

CROP_SALT, AUGMENT_SALT = 0, 1  # generators of one item
SPEED_SALT = 13  # of an epoch's speeds


class Draw(NamedTuple):
    """One item of an epoch; plain numbers, so that it crosses process borders cheaply.

    ``num_samples`` is the length of the finished waveform, after the change of speed; 0 takes the
    whole utterance. ``seed`` is the run's.
    """

    epoch: int
    pos: int
    utt: int
    num_samples: int
    speed: float
    seed: int


@dataclass
class Plan:
    """All items of one epoch, in order, cut into steps.

    Attributes:
        utts: [n] int64, row of the manifest.
        num_samples: [n] int64, length after the change of speed; 0 = the whole utterance.
        speeds: [n] float32, speed factors, 1 = unchanged.
        step_offsets: [steps + 1] int64; step g holds the items from offset g up to offset g + 1.
        group: adjacent items that stay together on one rank.
        shard: what is shared out over ranks: the ``items`` of every step, or whole ``steps``.
    """

    utts: np.ndarray
    num_samples: np.ndarray
    speeds: np.ndarray
    step_offsets: np.ndarray
    group: int = 1
    shard: Literal['items', 'steps'] = 'items'

    def __len__(self) -> int:
        return len(self.step_offsets) - 1

    def positions(self, step: int) -> np.ndarray:
        """Places of a step's items in the epoch, [items of the step] int64."""
        return np.arange(self.step_offsets[step], self.step_offsets[step + 1])

    def draws(self, positions: np.ndarray, epoch: int, seed: int) -> list[Draw]:
        """Descriptors of the items at ``positions``."""
        speeds = self.speeds[positions].astype(np.float64).round(6)  # 0.9 again, not float32's neighbour
        columns = (positions, self.utts[positions], self.num_samples[positions], speeds)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Draw(epoch, pos, utt, length, speed, seed) for pos, utt, length, speed in rows]


def draw_rng(draw: Draw, salt: int) -> np.random.Generator:
    """Generator of one item; ``salt`` parts its uses."""
    words = (draw.seed, draw.epoch, draw.pos, salt)
    # The same generator from an array of words; numpy takes a third longer to look at a list.
    return np.random.default_rng(np.array(words, np.uint32) if max(words) < 2**32 else words)


def frame_samples(num_frames: int, sample_rate: int = 16000) -> int:
    """Samples that give ``num_frames`` frames of 25 ms every 10 ms: 400 + 160 (n - 1) at 16 kHz."""
    return sample_rate // 40 + sample_rate // 100 * (num_frames - 1)


def whole_frames(num_samples: np.ndarray, sample_rate: int = 16000) -> np.ndarray:
    """Lengths cut down to whole frames; what is shorter than one frame stays as it is. [n] -> [n]."""
    window, hop = sample_rate // 40, sample_rate // 100
    return np.where(num_samples < window, num_samples, window + (num_samples - window) // hop * hop)


def fit_tail(items: np.ndarray, size: int, tail: str) -> np.ndarray:
    """Bring an epoch's list to whole steps of ``size``: wrap from its start, drop, or keep as it is.

    Raises:
        ValueError: nothing is left after dropping, or ``tail`` is not pad, drop or keep.
    """
    if tail == 'pad':
        return np.resize(items, -(-len(items) // size) * size)
    if tail == 'drop':
        whole = len(items) // size * size
        if whole == 0:
            raise ValueError(
                f"tail='drop' leaves nothing: {len(items)} items are less than one global batch of {size}."
            )
        return items[:whole]
    if tail == 'keep':
        return items
    raise ValueError(f"tail='{tail}', must be 'pad', 'drop' or 'keep'.")


def even_steps(num_items: int, size: int) -> np.ndarray:
    """Offsets of steps of ``size`` items; the last one may be shorter. [steps + 1] int64."""
    return np.append(np.arange(0, num_items, size), num_items).astype(np.int64)
