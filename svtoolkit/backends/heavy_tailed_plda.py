"""Heavy-tailed PLDA with fast scoring. Kenny 2010; Silnova, Brummer, Garcia-Romero, Snyder, Burget 2018.

Model: hidden speaker vector ``z ~ N(0, I_d)``, utterance ``x ~ N(mean + F z, within / w)`` with its own
``w ~ Gamma(nu / 2, nu / 2)``. An utterance whose part outside the speaker subspace is large gets a small
weight, so odd recordings say less about their speaker. No length normalisation is needed before it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Backend, check_matrix, class_index
from svtoolkit.backends.linear_algebra import sorted_eigh, symmetric
from svtoolkit.backends.plda import floored, initial_model, speaker_moments
from svtoolkit.backends.speaker_likelihood import llr_matrix, llr_pairs
from svtoolkit.backends.table import EmbeddingTable


class HeavyTailedPLDA(Backend):
    """Log likelihood ratios with Gaussian factors whose precision is the utterance's weight.

    Args:
        rank: d, size of the speaker subspace; below D.
        dof: nu, degrees of freedom; 2 is very heavy, infinity is Gaussian PLDA.
        iterations: of variational Bayes training.
        ridge: least within-speaker variance, relative to their mean.
        pooling: several enrolment sessions count by the ``book`` or as their ``mean``.
    """

    STATE = ('mean', 'loading', 'within')
    mean: Array  # [D]
    loading: Array  # [D, d], F
    within: Array  # [D, D]

    def __init__(
        self, rank: int, dof: float = 2.0, iterations: int = 20, ridge: float = 1e-6, pooling: str = 'book'
    ) -> None:
        if pooling not in ('book', 'mean'):
            raise ValueError(f"pooling='{pooling}': expected 'book' or 'mean'.")
        if rank < 1 or dof <= 0:
            raise ValueError(f'rank={rank}, dof={dof}: rank is at least 1 and dof above 0.')
        self.rank = rank
        self.dof = dof
        self.iterations = iterations
        self.ridge = ridge
        self.pooling = pooling

    def set_model(self, mean: Array, loading: Array, within: Array) -> Self:
        """Take over model parameters, [D], [D, d] and [D, D]."""
        self.mean, self.loading, self.within = mean, loading, within
        precision = np.linalg.inv(within)
        pull = precision @ loading  # [D, d]
        gram = symmetric(loading.T @ pull)
        self._gain = np.ones(loading.shape[1])
        self._lam, rotation = sorted_eigh(gram)
        self._projection = pull @ rotation
        # precision outside the speaker subspace; its quadratic form tells how odd an utterance is
        self._outside = symmetric(precision - pull @ np.linalg.solve(gram, pull.T))
        return self

    def load_state(self, state: Mapping[str, Array]) -> Self:
        super().load_state(state)
        return self.set_model(self.mean, self.loading, self.within)

    def adapt(self, table: EmbeddingTable) -> Self:
        """Replace the mean by that of the target domain."""
        self.require_fit()
        table.check_model(self.fingerprint, 'HeavyTailedPLDA')
        self.mean = check_matrix(table.matrix, len(self.mean)).mean(axis=0, dtype=np.float64)
        return self

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        index, counts = class_index(speakers, len(matrix), 'HeavyTailedPLDA')
        size = matrix.shape[1]
        if self.rank >= size:
            raise ValueError(
                f'HeavyTailedPLDA(rank={self.rank}): embeddings have {size} dimensions; use less.'
            )
        means, residual = speaker_moments(matrix, index, counts, 'HeavyTailedPLDA')
        _, between, within = initial_model(means, counts, residual, self.ridge)
        values, vectors = sorted_eigh(between)
        self.set_model(
            matrix.mean(axis=0), (vectors * np.sqrt(np.maximum(values, 0)))[:, : self.rank], within
        )
        for _ in range(self.iterations):
            self._train_step(matrix - self.mean, index, len(counts))

    def _train_step(self, centred: Array, index: Array, num_speakers: int) -> None:
        weight = self._weights(centred)
        mass = np.bincount(index, weights=weight, minlength=num_speakers)  # [S]
        total = np.zeros((num_speakers, centred.shape[1]))  # [S, D] weighted sums
        np.add.at(total, index, centred * weight[:, None])
        # posterior of each z, in the basis where its precision I + mass * gram is diagonal
        variance = 1 / (1 + mass[:, None] * self._lam)
        hidden = variance * (total @ self._projection)
        second = hidden.T @ (hidden * mass[:, None]) + np.diag((variance * mass[:, None]).sum(axis=0))
        cross = total.T @ hidden  # [D, d]
        loading = np.linalg.solve(symmetric(second), cross.T).T
        within = ((centred * weight[:, None]).T @ centred - loading @ cross.T) / len(centred)
        # minimum divergence: give z unit variance again
        spread = hidden.T @ hidden / num_speakers + np.diag(variance.mean(axis=0))
        loading = loading @ np.linalg.cholesky(symmetric(spread))
        self.set_model(self.mean, loading, floored(symmetric(within), self.ridge))

    def _weights(self, centred: Array) -> Array:
        odd = np.einsum('nd,nd->n', centred @ self._outside, centred)
        free = centred.shape[1] - self.rank
        if np.isinf(self.dof):
            return np.ones(len(centred))
        return (self.dof + free) / (self.dof + np.maximum(odd, 0.0))

    def prepare(self, matrix: Array) -> Array:
        self.require_fit()
        centred = check_matrix(matrix, len(self.mean)) - self.mean
        weight = self._weights(centred)[:, None]
        return np.column_stack([weight * (centred @ self._projection), weight])

    def pool(self, prepared: Array) -> Array:
        return prepared.sum(axis=0) if self.pooling == 'book' else prepared.mean(axis=0)

    def compare(self, enrol: Array, test: Array) -> Array:
        return llr_matrix(enrol, test, self._gain, self._lam)

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return llr_pairs(enrol, test, self._gain, self._lam)
