"""The one door to torchaudio: imported late, and also when its compiled extension cannot be loaded.

The Linux wheels of torchaudio 2.11 link CUDA libraries, so ``import torchaudio`` raises OSError next to a CPU
build of torch. What svtoolkit uses of it (sinc resampling) is plain torch, so the extension alone is replaced
by a stand-in that says "not available". Can go when the wheels on PyPI import beside a CPU torch again.
"""

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

from svtoolkit.errors import MissingExtraError

EXTENSION = 'torchaudio._extension'


class TorchaudioMissingError(MissingExtraError):
    """torchaudio is absent or broken, and something needs it now."""

    def __init__(self, fault: str) -> None:
        ImportError.__init__(
            self,
            f'resampling needs torchaudio, which cannot be imported here ({fault}); install the torchaudio '
            f'that belongs to your torch (pip install torchaudio), or give audio at the wanted sample rate',
        )


@functools.cache
def load_torchaudio() -> ModuleType:
    """Import torchaudio, with a stand-in for its compiled extension only where that cannot be loaded.

    Raises:
        TorchaudioMissingError: it is not installed, or broken in another way.
    """
    try:
        return importlib.import_module('torchaudio')
    except (ImportError, OSError) as error:
        if not _from_extension(error.__traceback__):
            raise TorchaudioMissingError(f'{type(error).__name__}: {error}') from error
    _forget()  # the first import left half-made modules behind
    sys.modules[EXTENSION] = _stand_in()
    try:
        return importlib.import_module('torchaudio')
    except (ImportError, OSError, AttributeError) as error:
        _forget()
        raise TorchaudioMissingError(f'{type(error).__name__}: {error}') from error


def _forget() -> None:
    for name in [name for name in sys.modules if name == 'torchaudio' or name.startswith('torchaudio.')]:
        del sys.modules[name]


def _from_extension(trace: TracebackType | None) -> bool:
    while trace is not None:
        if str(trace.tb_frame.f_globals.get('__name__', '')).startswith(EXTENSION):
            return True
        trace = trace.tb_next
    return False


def _stand_in() -> ModuleType:
    """Module whose flags are False and whose functions and decorated functions raise when called."""

    def unavailable(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError('the compiled extension of torchaudio cannot be loaded on this machine')

    def refuse(_function: Callable[..., Any]) -> Callable[..., None]:
        return unavailable

    def attribute(name: str) -> object:
        if name.startswith('__'):
            raise AttributeError(name)
        if name.startswith('_IS_'):
            return False
        return refuse if name.startswith('fail_if_no_') else unavailable

    module = ModuleType(EXTENSION, 'Stand-in: the compiled extension is not available.')
    module.__getattr__ = attribute  # type: ignore[method-assign]
    return module
