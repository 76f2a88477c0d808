"""Training and testing on mmengine's runner. Importing the package registers its hooks and loops."""

import importlib
import pkgutil

import mmengine.hooks
import mmengine.optim
import mmengine.runner
import mmengine.visualization  # noqa: F401  these fill mmengine's own registries

for _module in pkgutil.iter_modules(__path__, f'{__name__}.'):
    importlib.import_module(_module.name)
