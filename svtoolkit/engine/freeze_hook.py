"""Train parts of a model before the rest: a warm-up of a new head on a frozen backbone."""

from collections.abc import Collection, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from torch import nn

from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import HOOKS

ALIASES = {'pool': 'neck'}


@HOOKS.register_module()
class FreezeHook(Hook):
    """Train only some parts, stage after stage.

    ``FreezeHook(stages=[dict(until=1, train=['head']), dict(until=3, train=['head', 'embedding', 'neck']),
    dict(train='all')])``: the first epoch trains the head alone, two more what stands behind the
    backbone, then everything. A part is named as in the model (``backbone.layer4`` too). What is frozen
    gets no gradient and is in evaluation mode: its batch norms neither use nor move batch statistics.
    What the model itself does not train, such as a self-supervised network under its adapters, never learns.

    Args:
        stages: in order; ``until`` is the number of epochs done when a stage ends, missing in the last.

    Raises:
        ConfigError: no stages, or their ends do not rise.
    """

    def __init__(self, stages: Sequence[dict]) -> None:
        ends = [stage.get('until', float('inf')) for stage in stages]
        if not stages or any(a >= b for a, b in zip(ends, ends[1:])):
            raise ConfigError(f'FreezeHook: stages end after {ends} epochs; the ends must rise.')
        for stage in stages:
            for key in stage:
                if key not in ('until', 'train'):
                    raise ConfigError(
                        f'FreezeHook: {unknown_name("key of a stage", key, ["until", "train"])}'
                    )
            if 'train' not in stage:
                raise ConfigError(f'FreezeHook: {dict(stage)}: say which parts to train, or train="all".')
        self.stages = [dict(stage) for stage in stages]
        self.ends = ends
        self._frozen: list[nn.Module] = []
        self._fixed: set[str] = set()

    def before_train(self, runner) -> None:
        model = _bare(runner.model)
        self._fixed = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        names = [name for name, _ in model.named_modules() if name]
        for stage in self.stages:
            for part in _parts(stage):
                if part not in names:
                    raise unknown_name('part in FreezeHook', part, names)
        if isinstance(runner.model, MMDistributedDataParallel) and not runner.model.find_unused_parameters:
            raise ConfigError('FreezeHook on several ranks needs model_wrapper_cfg=dict('
                              "type='MMDistributedDataParallel', find_unused_parameters=True).")  # fmt: skip

    def before_train_epoch(self, runner) -> None:
        stage = self.stages[self.stage_at(runner.epoch)]
        frozen = freeze(_bare(runner.model), None if stage['train'] == 'all' else _parts(stage), self._fixed)
        if len(frozen) != len(self._frozen):
            runner.logger.info(f'training {stage["train"]} from epoch {runner.epoch + 1} on')
        self._frozen = frozen

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        for module in self._frozen:  # the loop calls model.train() after before_train_epoch
            module.training = False

    def stage_at(self, epoch: int) -> int:
        """Number of the stage in an epoch, counted from 0; the last one goes on for ever."""
        return next((i for i, end in enumerate(self.ends) if epoch < end), len(self.stages) - 1)


def freeze(model: nn.Module, train: Sequence[str] | None, fixed: Collection[str] = ()) -> list[nn.Module]:
    """Let only the named parts learn; returns the modules that must stay in evaluation mode.

    Args:
        model: whose parameters are switched.
        train: prefixes of names; None for everything.
        fixed: parameters that never learn.
    """
    for name, parameter in model.named_parameters():
        learns = name not in fixed and (train is None or _below(name, train))
        parameter.requires_grad_(learns)
        if not learns:
            parameter.grad = None  # a stale gradient would still be applied
    if train is None:
        return []
    return [
        module
        for name, module in model.named_modules()
        if name and not _below(name, train) and not any(part.startswith(f'{name}.') for part in train)
    ]


def _below(name: str, parts: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f'{part}.') for part in parts)


def _parts(stage: dict) -> list[str]:
    train = stage['train']
    if train == 'all':
        return []
    return [ALIASES.get(part, part) for part in ([train] if isinstance(train, str) else train)]


def _bare(model: Any) -> nn.Module:
    return model.module if is_model_wrapper(model) else model
