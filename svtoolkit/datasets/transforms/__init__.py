"""Changes of waveforms in training, "wave, rng -> wave". Importing the package registers all of them."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
