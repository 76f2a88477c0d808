"""Networks. Importing this package imports every module of its sub-packages, so all parts register."""

import importlib
import pkgutil

for _module in pkgutil.walk_packages(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
