"""Lists, draws and waveforms. Importing the package registers all datasets, samplers and transforms."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
