"""Two-covariance PLDA trained by expectation maximisation. Ioffe 2006; Brummer & de Villiers 2010."""

from collections.abc import Sequence

import numpy as np

from svtoolkit.backends.base import Array, class_index, class_means
from svtoolkit.backends.gaussian_plda import GaussianPLDA
from svtoolkit.backends.linear_algebra import scatter, sorted_eigh, symmetric

LEAST_VARIANCE = 1e-3  # between speakers, relative to within, to start from; 0 would stay 0


class PLDA(GaussianPLDA):
    """Maximum-likelihood mean and covariances, from moment estimates on.

    Reduce the dimension first (``LDA``) where utterances are few: within-speaker variances below
    ``ridge`` times their mean are raised to that.

    Args:
        iterations: of expectation maximisation.
        ridge: see above.
        pooling: ``book`` or ``mean``, for several enrolment sessions.
        adaptation: ``kaldi``, ``coral`` or ``coral+``; what ``adapt`` does.
        between_scale: share of the change of the covariance between speakers.
        within_scale: share of the change of the covariance within speakers.
    """

    def __init__(
        self,
        iterations: int = 20,
        ridge: float = 1e-6,
        pooling: str = 'book',
        adaptation: str = 'kaldi',
        between_scale: float = 0.7,
        within_scale: float = 0.3,
    ) -> None:
        super().__init__(pooling, adaptation, between_scale, within_scale)
        self.iterations = iterations
        self.ridge = ridge

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        index, counts = class_index(speakers, len(matrix), 'PLDA')
        means, residual = speaker_moments(matrix, index, counts, 'PLDA')
        mean, between, within = initial_model(means, counts, residual, self.ridge)
        for _ in range(self.iterations):
            mean, between, within = expanded_em_step(mean, between, within, means, counts, residual)
            within = floored(within, self.ridge)
        self.set_model(mean, between, within)


def expanded_em_step(
    mean: Array, between: Array, within: Array, means: Array, counts: Array, residual: Array
) -> tuple[Array, Array, Array]:
    """One step of parameter-expanded expectation maximisation; the likelihood never falls.

    The mean is set to its best value for the old covariances. Then ``x = M y + noise`` is fitted with a
    free matrix M and absorbed into ``between``, which converges several times faster than M = I
    (Liu, Rubin & Wu 1998; "minimum divergence" in Kenny 2010).

    Args:
        mean: [D].
        between: [D, D].
        within: [D, D].
        means: [S, D] mean embedding of each speaker.
        counts: [S] utterances of each speaker.
        residual: [D, D] sum of outer products within speakers.
    """
    variance, basis = sorted_eigh(between, within)
    variance = np.maximum(variance, 0.0)
    back = within @ basis  # inverse transpose of the basis
    count = counts[:, None].astype(np.float64)
    offset = (means - mean) @ basis
    trust = count / (1 + count * variance)  # [S, D] inverse variance of a speaker mean; all is diagonal here
    shift = (trust * offset).sum(axis=0) / trust.sum(axis=0)
    offset = offset - shift
    left = variance / (1 + count * variance)  # posterior variances
    speaker = count * left * offset  # posterior means
    second = speaker.T @ (count * speaker) + np.diag((count * left).sum(axis=0))
    cross = offset.T @ (count * speaker)
    expansion = np.linalg.lstsq(second, cross.T, rcond=None)[0].T  # M; second lacks rank where between does
    noise = offset.T @ (count * offset) - expansion @ cross.T
    spread = expansion @ (speaker.T @ speaker / len(means) + np.diag(left.mean(axis=0))) @ expansion.T
    return (
        mean + back @ shift,
        symmetric(back @ spread @ back.T),
        symmetric(back @ noise @ back.T + residual) / counts.sum(),
    )


def speaker_moments(matrix: Array, index: Array, counts: Array, what: str) -> tuple[Array, Array]:
    """Speaker means [S, D], and the scatter within speakers [D, D].

    Raises:
        ValueError: no speaker has two different utterances, so there is nothing to learn it from.
    """
    means = class_means(matrix, index, counts)
    residual = scatter(matrix, index, means)
    if np.trace(residual) <= 0:
        raise ValueError(f'{what} needs speakers with at least 2 different utterances; nobody varies here.')
    return means, residual


def initial_model(means: Array, counts: Array, residual: Array, ridge: float) -> tuple[Array, Array, Array]:
    """Moment estimates of mean, between and within, the same in any basis the embeddings come in."""
    within = floored(residual / (counts.sum() - len(counts)), ridge)
    mean = means.mean(axis=0)
    spread = (means - mean).T @ (means - mean) / len(means)
    variance, basis = sorted_eigh(spread - within * (1 / counts).mean(), within)
    back = within @ basis
    return mean, (back * np.maximum(variance, LEAST_VARIANCE)) @ back.T, within


def floored(within: Array, ridge: float) -> Array:
    """A covariance whose variances are at least ``ridge`` x their mean."""
    least = ridge * np.trace(within) / len(within)
    values, vectors = np.linalg.eigh(within)
    if values[0] >= least:
        return within
    return (vectors * np.maximum(values, least)) @ vectors.T
