"""Find every fault of a config before anything is trained, and say all of them in one message."""

import difflib
import inspect
from collections.abc import Iterable, Iterator

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from svtoolkit.engine import build_checks, fine_tune
from svtoolkit.errors import ConfigError, SvtoolkitError, list_faults
from svtoolkit.registry import (
    BACKENDS,
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
)

# keys of a config beside the arguments of the runner
EXTRA_KEYS = {
    'runner_type',
    'custom_imports',
    'plugins',
    'model_wrapper_cfg',
    'sync_bn',
    'find_unused_parameters',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'fine_tune',
}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
STAGES = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)
EVALUATORS = ('val_evaluator', 'test_evaluator')
# typed dicts may sit below these keys of a part; elsewhere a child belongs to its parent's registry
CHILD_REGISTRY = {
    'pipeline': TRANSFORMS,
    'dataset': DATASETS,
    'backend': BACKENDS,
    'optimizer': OPTIMIZERS,
    'vis_backends': VISBACKENDS,
}
# keys that the code around a part takes out before the part is built
TAKEN_BEFORE = {
    'optim_wrapper': {'constructor', 'paramwise_cfg'},
    'param_scheduler': {'convert_to_iter_based'},
    'hook': {'priority'},
}


def check_config(config: Config, data: bool = True) -> None:
    """Check names, arguments, shapes and the first rows of data.

    Args:
        config: a merged config; ``num_speakers`` of the head is filled in.
        data: also open the lists and the first recording.

    Raises:
        ConfigError: lists every fault with its path in the config.
    """
    faults = [*_key_faults(config), *fine_tune.faults(config)]
    faults += _part_faults(config)
    faults += build_checks.faults(config, faults, data)
    if faults:
        name = config.filename or 'config'
        raise ConfigError(list_faults(f'{name}: {len(faults)} fault{"s" if len(faults) > 1 else ""}', faults))


def _key_faults(config: Config) -> Iterator[str]:
    known = set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'} | EXTRA_KEYS
    for key, value in config.items():
        variable = isinstance(value, (str, int, float)) and not difflib.get_close_matches(
            key, known, cutoff=0.85
        )
        if key not in known and not variable:  # a recipe may name a number or a folder for its own use
            yield f"unknown key '{key}'{_near(key, known)}"
    if not isinstance(config.get('model'), dict):
        yield "'model' is missing"
    for keys in STAGES:
        given = [key for key in keys if config.get(key) is not None]
        if given and len(given) < len(keys):
            missing = ', '.join(f"'{key}'" for key in keys if key not in given)
            yield f'{missing} missing: {", ".join(keys)} go together'
    for key in LOADERS:
        loader = config.get(key)
        if not loader:
            continue
        allowed = set(inspect.signature(DataLoader.__init__).parameters) - {
            'self',
            'sampler',
            'batch_sampler',
        }
        for name in loader:
            if name not in allowed:
                yield f"{key}: unknown key '{name}'{_near(name, allowed)}"
        for name in ('batch_size', 'dataset'):
            if name not in loader:
                yield f"{key}: '{name}' is missing"


def _part_faults(config: Config) -> list[str]:
    faults: list[str] = []
    parts: list[tuple[str, object, Registry, str]] = [
        ('model', config.get('model'), MODELS, 'model'),
        ('optim_wrapper', config.get('optim_wrapper'), OPTIM_WRAPPERS, 'optim_wrapper'),
        ('param_scheduler', config.get('param_scheduler'), PARAM_SCHEDULERS, 'param_scheduler'),
        ('custom_hooks', config.get('custom_hooks'), HOOKS, 'hook'),
        ('visualizer', config.get('visualizer'), VISUALIZERS, 'visualizer'),
        ('train_cfg', config.get('train_cfg'), LOOPS, 'loop'),
    ]
    parts += [
        (f'default_hooks.{name}', hook, HOOKS, 'hook')
        for name, hook in (config.get('default_hooks') or {}).items()
    ]
    parts += [
        (f'{key}.dataset', config[key].get('dataset'), DATASETS, 'dataset')
        for key in LOADERS
        if config.get(key)
    ]
    parts += [(key, config.get(key), METRICS, 'metric') for key in EVALUATORS]
    for path, part, registry, role in parts:
        _walk(path, part, registry, role, faults)
    return faults


def _walk(path: str, part: object, registry: Registry, role: str, faults: list[str]) -> None:
    if isinstance(part, (list, tuple)):
        for index, item in enumerate(part):
            _walk(f'{path}[{index}]', item, registry, role, faults)
        return
    if not isinstance(part, dict):
        return
    for key, child in part.items():
        below = CHILD_REGISTRY.get(key, registry)
        _walk(f'{path}.{key}', child, below, role if below is registry else key, faults)
    kind = part.get('type')
    if isinstance(kind, str):
        try:
            kind = registry.get(kind)
        except SvtoolkitError as error:
            faults.append(f'{path}: {error}')
            return
    if kind is not None:
        faults += _argument_faults(path, part, kind, TAKEN_BEFORE.get(role, set()))


def _argument_faults(path: str, part: dict, kind: type, taken: set[str]) -> Iterator[str]:
    allowed, open_ended = arguments(kind)
    allowed = allowed | taken | {'type', '_scope_', '_delete_'}
    if open_ended:
        return
    for key in part:
        if key not in allowed:
            yield f"{path}: {kind.__name__} has no argument '{key}'{_near(key, allowed)}"


def arguments(kind: type) -> tuple[set[str], bool]:
    """Names a class takes when it is built, through ``**kwargs`` up its bases; and whether any name goes."""
    names: set[str] = set()
    for base in inspect.getmro(kind) if inspect.isclass(kind) else (kind,):
        if inspect.isclass(base) and '__init__' not in vars(base):
            continue
        function = base.__init__ if inspect.isclass(base) else base
        if base is object:
            break
        parameters = inspect.signature(function).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            return names - {'self'}, False
    return names - {'self'}, True


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ''
