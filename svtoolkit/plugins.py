"""Third-party packages that register parts: the entry-point group ``svtoolkit.plugins``.

An entry point names a module, which is imported, or a callable, which is called without arguments;
either registers its parts with ``@MODELS.register_module()`` and its like. Loading happens once per
process, at the first look-up in any registry, so data-loader workers and spawned ranks see the same
parts. ``SVTOOLKIT_PLUGINS=a,b`` allows only these names (empty: none); a plug-in that fails, or is
named there and not installed, is skipped with a warning, or is an error with
``SVTOOLKIT_PLUGINS_STRICT=1``.
"""

import os
import warnings
from dataclasses import dataclass
from importlib import import_module, metadata

from svtoolkit.errors import SvtoolkitError, unknown_name

GROUP = 'svtoolkit.plugins'


@dataclass(frozen=True)
class Plugin:
    """One plug-in that was found: its name, what it points to, and where it comes from."""

    name: str
    target: str
    distribution: str
    version: str
    error: str = ''


_loaded: list[Plugin] | None = None


def load() -> list[Plugin]:
    """Import every allowed plug-in once per process; later calls return the same list.

    Raises:
        SvtoolkitError: one fails, or an allowed one is not installed, with SVTOOLKIT_PLUGINS_STRICT=1.
    """
    global _loaded
    if _loaded is not None:
        return _loaded
    _loaded = []  # set first: a plug-in may itself look something up while it is imported
    allowed = os.environ.get('SVTOOLKIT_PLUGINS')
    names = None if allowed is None else {name.strip() for name in allowed.split(',')} - {''}
    entries = sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    try:
        for entry in entries:
            if names is None or entry.name in names:
                _loaded.append(_load_one(entry))
        installed = {entry.name for entry in entries}
        for name in sorted((names or set()) - installed):
            fault = unknown_name('plug-in in SVTOOLKIT_PLUGINS', name, installed)
            _report(f'{fault} It is not installed', fault)
    except Exception:
        _loaded = None  # strict, or warnings are errors: whoever asks next must not take half of them for all
        raise
    return _loaded


def import_explicit(modules: list[str] | tuple[str, ...]) -> None:
    """Import modules a user named on the command line or in a config; a failure is an error."""
    for module in modules:
        try:
            import_module(module)
        except Exception as error:
            raise SvtoolkitError(
                f"plug-in module '{module}' cannot be imported: {type(error).__name__}: {error}; "
                'install its package or add its folder to PYTHONPATH.'
            ) from error


def _load_one(entry: metadata.EntryPoint) -> Plugin:
    dist = entry.dist
    origin = (dist.name, dist.version) if dist is not None else ('unknown', '')
    try:
        target = entry.load()
        if callable(target):
            target()
    except (Exception, SystemExit) as error:  # a broken third-party package may raise anything
        reason = f'{type(error).__name__}: {error}'
        _report(f"plug-in '{entry.name}' ({entry.value}, package {origin[0]}) failed: {reason}", error)
        return Plugin(entry.name, entry.value, *origin, error=reason)
    return Plugin(entry.name, entry.value, *origin)


def _report(message: str, cause: BaseException) -> None:
    if os.environ.get('SVTOOLKIT_PLUGINS_STRICT') == '1':
        raise SvtoolkitError(message) from cause
    warnings.warn(f'{message}; it is skipped.', stacklevel=4)
