"""From embeddings to error rates: protocols, metrics inside a run, plots and reports.

Importing the package registers the backends (plain numpy classes) and the metrics of a run.
"""

import importlib
import pkgutil

from svtoolkit import backends
from svtoolkit.registry import BACKENDS

for _backend in backends.ALL:
    BACKENDS.register_module(module=_backend)

for _module in pkgutil.iter_modules(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
