"""Train and test from a config file: what ``tools/train.py`` and ``svtoolkit train`` call."""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from torch import distributed

from svtoolkit import plugins
from svtoolkit.engine import fine_tune
from svtoolkit.engine.check_config import check_config
from svtoolkit.errors import ConfigError
from svtoolkit.models.fingerprint import fingerprint
from svtoolkit.registry import DATASETS, RUNNERS

RUNS = itertools.count(1)
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def read_config(path: str | Path, options: dict | None = None, plugin_modules: Sequence[str] = ()) -> Config:
    """Read a config, merge overrides, import its plug-ins.

    Args:
        path: a Python config.
        options: dotted key -> value, as from ``--cfg-options``.
        plugin_modules: modules to import first; a failure is an error.

    Raises:
        ConfigError: no such file, or one that Python or mmengine cannot read.
    """
    if not Path(path).is_file():
        raise ConfigError(f'{path}: no such config file.')
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a Python file and can fail in any way
        raise ConfigError(f'{path}: cannot be read: {type(error).__name__}: {error}') from error
    if options:
        try:
            config.merge_from_dict(options)
        except (KeyError, TypeError, AssertionError, IndexError) as error:
            raise ConfigError(f'{path}: --cfg-options {options}: {error}') from error
    imports = (config.get('custom_imports') or {}).get('imports', [])
    plugins.import_explicit(
        [*plugin_modules, *config.get('plugins', []), *([imports] if isinstance(imports, str) else imports)]
    )
    return config


def train(
    config_path: str | Path,
    work_dir: str | Path | None = None,
    resume: bool | str = False,
    amp: bool = False,
    validate: bool = True,
    auto_scale_lr: bool = False,
    seed: int | None = None,
    deterministic: bool = False,
    options: dict | None = None,
    launcher: str = 'none',
    plugin_modules: Sequence[str] = (),
) -> dict:
    """Train a model.

    Args:
        config_path: the recipe.
        work_dir: folder of the run; default ``work_dirs/<config name>``.
        resume: True for the newest checkpoint of the run, or a path.
        amp: bfloat16 autocast.
        validate: measure on the development list while training.
        auto_scale_lr: scale the learning rate with the batch (base in the config).
        seed: overrides the config's.
        deterministic: ask torch for deterministic algorithms.
        options: dotted config overrides.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        plugin_modules: modules to import first.

    Returns:
        ``work_dir`` and ``metrics``, the last validation's values.

    Raises:
        ConfigError: everything that is wrong with the config, in one message.
    """
    config = read_config(config_path, options, plugin_modules)
    for key in ('model', 'train_dataloader', 'optim_wrapper'):
        if config.get(key) is None:
            raise ConfigError(f'{config_path}: has no {key}; nothing to train.')
    _set_work_dir(config, config_path, work_dir)
    config.launcher = launcher
    config.resume = bool(resume)
    if isinstance(resume, str) and resume != 'auto':
        config.load_from = resume
    if amp and config.optim_wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        config.optim_wrapper.type = 'AutocastOptimWrapper'
    if not validate:
        config.val_dataloader = config.val_cfg = config.val_evaluator = None
    if auto_scale_lr:
        if 'auto_scale_lr' not in config:
            raise ConfigError(
                f'{config_path}: --auto-scale-lr needs auto_scale_lr=dict(base_batch_size=…) in it.'
            )
        config.auto_scale_lr.enable = True
    config.setdefault('randomness', dict(seed=0))
    if seed is not None:
        config.randomness.seed = seed
    config.randomness.deterministic = deterministic or config.randomness.get('deterministic', False)
    config.test_dataloader = config.test_cfg = config.test_evaluator = None
    fine_tune.prepare(config)
    fill_num_speakers(config)
    check_config(config)
    with _process_group():
        runner = _build_runner(config)
        runner.train()
    metrics = {
        key: runner.message_hub.get_scalar(f'val/{key}').current()
        for key in ('asv/EER', 'asv/minDCF_p05')
        if f'val/{key}' in runner.message_hub.log_scalars
    }
    return dict(work_dir=runner.work_dir, metrics=metrics)


def test(
    config_path: str | Path,
    checkpoint: str | Path,
    work_dir: str | Path | None = None,
    options: dict | None = None,
    launcher: str = 'none',
    plugin_modules: Sequence[str] = (),
    out_dir: str | Path | None = None,
) -> dict[str, float]:
    """Measure a checkpoint on the test lists of its config; writes one folder per list.

    Returns:
        Metrics as fractions, such as ``asv/EER``.
    """
    config = read_config(config_path, options, plugin_modules)
    _set_work_dir(config, config_path, work_dir)
    config.launcher = launcher
    config.load_from = str(checkpoint)
    if config.get('test_dataloader') is None:
        raise ConfigError(f'{config_path}: has no test_dataloader; nothing to test on.')
    config.model.head = None
    for key in (
        'train_dataloader',
        'train_cfg',
        'optim_wrapper',
        'param_scheduler',
        'val_dataloader',
        'val_cfg',
        'val_evaluator',
        'custom_hooks',
    ):
        config.pop(key, None)
    config.test_evaluator.out_dir = str(out_dir or Path(config.work_dir) / 'test')
    check_config(config)
    with _process_group():
        runner = _build_runner(config)
        runner.load_or_resume()
        mark = fingerprint(runner.bare_model.state_dict(), config.model.to_dict())
        config.test_evaluator.fingerprint = runner._test_evaluator.fingerprint = mark
        return runner.test()


def fill_num_speakers(config: Config) -> None:
    """Write the number of training classes (speakers times speeds) where the head says None."""
    head = config.model.get('head')
    if not head or head.get('num_speakers', 0) is not None:
        return
    try:
        head.num_speakers = DATASETS.build(config.train_dataloader.dataset).num_speakers
    except (LookupError, TypeError, ValueError, OSError):
        head.num_speakers = 2  # check_config names what is wrong with the data


def _set_work_dir(config: Config, config_path: str | Path, work_dir: str | Path | None) -> None:
    config.work_dir = str(work_dir or config.get('work_dir') or Path('work_dirs') / Path(config_path).stem)


@contextmanager
def _process_group() -> Iterator[None]:
    """Leave the process group that the runner joins: all ranks together, or at once after an error.

    Threads of gloo that outlive the interpreter abort the process (pytorch pull request 179291), and torchrun then
    fails a run that was done.
    """
    ours = not distributed.is_initialized()
    try:
        yield
        if ours and distributed.is_initialized():
            distributed.barrier()
    finally:
        if ours and distributed.is_initialized():
            distributed.destroy_process_group()


def _build_runner(config: Config):
    if config.launcher not in LAUNCHERS:
        raise ConfigError(f'launcher {config.launcher!r}: choose one of {", ".join(LAUNCHERS)}.')
    if config.launcher == 'pytorch' and 'LOCAL_RANK' not in os.environ:
        raise ConfigError('--launcher pytorch: start with tools/dist_train.sh, or with torchrun.')
    # mmengine tells runs apart by name and second: two of one config may start within a second
    config.experiment_name = f'{Path(config.work_dir).name}-{next(RUNS)}'
    return RUNNERS.get(config.get('runner_type', 'SpeakerRunner')).from_cfg(config)
