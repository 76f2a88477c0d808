"""Fusion of several systems that scored the same trials."""

from collections.abc import Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Stored
from svtoolkit.backends.calibrate import check_prior
from svtoolkit.backends.logistic import check_scores, fit_logistic


class LinearFusion(Stored):
    """``sum_k weight_k * score_k + offset``, a natural-log LLR. Brummer et al. 2007.

    Args:
        prior: of a target.
        ridge: pull of the standardised weights towards 0, against systems that agree too well.
    """

    STATE = ('weights', 'offset', 'fingerprints')
    weights: Array  # [K]
    offset: Array  # []
    fingerprints: Array  # [K] str, or [0]

    def __init__(self, prior: float = 0.5, ridge: float = 1e-4) -> None:
        self.prior = check_prior(prior)
        self.ridge = ridge

    def fit(self, scores: Array, labels: Array, fingerprints: Sequence[str] = ()) -> Self:
        """Learn from labelled trials.

        Args:
            scores: [n, K], one column per system.
            labels: [n] bool.
            fingerprints: K models, in the order of the columns.
        """
        scores, labels = check_scores(scores, labels)
        if fingerprints and len(fingerprints) != scores.shape[1]:
            raise ValueError(f'{len(fingerprints)} fingerprints for {scores.shape[1]} systems.')
        self.weights, offset = fit_logistic(scores, labels, self.prior, self.ridge)
        self.offset = np.array(offset)
        self.fingerprints = np.array(list(fingerprints), dtype=np.str_)
        self.fingerprint = '+'.join(fingerprints) or None
        return self

    def llr(self, scores: Array) -> Array:
        """Log likelihood ratios, [n, K] -> [n].

        Raises:
            ValueError: another number of systems.
        """
        self.require_fit()
        scores = np.asarray(scores, dtype=np.float64)
        if scores.ndim != 2 or scores.shape[1] != len(self.weights):
            raise ValueError(f'fitted on {len(self.weights)} systems, got scores of shape {scores.shape}.')
        return scores @ self.weights + self.offset
