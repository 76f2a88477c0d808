"""Calibration: scores become natural-log likelihood ratios.

An LLR of 2.3 says "these scores are ten times as likely for one speaker as for two"; with a prior P of
a target, accept when ``LLR >= -logit(P)``. Brummer & du Preez 2006; Brummer & de Villiers 2013 (BOSARIS).
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Stored
from svtoolkit.backends.logistic import check_scores, fit_logistic


class Calibration(Stored, ABC):
    """A rising map from scores of one system to log likelihood ratios."""

    def fit(self, scores: Array, labels: Array, fingerprint: str | None = None) -> Self:
        """Learn from labelled trials whose speakers the model was not trained on.

        Args:
            scores: [n], higher = more alike.
            labels: [n] bool, True for same speaker; both kinds must occur.
            fingerprint: of the model that made the scores.

        Raises:
            ValueError: lengths differ, NaN, or one kind of trial is missing.
        """
        scores, labels = check_scores(scores, labels)
        self._fit(scores[:, 0], labels)
        self.fingerprint = fingerprint
        return self

    @abstractmethod
    def _fit(self, scores: Array, labels: Array) -> None:
        """Learn the map from checked scores [n] and labels [n]."""

    def llr(self, scores: Array) -> Array:
        """Log likelihood ratios of scores, of any shape."""
        self.require_fit()
        return self._llr(np.asarray(scores, dtype=np.float64))

    @abstractmethod
    def _llr(self, scores: Array) -> Array:
        """The map itself."""


class LogisticCalibration(Calibration):
    """``slope * score + offset``, by prior-weighted logistic regression: two numbers, hard to overfit.

    Args:
        prior: of a target; errors count as they would in lists with this share of targets.
    """

    STATE = ('slope', 'offset')
    slope: Array  # []
    offset: Array  # []

    def __init__(self, prior: float = 0.5) -> None:
        self.prior = check_prior(prior)

    def _fit(self, scores: Array, labels: Array) -> None:
        weights, offset = fit_logistic(scores[:, None], labels, self.prior)
        if weights[0] <= 0:
            warnings.warn(
                f'calibration slope {weights[0]:.3g}: targets do not score higher than non-targets.',
                stacklevel=3,
            )
        self.slope, self.offset = np.array(weights[0]), np.array(offset)

    def _llr(self, scores: Array) -> Array:
        return self.slope * scores + self.offset


class IsotonicCalibration(Calibration):
    """The best rising step map (pool adjacent violators), for thousands of trials and more.

    One target and one non-target are added beyond both ends (Laplace's rule of succession), so
    every LLR is finite. Between the steps it is interpolated; beyond the scores seen, the first
    or last value holds.
    """

    STATE = ('knots', 'values')
    knots: Array  # [k] scores, rising
    values: Array  # [k] LLR, rising

    def _fit(self, scores: Array, labels: Array) -> None:
        unique, place = np.unique(scores, return_inverse=True)
        count = np.bincount(place).astype(np.float64)
        targets = np.bincount(place, weights=labels)
        # ends: one target and one non-target each, below and above everything
        share = pool_adjacent_violators(
            np.concatenate([[0.5], targets / count, [0.5]]), np.concatenate([[2], count, [2]])
        )[1:-1]
        total = labels.sum() + 2
        prior_odds = total / (len(labels) + 4 - total)
        llr = np.log(share / (1 - share)) - np.log(prior_odds)
        # of every step only its first and last score are kept
        edge = np.append(True, llr[1:] != llr[:-1]) | np.append(llr[1:] != llr[:-1], True)
        self.knots, self.values = unique[edge], llr[edge]

    def _llr(self, scores: Array) -> Array:
        return np.interp(scores, self.knots, self.values)


class QualityCalibration(Stored):
    """Log likelihood ratio from a score and quality measures of the trial (QMF).

    ``slope * score + sum_k weight_k * quality_k + offset`` by prior-weighted logistic regression;
    Mandasari et al. 2013. Take few measures: each is one more number to overfit.

    Args:
        columns: names of the measures, as ``trial_qualities`` makes them.
        prior: of a target.
        ridge: pull of the standardised weights towards 0, against measures that say nothing.
    """

    STATE = ('slope', 'weights', 'offset')
    slope: Array  # []
    weights: Array  # [columns]
    offset: Array  # []

    def __init__(self, columns: Sequence[str], prior: float = 0.5, ridge: float = 1e-4) -> None:
        if not columns or len(set(columns)) < len(columns):
            raise ValueError(f'columns={list(columns)}: name at least one measure, and each once.')
        self.columns = list(columns)
        self.prior = check_prior(prior)
        self.ridge = ridge

    def fit(
        self, scores: Array, labels: Array, qualities: Mapping[str, Array], fingerprint: str | None = None
    ) -> Self:
        """Learn from labelled trials.

        Args:
            scores: [n].
            labels: [n] bool.
            qualities: name -> [n], at least the ``columns``.
            fingerprint: of the model that made the scores.
        """
        features, labels = check_scores(self._features(scores, qualities), labels)
        weights, offset = fit_logistic(features, labels, self.prior, self.ridge)
        self.slope, self.weights, self.offset = np.array(weights[0]), weights[1:], np.array(offset)
        self.fingerprint = fingerprint
        return self

    def llr(self, scores: Array, qualities: Mapping[str, Array]) -> Array:
        """Log likelihood ratios, [n]; see :meth:`fit`."""
        self.require_fit()
        features = self._features(scores, qualities)
        return features[:, 0] * self.slope + features[:, 1:] @ self.weights + self.offset

    def _features(self, scores: Array, qualities: Mapping[str, Array]) -> Array:
        missing = [name for name in self.columns if name not in qualities]
        if missing:
            raise ValueError(f'quality measures {missing} are missing; given: {sorted(qualities)}.')
        return np.stack([scores, *(qualities[name] for name in self.columns)], axis=1).astype(np.float64)


def trial_qualities(enrol: Mapping[str, Array], test: Mapping[str, Array]) -> dict[str, Array]:
    """Measures of trials from measures of their two sides; the same whichever side is which.

    Args:
        enrol: name -> [n] of the enrolment side, such as ``log_duration``, ``magnitude`` or
            ``cohort_mean``.
        test: the same names, of the test side.

    Returns:
        ``<name>_min`` and ``<name>_max``, [n] each.

    Raises:
        ValueError: the sides have different names.
    """
    if set(enrol) != set(test):
        raise ValueError(f'sides have different measures: {sorted(enrol)} and {sorted(test)}.')
    pairs = {name: (np.asarray(enrol[name]), np.asarray(test[name])) for name in enrol}
    return {
        f'{name}_{end}': pick(*pair)
        for name, pair in pairs.items()
        for end, pick in (('min', np.minimum), ('max', np.maximum))
    }


def pool_adjacent_violators(values: Array, weights: Array) -> Array:
    """Weighted least-squares fit that never falls, [n] -> [n]. Ayer et al. 1955."""
    level: list[float] = []
    mass: list[float] = []
    length: list[int] = []
    for value, weight in zip(np.asarray(values).tolist(), np.asarray(weights).tolist()):
        level.append(value)
        mass.append(weight)
        length.append(1)
        while len(level) > 1 and level[-2] >= level[-1]:
            value, weight, count = level.pop(), mass.pop(), length.pop()
            level[-1] = (level[-1] * mass[-1] + value * weight) / (mass[-1] + weight)
            mass[-1] += weight
            length[-1] += count
    return np.repeat(level, length)


def check_prior(prior: float) -> float:
    """The prior, if it lies strictly between 0 and 1."""
    if not 0 < prior < 1:
        raise ValueError(f'prior={prior}: expected a probability between 0 and 1.')
    return prior
