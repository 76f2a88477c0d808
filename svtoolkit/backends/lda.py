"""Linear discriminant analysis: the directions that tell speakers apart. Fisher 1936; Rao 1948."""

from collections.abc import Sequence

import numpy as np

from svtoolkit.backends.base import Array, Transform, check_matrix, class_index, class_means
from svtoolkit.backends.linear_algebra import scatter, sorted_eigh


class LDA(Transform):
    """``(x - mean) P``, where P solves ``B p = value W p`` for the largest values and ``P' W P = I``.

    B is the covariance of speaker means weighted by utterances, W the one within speakers.

    Args:
        dim: directions to keep; at most speakers - 1, and at most D.
        ridge: W gets ``ridge`` x its mean variance on the diagonal; it must be above 0 where
            there are fewer utterances than speakers + dimensions.
    """

    STATE = ('mean', 'projection')
    mean: Array  # [D]
    projection: Array  # [D, dim]

    def __init__(self, dim: int, ridge: float = 1e-6) -> None:
        self.dim = dim
        self.ridge = ridge

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        index, counts = class_index(speakers, len(matrix), 'LDA')
        size = matrix.shape[1]
        most = min(len(counts) - 1, size)
        if not 1 <= self.dim <= most:
            raise ValueError(
                f'LDA(dim={self.dim}): {len(counts)} speakers and {size} dimensions allow 1 to {most}.'
            )
        self.mean = matrix.mean(axis=0)
        means = class_means(matrix, index, counts)
        spread = (means - self.mean) * np.sqrt(counts)[:, None]
        within = scatter(matrix, index, means) / len(matrix)
        if np.trace(within) <= 0:
            raise ValueError('LDA needs speakers with at least 2 different utterances; nobody varies here.')
        within += self.ridge * np.trace(within) / size * np.eye(size)
        _, axes = sorted_eigh(spread.T @ spread / len(matrix), within)
        self.projection = axes[:, : self.dim]

    def _transform(self, matrix: Array) -> Array:
        return (check_matrix(matrix, len(self.mean)) - self.mean) @ self.projection
