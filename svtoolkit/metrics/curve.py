"""The error curve of a trial list: one sort, and every rate and cost is read from it.

A threshold accepts ``score >= threshold``. The curve has one point per distinct score (so tied trials
move together and the order of the list cannot matter) and one more at +inf that rejects everything:
both ends, accept all and reject all, are on it. Rates are fractions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.checks import trial_arrays

BLOCK = 1 << 18  # trials handled at once: temporaries stay in the cache, and small beside 10^8 scores


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Misses and false alarms at every threshold, thresholds rising, K distinct scores.

    Attributes:
        thresholds: [K + 1], the distinct scores, then +inf.
        misses: [K + 1], weight (or number) of the targets below each threshold; 0 at the first point.
        false_alarms: [K + 1], weight (or number) of non-targets at or above it; 0 at the last point.
        num_targets: weight (or number) of all targets.
        num_nontargets: weight (or number) of all non-targets.
    """

    thresholds: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray
    num_targets: float
    num_nontargets: float

    @cached_property
    def miss(self) -> np.ndarray:
        """Miss rate (false rejection rate) at each threshold, [K + 1] float64, rising from 0 to 1."""
        return self.misses / self.num_targets

    @cached_property
    def fa(self) -> np.ndarray:
        """False-alarm rate (false acceptance rate) at each threshold, [K + 1] float64, from 1 to 0."""
        return self.false_alarms / self.num_nontargets

    @property
    def last(self) -> int:
        """Index of the point at +inf, which rejects every trial."""
        return len(self.thresholds) - 1

    def rates_at(self, index: int) -> tuple[float, float]:
        """Miss and false-alarm rate of one point."""
        return (
            float(self.misses[index] / self.num_targets),
            float(self.false_alarms[index] / self.num_nontargets),
        )

    def usable_threshold(self, index: int) -> float:
        """A number between two scores that decides as point ``index`` does with ``score >= number``.

        The middle between this score and the next lower one, rounded as the scores are (a float32 score
        is compared in float32); the lowest score itself for point 0; +inf for the last point.
        """
        upper = self.thresholds[index]
        if index in (0, self.last):
            return float(upper)
        lower = self.thresholds[index - 1]
        middle = lower / 2 + upper / 2  # the plain sum of two large scores could overflow
        return float(middle if lower < middle <= upper else upper)

    def first_at(self, threshold: float) -> int:
        """Index of the point that decides as ``score >= threshold`` does, rounded as the scores are."""
        with np.errstate(over='ignore'):
            rounded = self.thresholds.dtype.type(threshold)
        return int(np.searchsorted(self.thresholds, rounded))


@dataclass(frozen=True, eq=False)
class RankedTrials:
    """Trials sorted by score, ready to be weighted again and again (the bootstrap) without a new sort.

    Attributes:
        order: [n], positions in the list, scores rising.
        labels: [n] bool, in that order.
        group_end: [n] bool, True at the last trial of each group of equal scores; None when no two are equal.
        thresholds: [K + 1], the distinct scores, then +inf.
    """

    order: np.ndarray
    labels: np.ndarray
    group_end: np.ndarray | None
    thresholds: np.ndarray

    def curve(self, weights: np.ndarray | None = None) -> ErrorCurve:
        """Error curve of the trials, each counted once or by its weight.

        Args:
            weights: [n] in *sorted* order (``w[trials.order]``), not negative.

        Raises:
            ValueError: all targets or all non-targets weigh nothing.
        """
        kind: type[np.number] = np.float64
        if weights is None:
            kind = np.uint32 if len(self.labels) < 2**32 else np.int64
        rejected = np.empty(len(self.thresholds), kind)  # all trials below the threshold
        misses = np.empty(len(self.thresholds), kind)
        rejected[0] = misses[0] = 0
        done = 1
        all_trials = all_targets = kind(0)
        for start in range(0, len(self.labels), BLOCK):
            labels = self.labels[start : start + BLOCK]
            if weights is None:
                trials = np.arange(start + 1, start + len(labels) + 1)
                targets = labels.cumsum(dtype=np.int64) + all_targets
            else:
                block = weights[start : start + BLOCK]
                trials = block.cumsum() + all_trials
                targets = (block * labels).cumsum() + all_targets
            all_trials, all_targets = trials[-1], targets[-1]
            if self.group_end is not None:
                kept = self.group_end[start : start + BLOCK]
                trials, targets = trials[kept], targets[kept]
            rejected[done : done + len(trials)] = trials
            misses[done : done + len(trials)] = targets
            done += len(trials)
        num_targets, num_nontargets = all_targets.item(), (all_trials - all_targets).item()
        if num_targets <= 0 or num_nontargets <= 0:
            missing = 'target' if num_targets <= 0 else 'non-target'
            raise ValueError(f'the weights of all {missing} trials are zero: there is no error rate.')
        np.subtract(rejected, misses, out=rejected)  # non-targets below the threshold
        np.subtract(rejected[-1], rejected, out=rejected)  # at or above it
        if weights is not None:
            np.maximum(rejected, 0, out=rejected)  # fractions of weights may leave a rounding below zero
        return ErrorCurve(self.thresholds, misses, rejected, num_targets, num_nontargets)


def rank_trials(scores: ArrayLike, labels: ArrayLike) -> RankedTrials:
    """Sort trials by score and find the groups of equal scores.

    Args:
        scores: [n] float32 or float64, finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.

    Raises:
        ValueError: see ``trial_arrays``.
    """
    values, truth = trial_arrays(scores, labels)
    order = np.argsort(values)
    values = values[order]
    last = np.empty(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=last[:-1])
    last[-1] = True
    tied = not last.all()
    if tied:
        values = values[last]
    thresholds = np.append(values, values.dtype.type(np.inf))
    return RankedTrials(order, truth[order], last if tied else None, thresholds)


def error_curve(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> ErrorCurve:
    """Misses and false alarms at every distinct score.

    Args:
        scores: [n] float32 or float64, finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.
        weights: [n], not negative; how much each trial counts. Left out: each counts once.

    Raises:
        ValueError: see ``trial_arrays``; or weights that are negative, not finite, of another length, or
            all zero for one kind.

    Example:
        >>> curve = error_curve([0.9, 0.4, 0.5, 0.1], [True, True, False, False])
        >>> curve.miss.tolist(), curve.fa.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [1.0, 0.5, 0.5, 0.0, 0.0])
    """
    trials = rank_trials(scores, labels)
    if weights is None:
        return trials.curve()
    loads = np.asarray(weights, dtype=np.float64)
    if loads.shape != trials.order.shape:
        raise ValueError(f'{len(trials.order)} trials, but weights of shape {loads.shape}.')
    if not np.isfinite(loads).all() or loads.min() < 0:
        raise ValueError('weights: every weight must be finite and not negative.')
    return trials.curve(loads[trials.order])
