"""Scores from embeddings, with NumPy and SciPy only: usable without torch and without mmengine.

``ALL`` lists what a config may name; ``REGISTRY`` is the same by name.
"""

from svtoolkit.backends import building
from svtoolkit.backends.base import Backend, Part, Transform
from svtoolkit.backends.centre import Centre
from svtoolkit.backends.chain import Chain
from svtoolkit.backends.cosine import Cosine
from svtoolkit.backends.length_norm import LengthNorm
from svtoolkit.backends.table import EmbeddingTable

ALL = (Centre, Chain, Cosine, LengthNorm)
REGISTRY = {cls.__name__: cls for cls in ALL}


def build(cfg, registry=REGISTRY):
    """Build a backend from a config; see :func:`svtoolkit.backends.building.build`."""
    return building.build(cfg, registry)


def load(path, registry=REGISTRY):
    """Read a saved backend; see :func:`svtoolkit.backends.building.load`."""
    return building.load(path, registry)


__all__ = [
    'ALL',
    'REGISTRY',
    'Backend',
    'Centre',
    'Chain',
    'Cosine',
    'EmbeddingTable',
    'LengthNorm',
    'Part',
    'Transform',
    'build',
    'load',
]
