"""Every registry of svtoolkit on one screen.

Each is a child of mmengine's root registry of the same name (scope ``svtoolkit``) and fills itself
on the first look-up: the packages in ``locations`` are imported, then the plug-ins. A name nobody
registered raises ``UnknownNameError`` with the nearest names.
"""

import difflib
from contextlib import suppress
from importlib.util import find_spec

from mmengine import registry as root
from mmengine.registry import Registry as _Registry

from svtoolkit import plugins
from svtoolkit.audio._torchaudio import TorchaudioMissingError, load_torchaudio
from svtoolkit.errors import SvtoolkitError, UnknownNameError, unknown_name

SCOPE = 'svtoolkit'

# mmengine 0.10.7 imports an optimiser of transformers where that is installed, transformers imports torchaudio,
# and only an ImportError is let pass. Can go when mmengine lets the OSError of a torchaudio for CUDA pass, too.
if find_spec('transformers') is not None and find_spec('torchaudio') is not None:
    with suppress(TorchaudioMissingError):
        load_torchaudio()


class Registry(_Registry):
    """mmengine's registry with plug-ins, nearest-name errors and named clashes."""

    def import_from_location(self) -> None:
        super().import_from_location()
        plugins.load()

    def get(self, key: str):
        try:
            found = super().get(key)
        except RuntimeError:  # mmengine tries the key as an import path last, and says so badly
            found = None
        if found is None:
            inherited = {} if self.parent is None else self.parent.module_dict
            raise self._unknown(key, {**inherited, **self.module_dict})
        return found

    def _unknown(self, key: str, known: dict[str, type]) -> UnknownNameError:
        """The error for a wrong name: the nearest names, and which modules they come from."""
        origins = [
            f"'{name}' is in {known[name].__module__}." for name in difflib.get_close_matches(key, known, n=3)
        ]
        hint = ' '.join([*origins, '"svtoolkit list" shows all parts.'])
        return unknown_name(f'{self.name} type', key, known, hint)

    def __contains__(self, key: str) -> bool:
        self.import_from_location()
        return key.removeprefix(f'{SCOPE}.') in self.module_dict

    def names(self) -> list[str]:
        """Names registered here by svtoolkit and by plug-ins, sorted; mmengine's own left out."""
        self.import_from_location()
        return sorted(self.module_dict)

    def _register_module(self, module, module_name=None, force=False) -> None:
        if not module.__module__.startswith(f'{SCOPE}.'):
            super().import_from_location()  # ours first: a clash is the fault of the one who comes later
        names = [module_name] if isinstance(module_name, str) else module_name
        for name in names or [module.__name__]:
            old = self.module_dict.get(name)
            if old is not None and not force:
                raise SvtoolkitError(
                    f"{self.name}: '{name}' of {module.__module__} is already registered by "
                    f'{old.__module__}; rename it, or pass force=True to replace that one.'
                )
        super()._register_module(module, module_name, force)


def _child(name: str, parent: _Registry | None, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope=SCOPE, locations=[f'{SCOPE}.{loc}' for loc in locations])


MODELS = _child('model', root.MODELS, 'features', 'models')
FEATURES = BACKBONES = NECKS = HEADS = LOSSES = ENHANCERS = RECOGNIZERS = MODELS

DATASETS = _child('dataset', root.DATASETS, 'datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'datasets.transforms')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'datasets')
BACKENDS = _child('backend', None, 'evaluation')
METRICS = _child('metric', root.METRICS, 'evaluation')
HOOKS = _child('hook', root.HOOKS, 'engine')
LOOPS = _child('loop', root.LOOPS, 'engine')
RUNNERS = _child('runner', root.RUNNERS, 'engine')
OPTIM_WRAPPERS = _child('optim_wrapper', root.OPTIM_WRAPPERS, 'engine')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'engine')
STORES = _child('store', None, 'evaluation')

# Ours are empty so far; without them mmengine warns at every look-up that it takes its own.
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optim_wrapper_constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child('param_scheduler', root.PARAM_SCHEDULERS, 'engine')
MODEL_WRAPPERS = _child('model_wrapper', root.MODEL_WRAPPERS, 'engine')
VISBACKENDS = _child('vis_backend', root.VISBACKENDS, 'engine')
LOG_PROCESSORS = _child('log_processor', root.LOG_PROCESSORS, 'engine')
EVALUATORS = _child('evaluator', root.EVALUATOR, 'engine')
