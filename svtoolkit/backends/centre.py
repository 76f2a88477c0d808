"""Subtract the mean embedding of the training (or target-domain) utterances."""

from collections.abc import Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Transform, check_matrix
from svtoolkit.backends.table import EmbeddingTable


class Centre(Transform):
    """``x - mean``; the mean of all fitted rows. ``adapt`` replaces it by the target domain's mean."""

    STATE = ('mean',)
    mean: Array  # [D]

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        self.mean = matrix.mean(axis=0)

    def adapt(self, table: EmbeddingTable) -> Self:
        self.require_fit()
        table.check_model(self.fingerprint, 'the centre')
        self.mean = check_matrix(table.matrix, len(self.mean)).mean(axis=0, dtype=np.float64)
        return self

    def _transform(self, matrix: Array) -> Array:
        return check_matrix(matrix, len(self.mean)) - self.mean
