"""PLDA as Kaldi trains and scores it (``ivector-compute-plda``, ``ivector-plda-scoring``).

The model is the two-covariance one; Kaldi starts from identity matrices, takes the mean of the speaker
means as it is, makes 10 steps, and scales each embedding to the length the model expects.
"""

from collections.abc import Sequence

import numpy as np

from svtoolkit.backends.base import Array, class_index
from svtoolkit.backends.gaussian_plda import GaussianPLDA
from svtoolkit.backends.linear_algebra import sorted_eigh
from svtoolkit.backends.plda import speaker_moments


class KaldiPLDA(GaussianPLDA):
    """Kaldi's estimator and scorer; its recipes put ``Centre`` and ``LengthNorm('sqrt_dim')`` before it.

    Args:
        iterations: Kaldi's ``--num-em-iters``.
        normalise: length after projection: ``model`` makes ``x' (between + within / n)^-1 x`` equal D,
            ``simple`` makes ``|x|^2`` equal D (``--simple-length-normalization``), ``none`` keeps it.
        pooling: ``book`` (``num_utts`` given to Kaldi) or ``mean``.
        adaptation: ``kaldi``, ``coral`` or ``coral+``; what ``adapt`` does.
        between_scale: Kaldi's ``--between-covar-scale``.
        within_scale: Kaldi's ``--within-covar-scale``.
    """

    def __init__(
        self,
        iterations: int = 10,
        normalise: str = 'model',
        pooling: str = 'book',
        adaptation: str = 'kaldi',
        between_scale: float = 0.7,
        within_scale: float = 0.3,
    ) -> None:
        super().__init__(pooling, adaptation, between_scale, within_scale)
        if normalise not in ('model', 'simple', 'none'):
            raise ValueError(f"normalise='{normalise}': expected 'model', 'simple' or 'none'.")
        self.iterations = iterations
        self.normalise = normalise

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        index, counts = class_index(speakers, len(matrix), 'KaldiPLDA')
        means, residual = speaker_moments(matrix, index, counts, 'KaldiPLDA')
        mean = means.mean(axis=0)
        between = within = np.eye(matrix.shape[1])
        for _ in range(self.iterations):
            between, within = em_step(between, within, means - mean, counts, residual)
        self.set_model(mean, between, within)

    def _scaled(self, rows: Array) -> Array:
        if self.normalise == 'none':
            return rows
        count = rows[:, -1:]
        average = rows[:, :-1] / count
        expected = self._variance + 1 / count if self.normalise == 'model' else 1.0
        length = (average**2 / expected).sum(axis=1, keepdims=True)
        if not length.all():
            raise ValueError('an embedding lies exactly at the mean of the PLDA model and has no direction.')
        return np.column_stack([rows[:, :-1] * np.sqrt(average.shape[1] / length), count])


def em_step(
    between: Array, within: Array, means: Array, counts: Array, residual: Array
) -> tuple[Array, Array]:
    """One step of expectation maximisation, the speakers' means being what is hidden.

    Args:
        between: [D, D].
        within: [D, D].
        means: [S, D] speaker means less the model's mean.
        counts: [S] utterances of each speaker.
        residual: [D, D] sum of outer products within speakers.
    """
    variance, basis = sorted_eigh(between, within)
    variance = np.maximum(variance, 0.0)
    back = within @ basis  # inverse transpose of the basis
    offset = means @ basis
    count = counts[:, None].astype(np.float64)
    left = variance / (1 + count * variance)  # [S, D] posterior variances; everything is diagonal here
    speaker = count * left * offset  # posterior means
    rest = np.sqrt(count) * (offset - speaker)
    spread = speaker.T @ speaker / len(means) + np.diag(left.mean(axis=0))
    noise = rest.T @ rest + np.diag((count * left).sum(axis=0))
    return back @ spread @ back.T, (back @ noise @ back.T + residual) / counts.sum()
