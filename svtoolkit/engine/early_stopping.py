"""End a run when the development voices are recognised no better."""

import math

from mmengine.hooks import Hook

from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(Hook):
    """Stop when ``patience`` validations in a row bring nothing better than the best before them.

    Takes the place of mmengine's hook of that name, which counts an unchanged value as better, wants 0.1 of change
    (10 points of EER), and forgets what it counted in a resumed run.

    Args:
        monitor: key of the validation metric.
        rule: ``less`` or ``greater`` is better.
        patience: validations to wait.
        min_delta: smallest change that counts as better, in the metric's unit.
    """

    priority = 'LOWEST'

    def __init__(
        self, monitor: str = 'asv/EER', rule: str = 'less', patience: int = 5, min_delta: float = 0.0
    ) -> None:
        if rule not in ('less', 'greater'):
            raise unknown_name('rule of EarlyStoppingHook', rule, ['less', 'greater'])
        if patience < 1 or min_delta < 0:
            raise ConfigError(
                f'EarlyStoppingHook: patience={patience}, min_delta={min_delta}; at least 1 and 0 are needed.'
            )
        self.monitor = monitor
        self.sign = 1 if rule == 'less' else -1
        self.patience = patience
        self.min_delta = min_delta
        self.best = math.inf  # of sign * value
        self.waited = 0

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        metrics = metrics or {}
        if self.monitor not in metrics:
            raise unknown_name('monitor of EarlyStoppingHook', self.monitor, metrics)
        value = self.sign * float(metrics[self.monitor])
        better = value < self.best - self.min_delta
        self.waited = 0 if better else self.waited + 1
        self.best = value if better else self.best
        if self.waited >= self.patience:
            runner.train_loop.stop_training = True
            runner.logger.info(
                f'training stops: {self.monitor} got no better than {self.sign * self.best:.4f} in '
                f'{self.waited} validations'
            )

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['early_stopping'] = dict(best=self.best, waited=self.waited)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        state = checkpoint.get('early_stopping') if runner._resume else None
        if state is not None:
            self.best, self.waited = state['best'], state['waited']
