"""Schedule of the margin of a head."""

import math

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import HOOKS

SHAPES = ('linear', 'cosine', 'exponential')


@HOOKS.register_module()
class MarginRampHook(Hook):
    """Move ``model.head.margin`` from ``start`` to ``stop`` between two epochs, step by step.

    A margin from the first step on stalls a fresh network; published recipes raise it once the classes
    have formed (WeSpeaker: 0 to 0.2 exponentially over epochs 20 to 40).

    Args:
        start: margin up to ``begin``.
        stop: margin from ``end`` on.
        begin: where the ramp begins, in ``unit``.
        end: where it ends.
        unit: ``epoch`` (fractions allowed), or ``run`` for shares of the whole run.
        shape: ``linear``, ``cosine`` or ``exponential``.
    """

    def __init__(
        self,
        start: float = 0.0,
        stop: float = 0.2,
        begin: float = 0.0,
        end: float = 1.0,
        unit: str = 'epoch',
        shape: str = 'linear',
    ) -> None:
        if shape not in SHAPES:
            raise unknown_name('shape of MarginRampHook', shape, SHAPES)
        if unit not in ('epoch', 'run'):
            raise unknown_name('unit of MarginRampHook', unit, ['epoch', 'run'])
        if end < begin:
            raise ConfigError(f'MarginRampHook: end={end} lies before begin={begin}.')
        self.start, self.stop = start, stop
        self.begin, self.end = begin, end
        self.unit = unit
        self.shape = shape

    def margin_at(self, time: float) -> float:
        """The margin at a time in ``unit``."""
        if time >= self.end:
            return self.stop
        share = max(time - self.begin, 0.0) / (self.end - self.begin)
        if self.shape == 'cosine':
            share = (1 - math.cos(math.pi * share)) / 2
        elif self.shape == 'exponential':
            share = (math.exp(5 * share) - 1) / (math.exp(5) - 1)
        return self.start + (self.stop - self.start) * share

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        epoch = runner.epoch + batch_idx / len(runner.train_dataloader)
        margin = self.margin_at(epoch / runner.max_epochs if self.unit == 'run' else epoch)
        if not hasattr(model.head, 'margin'):
            raise ConfigError(
                f'MarginRampHook: {type(model.head).__name__} has no margin; leave the hook out.'
            )
        model.head.margin = margin
        runner.message_hub.update_scalar('train/margin', float(margin))
