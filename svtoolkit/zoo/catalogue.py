"""Every registered part and shipped model, with where it comes from."""

import inspect
from dataclasses import dataclass

from svtoolkit import __version__, plugins, registry
from svtoolkit.zoo import package

FOLDERS = ('recognizers', 'features', 'backbones', 'necks', 'heads', 'losses', 'layers')


@dataclass(frozen=True)
class Part:
    """One line of ``svtoolkit list``."""

    kind: str
    name: str
    summary: str
    origin: str


def catalogue() -> list[Part]:
    """All parts, sorted by kind and name."""
    parts = [
        Part('models', name, package_summary(name), f'svtoolkit {__version__}') for name in package.shipped()
    ]
    kinds = {
        'datasets': registry.DATASETS,
        'samplers': registry.DATA_SAMPLERS,
        'transforms': registry.TRANSFORMS,
        'backends': registry.BACKENDS,
        'metrics': registry.METRICS,
        'hooks': registry.HOOKS,
    }
    for kind, members in kinds.items():
        parts += [_part(kind, name, members.module_dict[name]) for name in members.names()]
    for name in registry.MODELS.names():
        part = registry.MODELS.module_dict[name]
        folder = next((folder for folder in FOLDERS if f'.{folder}' in part.__module__), 'parts')
        parts.append(_part(folder, name, part))
    parts += [
        Part('plugins', found.name, found.error or found.target, f'{found.distribution} {found.version}')
        for found in plugins.load()
    ]
    return sorted(parts, key=lambda part: (part.kind, part.name))


def package_summary(name: str) -> str:
    """First line of a shipped model's card."""
    return package.read_record(name).get('card', {}).get('summary', '')


def _part(kind: str, name: str, part: type) -> Part:
    summary = (inspect.getdoc(part) or '').split('\n')[0]
    root = part.__module__.split('.')[0]
    return Part(kind, name, summary, f'svtoolkit {__version__}' if root == 'svtoolkit' else part.__module__)
