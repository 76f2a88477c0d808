"""DrawSampler: the only batch sampler; shares a dataset's plan out over ranks and starts it anywhere."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info

from svtoolkit import plugins
from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.draws import Draw, Plan
from svtoolkit.errors import CheckpointError, ConfigError
from svtoolkit.registry import DATA_SAMPLERS

logger = logging.getLogger(__name__)


@DATA_SAMPLERS.register_module()
class DrawSampler:
    """Batches of draws, for ``DataLoader(batch_sampler=…)``.

    Of every step, rank r of R takes the items (or groups of items that stay together) r, r + R, …,
    so the union over ranks depends on the global batch alone. Where a plan shares out whole steps
    (evaluation), rank r takes the steps r, r + R, ….
    """

    def __init__(
        self,
        dataset: SpeakerDataset,
        batch_size: int,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        start_step: int = 0,
    ) -> None:
        """Plan nothing yet.

        Args:
            dataset: gives the plan of an epoch.
            batch_size: items of a step on this rank.
            seed: the run's; the dataset's when left out.
            rank: this process; from torch.distributed when left out.
            world_size: number of processes; likewise.
            start_step: where the first epoch begins.
        """
        here, total = get_dist_info()
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = dataset.seed if seed is None else int(seed)
        self.rank = here if rank is None else rank
        self.world_size = total if world_size is None else world_size
        if batch_size < 1 or not 0 <= self.rank < self.world_size:
            raise ConfigError(
                f'DrawSampler: batch_size={batch_size}, rank {self.rank} of {self.world_size} processes; '
                'the batch must not be empty and the rank must be below the number of processes.'
            )
        self.global_batch = batch_size * self.world_size
        self.epoch = 0
        self._start = start_step
        self._handed_out = start_step
        self._plan: tuple[tuple[int, int], Plan] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration walks through."""
        self.epoch = int(epoch)

    def start(self, step: int) -> None:
        """Begin the next iteration at this step of its epoch; the one after begins at 0 again.

        Nothing that lies before is read.
        """
        self._start = int(step)

    @property
    def plan(self) -> Plan:
        """The plan of the current epoch; computed once.

        Raises:
            ValueError: a step has too few items for every rank to get one.
        """
        key = (self.epoch, self.seed)
        if self._plan is None or self._plan[0] != key:
            size = self.batch_size if self.dataset.shard == 'steps' else self.global_batch
            plan = self.dataset.plan(self.epoch, size, self.seed)
            if plan.shard == 'items' and len(plan):
                groups = np.diff(plan.step_offsets) // plan.group
                if groups.min() < self.world_size and self.dataset.tail != 'keep':
                    raise ValueError(
                        f'step {int(groups.argmin())} of epoch {self.epoch} has {groups.min()} items to '
                        f'share out over {self.world_size} processes; use larger batches or fewer processes.'
                    )
            self._plan = (key, plan)
        return self._plan[1]

    def __len__(self) -> int:
        """Steps of the current epoch on this rank, from its beginning."""
        plan = self.plan
        if plan.shard == 'steps':
            return len(range(self.rank, len(plan), self.world_size))
        groups = np.diff(plan.step_offsets) // plan.group
        return int((groups > self.rank).sum())

    def __iter__(self) -> Iterator[list[Draw]]:
        # The body runs at the first next(): a loader that makes two iterators still starts once.
        begin, self._start = self._start, 0
        plan, epoch = self.plan, self.epoch
        if begin > len(self):
            raise ValueError(f'cannot start at step {begin} of an epoch of {len(self)} steps.')
        for step in range(begin, len(self)):
            self._handed_out = step + 1
            yield plan.draws(self._share(plan, step), epoch, self.seed)

    def _share(self, plan: Plan, step: int) -> np.ndarray:
        if plan.shard == 'steps':
            return plan.positions(step * self.world_size + self.rank)
        return plan.positions(step).reshape(-1, plan.group)[self.rank :: self.world_size].ravel()

    def state_dict(self, step: int | None = None) -> dict[str, Any]:
        """Where the run stands, in plain types.

        Args:
            step: steps of the epoch that were trained on. When left out, steps handed out so far,
                which is ahead of training by what workers fetched beforehand.
        """
        return {
            'seed': self.seed,
            'epoch': self.epoch,
            'step': self._handed_out if step is None else int(step),
            'global_batch': self.global_batch,
            'list_hash': self.dataset.list_hash(),
        }

    def load_state_dict(self, state: dict[str, Any], epoch_start: bool = False) -> None:
        """Continue at the step of ``state``; the number of ranks may differ, the global batch may not.

        Args:
            state: of ``state_dict``.
            epoch_start: begin that epoch again instead, with this sampler's batch and list.

        Raises:
            CheckpointError: the global batch or the list is another one, so the step means nothing.
        """
        faults = []
        if state['global_batch'] != self.global_batch:
            faults.append(f'the global batch was {state["global_batch"]} and is {self.global_batch} '
                          f'({self.batch_size} x {self.world_size} processes)')  # fmt: skip
        if state['list_hash'] != self.dataset.list_hash():
            faults.append('the list of recordings is another one')
        if faults and not epoch_start:
            raise CheckpointError(
                f'cannot resume at step {state["step"]} of epoch {state["epoch"]}: {" and ".join(faults)}. '
                'Restore it, or resume from the start of the epoch.'
            )
        self.seed = state['seed']
        self.epoch = state['epoch']
        self._start = self._handed_out = 0 if epoch_start else state['step']


def init_worker(worker_id: int) -> None:
    """Prepare a loader's worker: plug-ins (registrations do not cross a spawn) and a single thread."""
    plugins.load()
    torch.set_num_threads(1)
