"""Crops whose length changes from step to step. specs: "dynamic".

Every epoch the list is drawn again and every global step has one length, the same on all ranks.
This is also the base of datasets that build an item from several recordings: they override
``epoch_rows`` (which utterances), ``step_frames`` (how long) or ``make_item`` (what a draw becomes).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.draws import SPEED_SALT, Plan, frame_samples
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.datasets.random_speaker import check_draw, draw_epoch
from svtoolkit.errors import ConfigError
from svtoolkit.registry import DATASETS

LENGTH_SALT = 11


@DATASETS.register_module()
class DynamicSpeakerDataset(SpeakerDataset):
    """Crops of ``min_frames`` to ``max_frames``, one length per global step, uniform in ``step_frames``.

    ``batch='fixed'`` keeps the loader's batch; ``frames`` takes as many items as ``budget`` frames
    hold, so long steps have few items and a step costs about the same.
    """

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        min_frames: int = 200,
        max_frames: int = 400,
        step: int = 10,
        pipeline: Sequence[dict] = (),
        batch: Literal['fixed', 'frames'] = 'fixed',
        budget: int | None = None,
        draw: Literal['permutation', 'replacement', 'speaker'] = 'permutation',
        epoch_size: int | None = None,
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
            min_frames: shortest crop.
            max_frames: longest crop, included where ``step`` reaches it.
            step: lengths are ``min_frames``, ``min_frames + step``, …
            batch: ``fixed`` or ``frames``.
            budget: frames of a global step (over all ranks); the loader's batch at the middle length
                when left out. Ranks may differ by one item.
            draw: how an epoch's utterances are drawn, see draw_epoch.
            epoch_size: items of an epoch; the number of utterances when left out.

        The others are SpeakerDataset's.

        Raises:
            ConfigError: a setting is not allowed.
        """
        name = type(self).__name__
        check_draw(name, draw, epoch_size)
        if not 0 < min_frames <= max_frames or step < 1:
            raise ConfigError(f'{name}: no length from min_frames={min_frames} to {max_frames} by {step}.')
        if batch not in ('fixed', 'frames') or (budget is not None and (budget < 1 or batch == 'fixed')):
            raise ConfigError(
                f"{name}: batch='{batch}', budget={budget}; use fixed, or frames with a budget > 0."
            )
        self.lengths = np.arange(min_frames, max_frames + 1, step)
        self.batch, self.budget, self.draw, self.epoch_size = batch, budget, draw, epoch_size
        super().__init__(
            manifest, root, sample_rate, max_frames, None, pipeline, include_speakers, exclude_speakers,
            speaker_map, speeds, speed_probs, pad, tail, seed, max_refetch, pack, lazy_init,
        )  # fmt: skip

    def epoch_rows(self, epoch: int, seed: int) -> np.ndarray:
        """Utterances of an epoch in order, [items] int64."""
        return draw_epoch(self, self.draw, self.epoch_size, epoch, seed)

    def step_frames(self, epoch: int, step: int, seed: int) -> int:
        """Length of all crops of a global step, in frames."""
        rng = np.random.default_rng([seed, epoch, step, LENGTH_SALT])
        return int(self.lengths[rng.integers(0, len(self.lengths))])

    def step_size(self, num_frames: int, global_batch: int) -> int:
        """Items of a global step whose crops have ``num_frames`` frames."""
        if self.batch == 'fixed':
            return global_batch
        budget = self.budget or global_batch * int(self.lengths[0] + self.lengths[-1]) // 2
        return max(1, budget // num_frames)

    def make_plan(self, epoch: int, global_batch: int, seed: int) -> Plan:
        rows = self.epoch_rows(epoch, seed)
        speeds = self.draw_speeds(np.random.default_rng([seed, epoch, SPEED_SALT]), len(rows))
        frames: list[int] = []
        offsets = [0]
        while offsets[-1] < len(rows):
            frames.append(self.step_frames(epoch, len(frames), seed))
            offsets.append(offsets[-1] + self.step_size(frames[-1], global_batch))
        if offsets[-1] > len(rows) and self.tail == 'drop':
            frames, offsets = frames[:-1], offsets[:-1]
        elif self.tail == 'keep':
            offsets[-1] = len(rows)
        if not frames:
            raise ValueError(f"tail='drop' leaves nothing: {len(rows)} items are less than one step.")
        places = np.arange(offsets[-1]) % len(rows)
        sizes = np.diff(offsets)
        lengths = np.array([frame_samples(count, self.sample_rate) for count in frames], np.int64)
        return Plan(rows[places], np.repeat(lengths, sizes), speeds[places], np.array(offsets, np.int64))
