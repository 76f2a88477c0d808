"""Every error a user can meet, in one tree. Imports nothing of svtoolkit; anyone may import it.

SvtoolkitError
├── UnknownNameError     a registry, model or option name nobody registered (LookupError)
├── ConfigError          a config that cannot run; lists all of its faults (ValueError)
├── ManifestError        a list of recordings or trials with bad lines (ValueError)
├── AudioError           a recording that cannot be read or used (ValueError)
├── CheckpointError      weights that are unsafe, incomplete or of another model (ValueError)
├── FingerprintError     embeddings, cohorts or thresholds of different models meet (ValueError)
└── MissingExtraError    an optional dependency is not installed (ImportError)
"""

import difflib
from collections.abc import Iterable, Sequence


class SvtoolkitError(Exception):
    """Base of all errors that svtoolkit raises for a user's input."""


class UnknownNameError(SvtoolkitError, LookupError):
    """A name that no registry, zoo or option list knows."""


class ConfigError(SvtoolkitError, ValueError):
    """A config that cannot run; the message lists every fault found."""


class ManifestError(SvtoolkitError, ValueError):
    """A manifest or trial list with bad lines; the message lists them with file and line number."""


class AudioError(SvtoolkitError, ValueError):
    """A recording that cannot be read, or holds nothing that can be used."""


class CheckpointError(SvtoolkitError, ValueError):
    """A weight file that is unsafe, damaged, incomplete or made for another model."""


class FingerprintError(SvtoolkitError, ValueError):
    """Artefacts of two different models (embeddings, cohort, calibration, threshold) meet."""


class MissingExtraError(SvtoolkitError, ImportError):
    """A part needs a package that is not installed; the message names the pip extra."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f'{package} is not installed; pip install "svtoolkit[{extra}]"')


def unknown_name(what: str, name: str, known: Iterable[str], hint: str = '') -> UnknownNameError:
    """Build the one error for a wrong name: what came, the nearest names, all names when few.

    Args:
        what: the kind of thing that was looked up, such as ``neck``.
        name: the name as the user wrote it.
        known: every name that would have been right.
        hint: what to do, such as a command that lists the names.
    """
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    lower = {key.lower(): key for key in known}
    if not near and name.lower() in lower:
        near = [lower[name.lower()]]
    parts = [f"unknown {what} '{name}'."]
    if near:
        parts.append(f'Did you mean {_either(near)}?')
    if len(known) <= 30:
        parts.append(f'Known: {", ".join(known) or "none"}.')
    if hint:
        parts.append(hint)
    return UnknownNameError(' '.join(parts))


def list_faults(title: str, faults: Sequence[str], limit: int = 20) -> str:
    """Join several faults into one message, one per line, at most ``limit`` of them."""
    shown = [f'  - {fault}' for fault in faults[:limit]]
    if len(faults) > limit:
        shown.append(f'  … and {len(faults) - limit} more')
    return '\n'.join([title, *shown])


def _either(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f'{", ".join(quoted[:-1])} or {quoted[-1]}'
