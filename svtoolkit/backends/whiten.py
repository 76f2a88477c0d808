"""Rotate and scale embeddings so that their total covariance becomes the identity."""

from collections.abc import Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Transform, check_matrix
from svtoolkit.backends.linear_algebra import covariance, sorted_eigh
from svtoolkit.backends.table import EmbeddingTable


class Whiten(Transform):
    """``(x - mean) V diag(1 / sqrt(variance))`` in the basis of principal axes, largest first.

    ``adapt`` learns mean and covariance anew from the target domain.

    Args:
        dim: principal axes to keep; None keeps all.
        floor: variances below ``floor`` times the largest one count as that, so that directions
            with no data are not blown up.
    """

    STATE = ('mean', 'projection')
    mean: Array  # [D]
    projection: Array  # [D, dim]

    def __init__(self, dim: int | None = None, floor: float = 1e-6) -> None:
        self.dim = dim
        self.floor = floor

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        size = matrix.shape[1]
        if self.dim is not None and not 1 <= self.dim <= size:
            raise ValueError(f'Whiten(dim={self.dim}): embeddings have {size} dimensions; use 1 to {size}.')
        self.mean = matrix.mean(axis=0)
        variance, axes = sorted_eigh(covariance(matrix))
        if variance[0] <= 0:
            raise ValueError(f'Whiten: all {len(matrix)} embeddings are equal, they have no covariance.')
        scale = 1 / np.sqrt(np.maximum(variance, self.floor * variance[0]))
        self.projection = (axes * scale)[:, : self.dim]

    def adapt(self, table: EmbeddingTable) -> Self:
        self.require_fit()
        table.check_model(self.fingerprint, 'the whitening')
        return self.fit(table)

    def _transform(self, matrix: Array) -> Array:
        return (check_matrix(matrix, len(self.mean)) - self.mean) @ self.projection
