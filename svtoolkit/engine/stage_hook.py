"""Change crops, margin and masks at an epoch of a run, such as a large-margin end of a recipe."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from svtoolkit.datasets.draws import frame_samples
from svtoolkit.engine.margin_ramp import MarginRampHook
from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import HOOKS, MODELS

KEYS = ('begin', 'frames', 'margin', 'augment')


@HOOKS.register_module()
class StageHook(Hook):
    """Set the length of crops, the margin and the feature augmentation from an epoch on.

    ``StageHook(stages=[dict(begin=35, frames=600, margin=0.5, augment=None)])``: what a stage does not
    name stays as it is. The plan of the epoch is made after the change, in the main process, so
    workers that live on cut the new length too, and a resumed run finds its stage again.

    Args:
        stages: each with ``begin``, the number of epochs done before it, and any of ``frames`` (of a
            crop), ``margin`` (of the head) and ``augment`` (config of a feature augmentation, or None).

    Raises:
        ConfigError: an unknown key, or beginnings that do not rise.
    """

    def __init__(self, stages: Sequence[dict]) -> None:
        for stage in stages:
            for key in stage:
                if key not in KEYS:
                    raise ConfigError(f'StageHook: {unknown_name("key of a stage", key, KEYS)}')
        begins = [stage.get('begin', 0) for stage in stages]
        if not stages or any(a >= b for a, b in zip(begins, begins[1:])):
            raise ConfigError(f'StageHook: stages begin at the epochs {begins}; they must rise.')
        self.stages = [dict(stage) for stage in stages]

    def before_train(self, runner) -> None:
        dataset = runner.train_dataloader.dataset
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        named = {key for stage in self.stages for key in stage}
        if 'frames' in named and hasattr(dataset, 'lengths'):
            raise ConfigError(f'StageHook: {type(dataset).__name__} draws its own lengths; leave out frames.')
        if 'margin' in named and not hasattr(model.head, 'margin'):
            raise ConfigError(f'StageHook: {type(model.head).__name__} has no margin.')
        if 'margin' in named and any(isinstance(hook, MarginRampHook) for hook in runner.hooks):
            raise ConfigError('StageHook and MarginRampHook both set the margin; leave it to one of them.')

    def before_train_epoch(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        sampler, dataset = runner.train_dataloader.batch_sampler, runner.train_dataloader.dataset
        settings: dict = {}
        for stage in self.stages:
            if stage.get('begin', 0) <= runner.epoch:
                settings.update(stage)
        if 'frames' in settings:
            dataset.crop_samples = frame_samples(settings['frames'], dataset.sample_rate)
            sampler._plan = None  # counting the steps may have planned this epoch already
        if 'margin' in settings:
            model.head.margin = settings['margin']
        if 'augment' in settings:
            augment = settings['augment']
            model.data_preprocessor.augment = MODELS.build(augment) if augment else None
