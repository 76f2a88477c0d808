"""Front ends: [B, T] waveforms in ±1 to [B, F, N] features. Importing the package registers all of them."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
