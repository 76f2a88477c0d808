"""Read the TOML files of the Chinese ECAPA-TDNN voiceprint project and write the same recipe as a config.

``train.toml`` becomes a training recipe, ``infer.toml`` the description of a model. Lists are taken as they
are: ``path<TAB>label`` for training, ``label enroll test`` for trials. What has no meaning here, was never
read there, or points to something that does not exist is named, key by key.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from pprint import pformat
from typing import Any

from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, MissingExtraError

FRAME, EDGE = 160, 240  # samples of a crop: num_frames * 160 + 240
RUNTIME = dict(
    default_scope='svtoolkit',
    runner_type='SpeakerRunner',
    default_hooks=dict(
        runtime_info=dict(type='RuntimeInfoHook'),
        timer=dict(type='IterTimerHook'),
        logger=dict(type='LoggerHook', interval=100),
        param_scheduler=dict(type='ParamSchedulerHook'),
        checkpoint=dict(type='SafeCheckpointHook', save_best='asv/EER', rule='less'),
        sampler_seed=None,
    ),
    visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
    log_processor=dict(by_epoch=True),
    env_cfg=dict(dist_cfg=dict(backend='nccl'), mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
)


@dataclass
class Migration:
    """A recipe made from a TOML file.

    Attributes:
        source: the file.
        settings: key -> value of the new config.
        ignored: ``key = value: why`` for every key without effect.
        trials: path of the trial list whose recordings need a list of their own, and their folder.
    """

    source: Path
    settings: dict[str, Any]
    ignored: list[str] = field(default_factory=list)
    trials: tuple[Path, Path] | None = None

    def text(self) -> str:
        """The config as a Python file."""
        lines = [f'"""Migrated from {self.source.name} by "svtoolkit migrate-config"."""']
        lines += [f'# without effect: {one}' for one in self.ignored]
        lines += [
            f'{key} = {pformat(value, width=110, sort_dicts=False)}' for key, value in self.settings.items()
        ]
        return '\n'.join(lines) + '\n'

    def write(self, path: str | Path) -> None:
        """Write the config, and beside it the list of the recordings in its trials."""
        path = Path(path)
        if self.trials is not None:
            trials, root = self.trials
            listed = path.with_name(f'{path.stem}_trials.tsv')
            names = TrialList.read(trials).ids
            rows = [f'{name}\t{(root / name).absolute()}' for name in names]
            listed.write_text('\n'.join(['utt\tpath', *rows]) + '\n', encoding='utf-8')
            for key in ('val_dataloader', 'test_dataloader'):
                self.settings[key]['dataset']['manifest'] = str(listed.absolute())
        path.write_text(self.text(), encoding='utf-8')


class _Keys:
    """The values of a TOML file by dotted key; remembers which were asked for."""

    def __init__(self, content: dict) -> None:
        self.values = dict(_flatten(content))
        self.ignored: dict[str, str] = {}
        self.used: set[str] = set()

    def take(self, key: str, default: Any = None) -> Any:
        self.used.add(key)
        value = self.values.get(key, default)
        return default if value == '' else value

    def ignore(self, key: str, why: str) -> None:
        if key in self.values:
            self.used.add(key)
            self.ignored[key] = f'{key} = {self.values[key]!r}: {why}'

    def report(self) -> list[str]:
        unknown = {
            key: f'{key} = {value!r}: unknown key'
            for key, value in self.values.items()
            if key not in self.used
        }
        return [text for _, text in sorted((self.ignored | unknown).items())]


def migrate(path: str | Path, root: str | Path | None = None) -> Migration:
    """Translate ``train.toml`` or ``infer.toml``.

    Args:
        path: the file.
        root: folder of the recordings in its lists; each list's own when left out.

    Raises:
        ConfigError: not TOML, or a model that svtoolkit does not have.
        MissingExtraError: Python 3.10 without tomli.
    """
    path = Path(path)
    keys = _Keys(_read(path))
    settings = _infer(keys) if 'infer_set.threshold' in keys.values else {}
    if settings:
        return Migration(path, settings, keys.report())
    if 'meta.train_list_path' not in keys.values:
        raise ConfigError(f'{path}: neither [meta] train_list_path nor [infer_set] threshold is in it.')
    settings, trials = _train(keys, None if root is None else Path(root))
    return Migration(path, settings, keys.report(), trials)


def _infer(keys: _Keys) -> dict[str, Any]:
    keys.ignore('infer_set.frame_length', 'was never read')
    keys.ignore('model.path', 'convert it: svtoolkit convert FILE --from tao -o FOLDER --threshold T')
    width = keys.take('model.args.C', 1024)
    model = _model(str(keys.take('model.initial_path', 'ECAPA_TDNN')), width)
    return dict(default_scope='svtoolkit', model={**model, 'head': None},
                threshold=float(keys.take('infer_set.threshold')))  # fmt: skip


def _train(keys: _Keys, root: Path | None) -> tuple[dict[str, Any], tuple[Path, Path] | None]:
    model = _model(str(keys.take('model.path', 'ECAPA_TDNN')), keys.take('model.args.C', 1024))
    keys.ignore('loss_function.args.n_class', 'counted from the training list')
    for key in ('loss_function.name', 'loss_function.path', 'trainer.path'):
        keys.ignore(key, 'AAM softmax and the training loop are built in')
    model['head'] = dict(
        type='AAMSoftmaxHead',
        num_speakers=None,
        scale=float(keys.take('loss_function.args.s', 30)),
        margin=float(keys.take('loss_function.args.m', 0.2)),
    )
    train_list = Path(keys.take('meta.train_list_path')).absolute()
    workers = int(keys.take('meta.num_workers', 0))
    loader: dict[str, Any] = dict(
        batch_size=int(keys.take('meta.batch_size', 256)),
        num_workers=workers,
        persistent_workers=workers > 0,
        dataset=dict(
            type='RandomSpeakerDataset',
            manifest=str(train_list),
            root=str((root or train_list.parent).absolute()),
            num_samples=int(keys.take('meta.num_frames', 200)) * FRAME + EDGE,
            tail='drop',
            pipeline=_pipeline(keys),
        ),
    )
    if not keys.take('meta.pin_memory', True):
        loader['pin_memory'] = False  # else it is on where there is a GPU
    settings: dict[str, Any] = dict(deepcopy(RUNTIME), model=model, train_dataloader=loader)
    wrapper = 'AutocastOptimWrapper' if keys.take('meta.use_amp', False) else 'OptimWrapper'
    settings['optim_wrapper'] = dict(type=wrapper, optimizer=dict(
        type='Adam', lr=float(keys.take('optimizer.lr', 1e-3)),
        weight_decay=float(keys.take('optimizer.weight_decay', 2e-5))))  # fmt: skip
    clips, value = 'trainer.args.clip_grad_norm_ornot', 'trainer.args.clip_grad_norm_value'
    if keys.take(clips, False):
        settings['optim_wrapper']['clip_grad'] = dict(max_norm=float(keys.take(value, 10)))
    else:
        keys.ignore(value, f'{clips} is false')
    settings['param_scheduler'] = dict(type='StepLR', by_epoch=True, step_size=1, gamma=0.97)
    epochs = int(keys.take('meta.num_epochs', 80))
    settings['train_cfg'] = dict(type='SpeakerTrainLoop', max_epochs=epochs, val_interval=1)
    settings['randomness'] = dict(seed=int(keys.take('meta.seed', 0)))
    _start(keys, settings)
    folder = keys.take('meta.save_model_dir')
    if folder:
        settings['work_dir'] = str(Path(folder) / str(keys.take('meta.experiment_name', '')))
    return settings, _evaluation(keys, settings, root, workers)


def _evaluation(keys: _Keys, settings: dict, root: Path | None, workers: int) -> tuple[Path, Path] | None:
    listed = keys.take('meta.test_list_path')
    if not listed or not Path(listed).is_file():
        keys.ignore('meta.test_list_path', 'no such file: nothing is measured')
        settings['default_hooks']['checkpoint']['save_best'] = None
        return None
    trials = Path(listed).absolute()
    loader: dict[str, Any] = dict(
        batch_size=8, num_workers=workers, dataset=dict(type='UtteranceDataset', manifest=None)
    )
    for key in ('val', 'test'):
        settings[f'{key}_dataloader'] = dict(loader, dataset=dict(loader['dataset']))
        settings[f'{key}_evaluator'] = dict(type='TrialMetric', trials=str(trials))
        settings[f'{key}_cfg'] = {}
    return trials, root or trials.parent


def _start(keys: _Keys, settings: dict) -> None:
    keys.ignore(
        'meta.preloaded_model_path',
        'convert it: svtoolkit convert FILE --from tao -o FOLDER; then set fine_tune',
    )
    old = keys.take('trainer.args.pretrain_model_path')
    if not keys.take('trainer.args.finetune', False):
        keys.ignore('trainer.args.pretrain_model_path', 'finetune is false')
    elif not old:
        raise ConfigError('trainer.args.finetune is true, but pretrain_model_path is empty.')
    else:
        settings['fine_tune'] = dict(checkpoint=str(old), head='new', bn='auto')
        stages = [dict(until=1, train=['head']), dict(train='all')]
        settings['custom_hooks'] = [dict(type='FreezeHook', stages=stages)]


def _pipeline(keys: _Keys) -> list[dict]:
    """The six ways of the original as far as their sounds exist: none, room, babble, music, noise, television."""
    ways: list[Any] = [None]
    rooms, sounds = keys.take('meta.rir_path'), keys.take('meta.musan_path')
    if rooms and Path(rooms).is_dir():
        ways.append(dict(type='Reverb', files=str(rooms)))
    else:
        keys.ignore('meta.rir_path', 'no such folder: no rooms are simulated')
    if sounds and Path(sounds).is_dir():
        babble = dict(type='AddNoise', files=str(sounds), kinds=dict(babble=(13, 20)), talkers=(1, 5))
        music = dict(type='AddNoise', files=str(sounds), kinds=dict(music=(5, 15)))
        noise = dict(type='AddNoise', files=str(sounds), kinds=dict(noise=(0, 15)))
        ways += [babble, music, noise, [babble, music]]
    else:
        keys.ignore('meta.musan_path', 'no such folder: no noise is added')
    gain = dict(type='RandomChoice', transforms=[dict(type='RandomGain'), None], probs=[0.7, 0.3])
    return [gain] + ([dict(type='RandomChoice', transforms=ways)] if len(ways) > 1 else [])


def _model(name: str, channels: int) -> dict[str, Any]:
    if 'ecapa' not in re.sub(r'[^a-z]', '', name.lower()):
        raise ConfigError(f"model '{name}': only ECAPA-TDNN can be migrated.")
    return dict(
        type='EmbeddingRecognizer',
        data_preprocessor=dict(
            type='SpeakerPreprocessor',
            feature=dict(type='LogMel', preset='ecapa'),
            augment=dict(type='SpecAugment', max_freq_width=7, max_time_width=9),
        ),
        backbone=dict(type='ECAPATDNN', channels=int(channels)),
        neck=dict(
            type='AttentiveStatsPooling',
            attention_channels=256,
            act='relu_bn_tanh',
            context=True,
            context_unbiased=True,
            context_floor=1e-4,
            variance_floor=1e-4,
        ),
        embedding=dict(embed_dim=192, pre_norm='bn', norm='bn'),
    )


def _flatten(content: dict, prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def _read(path: Path) -> dict:
    try:
        import tomllib as toml
    except ImportError:  # Python 3.10
        try:
            import tomli as toml  # type: ignore[no-redef]
        except ImportError as error:
            raise MissingExtraError('tomli', 'migrate') from error
    try:
        return toml.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ConfigError(f'{path}: not a readable TOML file: {error}') from error
