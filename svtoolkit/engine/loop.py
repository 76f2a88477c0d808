"""The training loop: epochs of planned draws, startable at any step."""

import numpy as np
import torch
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from svtoolkit.registry import LOOPS


@LOOPS.register_module()
class SpeakerTrainLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop that can begin in the middle of an epoch.

    torch's generators are seeded anew from (seed, epoch, step, rank) before every step, so dropout and
    masks are the same after a resume, and nothing about them needs saving. Neither do gradients that
    accumulate: the last step of an epoch always updates the weights. With ``val_begin=0`` the start weights are
    measured before the first step.

    Attributes:
        step: number of steps of the current epoch that are done.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.step = 0

    def run(self) -> nn.Module:
        self.runner.call_hook('before_train')
        if not self.step:  # resumed: a checkpoint is written before its epoch is measured
            self._validate()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate()
        self.runner.call_hook('after_train')
        return self.runner.model

    def _validate(self) -> None:
        self._decide_current_val_interval()
        due = self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs
        if self.runner.val_loop is not None and self._epoch >= self.val_begin and due:
            self.runner.val_loop.run()

    def run_epoch(self) -> None:
        sampler = self.dataloader.batch_sampler
        sampler.set_epoch(self._epoch)
        sampler.start(self.step)
        self.runner.optim_wrapper.initialize_count_status(self.runner.model, self.step, len(sampler))
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        for index, batch in enumerate(self.dataloader, start=self.step):
            seed_step(self.runner.seed, self._epoch, index, self.runner.rank)
            self.run_iter(index, batch)
            self.step = index + 1
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        self.step = 0


def seed_step(seed: int, epoch: int, step: int, rank: int) -> None:
    """Seed torch's generators for one training step."""
    words = np.random.SeedSequence([seed, epoch, step, rank]).generate_state(2)
    torch.manual_seed(int(words[0]) | int(words[1]) << 32)
