"""Correlation alignment of embeddings: target-domain utterances made to look like the training data.

Sun, Feng & Saenko 2016, in the direction that leaves the trained backend as it is.
"""

from collections.abc import Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Transform, check_matrix
from svtoolkit.backends.domain import coral_map
from svtoolkit.backends.linear_algebra import covariance
from svtoolkit.backends.table import EmbeddingTable


class Coral(Transform):
    """Nothing after ``fit``; after ``adapt`` maps target mean and covariance to those fitted on.

    Args:
        ridge: both covariances get ``ridge`` x their mean variance on the diagonal; raise it where
            the target domain has fewer utterances than dimensions.
    """

    STATE = ('mean', 'covariance', 'target_mean', 'projection')
    mean: Array  # [D]
    covariance: Array  # [D, D]
    target_mean: Array  # [D]
    projection: Array  # [D, D]

    def __init__(self, ridge: float = 1e-3) -> None:
        self.ridge = ridge

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        self.mean = self.target_mean = matrix.mean(axis=0)
        self.covariance = self._ridged(matrix)
        self.projection = np.eye(matrix.shape[1])

    def adapt(self, table: EmbeddingTable) -> Self:
        self.require_fit()
        table.check_model(self.fingerprint, 'Coral')
        matrix = check_matrix(table.matrix, len(self.mean)).astype(np.float64)
        self.target_mean = matrix.mean(axis=0)
        self.projection = coral_map(self._ridged(matrix), self.covariance).T
        return self

    def _ridged(self, matrix: Array) -> Array:
        total = covariance(matrix)
        return total + self.ridge * np.trace(total) / len(total) * np.eye(len(total))

    def _transform(self, matrix: Array) -> Array:
        return (check_matrix(matrix, len(self.mean)) - self.target_mean) @ self.projection + self.mean
