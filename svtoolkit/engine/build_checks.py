"""Faults of values: parts whose names and arguments are right are built, and the first rows of data are read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.config import Config
from torch import nn

from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.utterances import UtteranceDataset
from svtoolkit.engine.runner import SpeakerRunner
from svtoolkit.errors import ConfigError, SvtoolkitError
from svtoolkit.evaluation.trial_metric import TrialMetric
from svtoolkit.registry import DATASETS, HOOKS, METRICS, MODELS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS

# what a constructor says of values it cannot take; anything else is a fault of ours
REFUSALS = (
    SvtoolkitError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    OSError,
)
MANY_STEPS = 10**6  # stands for the steps of an epoch, so that no schedule ends before it begins


def faults(config: Config, known: Sequence[str] = (), data: bool = True) -> list[str]:
    """Build what can be built before a run and say what refuses, each with its path in the config.

    Args:
        config: a merged config; ``num_speakers`` of the head is filled in.
        known: faults of names and arguments; what they speak of is not built.
        data: also open the lists and the first recordings.
    """
    found: list[str] = []

    def sound(path: str) -> bool:
        return bool(config.get(path.split('[')[0].split('.')[0])) and not any(
            path in fault for fault in known
        )

    if sound('model'):
        with _note('model', found):
            _build_model(config)
    for path, hook in _hooks(config):
        if sound(path):
            with _note(path, found):
                HOOKS.build({key: value for key, value in hook.items() if key != 'priority'})
    if sound('optim_wrapper') and 'constructor' not in config.optim_wrapper:  # which may ask for more
        with _note('optim_wrapper', found):
            _build_schedules(config, sound('param_scheduler'))
    for stage in ('train', 'val', 'test') if data else ():
        found += _stage_faults(stage, config, sound)
    return found


@contextmanager
def _note(path: str, found: list[str]) -> Iterator[None]:
    try:
        yield
    except NotImplementedError:  # a part that cannot be tried without memory says nothing about the config
        pass
    except SvtoolkitError as error:
        found.append(f'{path}: {error}')
    except REFUSALS as error:
        found.append(f'{path}: {type(error).__name__}: {error}')


def _build_model(config: Config) -> None:
    """Build the model without memory and push features of 2 s through it."""
    with torch.device('meta'), torch.no_grad():
        model = MODELS.build(config.model)
        front_end = model.data_preprocessor.feature
        features = torch.zeros(2, front_end.num_bins, front_end.num_frames(2 * front_end.sample_rate))
        model.eval().embed_features(features)


def _hooks(config: Config) -> Iterator[tuple[str, dict]]:
    for name, hook in (config.get('default_hooks') or {}).items():
        if hook:
            yield f'default_hooks.{name}', hook
    for index, hook in enumerate(config.get('custom_hooks') or []):
        if isinstance(hook, dict):  # else it is built already
            yield f'custom_hooks[{index}]', hook


def _build_schedules(config: Config, schedules_too: bool) -> None:
    """Build the optimiser over a stand-in for the weights, and the schedules over the optimiser."""
    options = {'type': 'OptimWrapper', **config.optim_wrapper}
    options.pop('paramwise_cfg', None)
    options['optimizer'] = OPTIMIZERS.build({**options['optimizer'], 'params': nn.Linear(1, 1).parameters()})
    wrapper = OPTIM_WRAPPERS.build(options)
    schedules = config.param_scheduler if schedules_too else []
    epochs = (config.get('train_cfg') or {}).get('max_epochs', 1)
    for schedule in [schedules] if isinstance(schedules, dict) else schedules:
        end = epochs if schedule.get('by_epoch', True) else epochs * MANY_STEPS
        PARAM_SCHEDULERS.build(
            {'end': end, **schedule}, default_args=dict(optimizer=wrapper, epoch_length=MANY_STEPS)
        )


def _stage_faults(stage: str, config: Config, sound: Callable[[str], bool]) -> list[str]:
    """The loader and the metric of training, validation or testing, and whether they go together."""
    found: list[str] = []
    dataset = metric = None
    path = f'{stage}_dataloader'
    if sound(path):
        with _note(f'{path}.dataset', found):
            dataset = _open_data(config[path].dataset)
    if dataset is not None:
        with _note(path, found):
            _check_loader(config[path], dataset)
    if dataset is not None and stage == 'train':
        with _note('model.head', found):
            _check_classes(config, dataset.num_speakers)
    if sound(f'{stage}_evaluator'):
        with _note(f'{stage}_evaluator', found):
            metric = METRICS.build(config[f'{stage}_evaluator'])
    if isinstance(metric, TrialMetric) and isinstance(dataset, UtteranceDataset):
        with _note(f'{stage}_evaluator', found):
            metric.check_utterances(dataset.manifest.utts)
    return found


def _open_data(options: dict) -> SpeakerDataset:
    dataset = DATASETS.build(options)
    dataset.full_init()
    if not len(dataset):
        raise ConfigError('no utterance is left; look at include_speakers, exclude_speakers and the list')
    dataset[0]
    return dataset


def _check_classes(config: Config, found: int) -> None:
    given = ((config.get('model') or {}).get('head') or {}).get('num_speakers')
    if given is not None and given < found:
        raise ConfigError(
            f'num_speakers = {given}, but the training data have {found} classes '
            '(speakers times speeds); leave it None to have it filled in'
        )


def _check_loader(options: dict, dataset: SpeakerDataset) -> None:
    loader = SpeakerRunner.build_dataloader({**options, 'dataset': dataset})
    if not len(loader):
        raise ConfigError(
            f'{len(dataset)} utterances do not fill one batch of {options["batch_size"]}; lower batch_size'
        )
