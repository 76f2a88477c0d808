"""A backend that learns nothing."""

import numpy as np

from svtoolkit.backends.base import Array, Backend
from svtoolkit.registry import BACKENDS


@BACKENDS.register_module()
class ExampleDotProduct(Backend):
    """Plain product of two embeddings, ``scale`` times."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def prepare(self, matrix: Array) -> Array:
        return matrix

    def compare(self, enrol: Array, test: Array) -> Array:
        return self.scale * (enrol @ test.T)

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return self.scale * np.einsum('nk,nk->n', enrol, test)

    def pool(self, prepared: Array) -> Array:
        return prepared.mean(axis=0)
