"""What two-covariance models share, however they were trained: scoring, pooling, adaptation.

Model: a speaker's mean is ``y ~ N(mean, between)``, an utterance of it ``x ~ N(y, within)``.
"""

from abc import ABC
from collections.abc import Mapping

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Backend, check_matrix
from svtoolkit.backends.domain import METHODS, adapt_covariances
from svtoolkit.backends.linear_algebra import covariance, sorted_eigh
from svtoolkit.backends.speaker_likelihood import llr_matrix, llr_pairs
from svtoolkit.backends.table import EmbeddingTable
from svtoolkit.errors import unknown_name


class GaussianPLDA(Backend, ABC):
    """Closed-form log likelihood ratios of a two-covariance model.

    A prepared row is an utterance in the basis where ``within`` is I and ``between`` diagonal, then
    its number of sessions: [N, D + 1].

    Args:
        pooling: several enrolment sessions count by the ``book`` (sharper with each session), or as
            one utterance that is their ``mean``.
        adaptation: what ``adapt`` does: see ``domain``.
        between_scale: share of the change of the covariance between speakers.
        within_scale: share of the change of the covariance within speakers.
    """

    STATE = ('mean', 'between', 'within')
    mean: Array  # [D]
    between: Array  # [D, D]
    within: Array  # [D, D]

    def __init__(
        self,
        pooling: str = 'book',
        adaptation: str = 'kaldi',
        between_scale: float = 0.7,
        within_scale: float = 0.3,
    ) -> None:
        if pooling not in ('book', 'mean'):
            raise ValueError(f"pooling='{pooling}': expected 'book' or 'mean'.")
        if adaptation not in METHODS:
            raise unknown_name('adaptation', adaptation, METHODS)
        self.pooling = pooling
        self.adaptation = adaptation
        self.between_scale = between_scale
        self.within_scale = within_scale

    def set_model(self, mean: Array, between: Array, within: Array) -> Self:
        """Take over model parameters, [D], [D, D] and [D, D]; ``within`` must be positive definite."""
        self.mean, self.between, self.within = mean, between, within
        variance, self._basis = sorted_eigh(between, within)
        self._variance = np.maximum(variance, 0.0)  # [D] between speakers, in the basis
        return self

    def load_state(self, state: Mapping[str, Array]) -> Self:
        super().load_state(state)
        return self.set_model(self.mean, self.between, self.within)

    def adapt(self, table: EmbeddingTable) -> Self:
        """Move to the domain of unlabelled embeddings, whose mean becomes the model's."""
        self.require_fit()
        table.check_model(self.fingerprint, type(self).__name__)
        matrix = check_matrix(table.matrix, len(self.mean)).astype(np.float64)
        mean, target = matrix.mean(axis=0), covariance(matrix)
        if self.adaptation == 'kaldi':
            target += np.outer(mean - self.mean, mean - self.mean)  # its --mean-diff-scale=1.0
        scales = self.between_scale, self.within_scale
        return self.set_model(
            mean, *adapt_covariances(self.adaptation, self.between, self.within, target, *scales)
        )

    def prepare(self, matrix: Array) -> Array:
        self.require_fit()
        rows = (check_matrix(matrix, len(self.mean)) - self.mean) @ self._basis
        return np.column_stack([rows, np.ones(len(rows))])

    def pool(self, prepared: Array) -> Array:
        return prepared.sum(axis=0) if self.pooling == 'book' else prepared.mean(axis=0)

    def compare(self, enrol: Array, test: Array) -> Array:
        enrol, test = self._scaled(enrol), self._scaled(test)
        return llr_matrix(enrol, test, self._variance, self._variance)

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        enrol, test = self._scaled(enrol), self._scaled(test)
        return llr_pairs(enrol, test, self._variance, self._variance)

    def _scaled(self, rows: Array) -> Array:
        """A last length normalisation of prepared rows, where a model has one."""
        return rows
