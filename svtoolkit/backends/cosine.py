"""Cosine of the angle between two embeddings, with or without the training mean subtracted."""

from collections.abc import Sequence

import numpy as np

from svtoolkit.backends.base import Array, Backend, check_matrix
from svtoolkit.backends.length_norm import unit_rows


class Cosine(Backend):
    """``<a, b> / (|a| |b|)``, in [-1, 1].

    Args:
        centre: subtract the mean of the fitted embeddings first; without it nothing is learnt.
        pooling: several enrolment sessions become ``mean``, the direction of the mean of their unit
            vectors, or ``scores``, which equals the mean of the single scores.
    """

    mean: Array  # [D]

    def __init__(self, centre: bool = False, pooling: str = 'mean') -> None:
        if pooling not in ('mean', 'scores'):
            raise ValueError(f"pooling='{pooling}': expected 'mean' or 'scores'.")
        self.centre = centre
        self.pooling = pooling
        self.STATE = ('mean',) if centre else ()

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        self.mean = matrix.mean(axis=0)

    def prepare(self, matrix: Array) -> Array:
        self.require_fit()
        if not self.centre:
            return unit_rows(check_matrix(matrix)).astype(matrix.dtype)
        return unit_rows(check_matrix(matrix, len(self.mean)) - self.mean).astype(matrix.dtype)

    def compare(self, enrol: Array, test: Array) -> Array:
        return enrol @ test.T

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return np.einsum('nk,nk->n', enrol, test)

    def pool(self, prepared: Array) -> Array:
        mean = prepared.mean(axis=0, keepdims=True)
        return (mean if self.pooling == 'scores' else unit_rows(mean).astype(mean.dtype))[0]
