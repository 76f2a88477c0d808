"""Learning rate: a linear rise, then half a cosine, as shares of the whole run."""

import math

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from svtoolkit.errors import ConfigError
from svtoolkit.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Step by step from 0 up to the optimiser's rate, then down to ``floor`` times it.

    Counted in shares of the run, so a run of another length needs no other line of the config.

    Args:
        optimizer: whose rates are set.
        warmup: share of all steps for the rise.
        floor: factor at the end.
        end: number of steps; the runner fills it in.
        begin: step the schedule begins at.
        last_step: as in mmengine.
        by_epoch: must be False; the rate moves every step.
        verbose: as in mmengine.
    """

    def __init__(
        self,
        optimizer,
        warmup: float = 0.1,
        floor: float = 0.0,
        end: int = 1,
        begin: int = 0,
        last_step: int = -1,
        by_epoch: bool = False,
        verbose: bool = False,
    ) -> None:
        if by_epoch:
            raise ConfigError('WarmupCosineLR moves every step: write by_epoch=False.')
        if not 0 <= warmup < 1:
            raise ConfigError(f'WarmupCosineLR: warmup={warmup} is a share of the run, 0 <= warmup < 1.')
        self.warmup = warmup
        self.floor = floor
        super().__init__(
            optimizer, begin=begin, end=end, last_step=last_step, by_epoch=False, verbose=verbose
        )

    def factor_at(self, share: float) -> float:
        """Factor on the optimiser's rate after a share of the run."""
        if share < self.warmup:
            return share / self.warmup
        rest = (share - self.warmup) / (1 - self.warmup)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * min(rest, 1.0))) / 2

    def _get_value(self) -> list[float]:
        share = (self.last_step + 1) / (self.end - self.begin)
        return [base * self.factor_at(share) for base in self.base_values]
