"""Batches with a fixed number of utterances per speaker. specs: "balanced".

Metric-learning losses compare utterances of a batch, so it must hold several of each speaker.
"""

import heapq
import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.draws import SPEED_SALT, Plan, even_steps, fit_tail
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.errors import ConfigError
from svtoolkit.registry import DATASETS

logger = logging.getLogger(__name__)

GROUP_SALT = 7


@DATASETS.register_module()
class BalancedSpeakerDataset(SpeakerDataset):
    """P speakers × K utterances per batch and rank, or the same number of draws for every speaker.

    ``mode='pk'``: every speaker's utterances, shuffled, are cut into groups of K, all groups are
    shuffled, and each step takes the first groups of different speakers that are left; no utterance
    comes twice in an epoch. The loader's ``batch_size`` is P × K. ``mode='quota'``: every speaker
    has exactly ``quota`` draws per epoch and goes on in its own shuffled list from epoch to epoch.
    """

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        frames: int = 200,
        num_samples: int | None = None,
        pipeline: Sequence[dict] = (),
        mode: Literal['pk', 'quota'] = 'pk',
        speakers_per_batch: int = 32,
        utts_per_speaker: int = 2,
        short: Literal['repeat', 'skip'] = 'repeat',
        quota: int = 10,
        include_speakers: Names = None,
        exclude_speakers: Names = None,
        speaker_map: dict[str, int] | None = None,
        speeds: Sequence[float] = (1.0,),
        speed_probs: Sequence[float] | None = None,
        pad: str = 'wrap',
        tail: str | None = None,
        seed: int = 0,
        max_refetch: int = 5,
        pack: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            mode: ``pk`` or ``quota``.
            speakers_per_batch: P, speakers of a batch on one rank (pk).
            utts_per_speaker: K, utterances of each (pk).
            short: a speaker with fewer than K utterances repeats them, or is skipped (pk).
            quota: draws per speaker and epoch (quota).
            tail: for pk, ``drop`` (default) leaves out groups that fill no step, ``pad`` completes
                their steps with groups of other speakers; for quota as in SpeakerDataset.

        The others are SpeakerDataset's. Of one speaker's K items all have the same speed.

        Raises:
            ConfigError: a setting is not allowed.
        """
        faults = []
        if mode not in ('pk', 'quota'):
            faults.append(f"mode='{mode}', must be pk or quota")
        if short not in ('repeat', 'skip'):
            faults.append(f"short='{short}', must be repeat or skip")
        if min(speakers_per_batch, utts_per_speaker, quota) < 1:
            faults.append('speakers_per_batch, utts_per_speaker and quota must be at least 1')
        if mode == 'pk' and tail == 'keep':
            faults.append("tail='keep' would give ranks unequal steps; use drop or pad")
        if faults:
            raise ConfigError(f'{type(self).__name__}: {"; ".join(faults)}.')
        self.mode, self.short, self.quota = mode, short, quota
        self.speakers_per_batch, self.utts_per_speaker = speakers_per_batch, utts_per_speaker
        tail = tail or ('drop' if mode == 'pk' else 'pad')
        super().__init__(
            manifest, root, sample_rate, frames, num_samples, pipeline, include_speakers, exclude_speakers,
            speaker_map, speeds, speed_probs, pad, tail, seed, max_refetch, pack, lazy_init,
        )  # fmt: skip

    def make_plan(self, epoch: int, global_batch: int, seed: int) -> Plan:
        if self.mode == 'quota':
            rows, group = self._quota_rows(epoch, global_batch, seed), 1
        else:
            rows, group = self._group_rows(epoch, global_batch, seed), self.utts_per_speaker
        rng = np.random.default_rng([seed, epoch, SPEED_SALT])
        speeds = np.repeat(self.draw_speeds(rng, len(rows) // group), group)
        lengths = np.full(len(rows), self.crop_samples, np.int64)
        return Plan(rows, lengths, speeds, even_steps(len(rows), global_batch), group)

    def _quota_rows(self, epoch: int, global_batch: int, seed: int) -> np.ndarray:
        turns = epoch * self.quota + np.arange(self.quota)
        walked = [
            self._shuffled(label, seed, 0)[turns % self._count(label)]
            for label in range(len(self.speaker_map))
            if self._count(label)
        ]
        rows = np.random.default_rng([seed, epoch]).permutation(np.concatenate(walked))
        return fit_tail(rows, global_batch, self.tail)

    def _group_rows(self, epoch: int, global_batch: int, seed: int) -> np.ndarray:
        """Rows of an epoch, [steps × P × R × K] int64; items of one group stand side by side.

        Raises:
            ValueError: the batch is not P × K per rank, or has more speakers than there are.
        """
        size, per_rank = self.utts_per_speaker, self.speakers_per_batch * self.utts_per_speaker
        if global_batch % per_rank:
            raise ValueError(
                f'{type(self).__name__}: a global batch of {global_batch} is no multiple of '
                f'{self.speakers_per_batch} speakers x {size} utterances; set batch_size={per_rank}.'
            )
        groups, owners = self._groups(epoch, seed)
        wanted = global_batch // size
        if wanted > len(set(owners.tolist())):
            raise ValueError(
                f'{type(self).__name__}: a step needs {wanted} different speakers, the list has '
                f'{len(set(owners.tolist()))} with enough utterances; lower speakers_per_batch.'
            )
        order = np.random.default_rng([seed, epoch, GROUP_SALT]).permutation(len(groups))
        fill_rng = np.random.default_rng([seed, epoch, GROUP_SALT, len(self.speaker_map)])
        chosen = first_of_different(owners[order], wanted, fill_rng if self.tail == 'pad' else None)
        return groups[order[chosen]].ravel()

    def _groups(self, epoch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Groups of one epoch in (speaker, number) order: rows [groups, K] and labels [groups]."""
        size = self.utts_per_speaker
        found, owners, skipped = [], [], 0
        for label in range(len(self.speaker_map)):
            rows = self._shuffled(label, seed, epoch)
            if len(rows) == 0 or (len(rows) < size and self.short == 'skip'):
                skipped += 1
                continue
            cut = np.resize(rows, max(1, len(rows) // size) * size).reshape(-1, size)
            found.append(cut)
            owners.append(np.full(len(cut), label))
        if skipped:
            logger.info('%d speakers have fewer than %d utterances and are skipped.', skipped, size)
        if not found:
            raise ValueError(f'{type(self).__name__}: no speaker has {size} utterances.')
        return np.concatenate(found), np.concatenate(owners)

    def _shuffled(self, label: int, seed: int, epoch: int) -> np.ndarray:
        begin, end = self.speaker_offsets[label : label + 2]
        rng = np.random.default_rng([seed, epoch, GROUP_SALT, label])
        return self.by_speaker[begin:end][rng.permutation(end - begin)]

    def _count(self, label: int) -> int:
        return int(self.speaker_offsets[label + 1] - self.speaker_offsets[label])


def first_of_different(
    owners: np.ndarray, wanted: int, fill: np.random.Generator | None = None
) -> np.ndarray:
    """Cut a list of groups into steps: each takes the first ``wanted`` left that differ in speaker.

    Whoever is passed over keeps its place for the next step. The first group of each speaker that is
    left stands in a heap, so passing over costs nothing.

    Args:
        owners: [groups] speaker of each group, in order.
        wanted: groups of a step.
        fill: completes the steps for which too few speakers are left with groups of absent ones;
            with None such groups are dropped.

    Returns:
        [steps × wanted] int64, places in ``owners``.
    """
    order = np.argsort(owners, kind='stable')
    bounds = np.flatnonzero(np.diff(owners[order], prepend=-1, append=-1))
    queues = [order[a:b].tolist() for a, b in pairwise(bounds.tolist())]
    heads = [(queue[0], number, 0) for number, queue in enumerate(queues)]
    heapq.heapify(heads)
    chosen: list[int] = []
    while len(heads) >= wanted or (fill is not None and heads):
        taken = [heapq.heappop(heads) for _ in range(min(wanted, len(heads)))]
        chosen += [place for place, _, _ in taken]
        if len(taken) < wanted and fill is not None:
            absent = np.setdiff1d(np.arange(len(queues)), [number for _, number, _ in taken])
            for number in fill.permutation(absent)[: wanted - len(taken)].tolist():
                chosen.append(queues[number][int(fill.integers(len(queues[number])))])
        for _, number, turn in taken:
            if turn + 1 < len(queues[number]):
                heapq.heappush(heads, (queues[number][turn + 1], number, turn + 1))
    return np.array(chosen, np.int64)
