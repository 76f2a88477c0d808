"""svtoolkit: speaker verification, from recordings to a score, a threshold and a verdict.

``svtoolkit.load()`` gives a model with ``verify`` and ``embed``. Importing the package loads
neither torch nor mmengine; both wait until a model is loaded or a registry is asked.
"""

__version__ = '0.1.0'
__all__ = ['Embedder', 'Verdict', 'load']


def __getattr__(name: str):
    if name in __all__:
        from svtoolkit import api

        return getattr(api, name)
    raise AttributeError(f"module 'svtoolkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
