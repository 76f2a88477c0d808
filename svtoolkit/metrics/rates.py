"""Equal error rate, detection costs and area, all read from one error curve.

Detection cost: Doddington et al. 2000 (NIST); DCF = c_miss p P_miss + c_fa (1 - p) P_fa, divided by what
the better of "always yes" and "always no" costs, min(c_miss p, c_fa (1 - p)); VoxSRC has p = 0.05, most
papers p = 0.01, both with unit costs. Rates are fractions, never percent.

Other toolkits: SpeechBrain's ``minDCF`` is not divided by that minimum; its ``EER`` is the mean of both
rates where they are nearest, the lower threshold on ties (our ``vv`` takes the higher one), without
interpolation. Both reject scores equal to a threshold, so "accept everything" is never among their points.
"""

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.errors import unknown_name
from svtoolkit.metrics.checks import check_prior, trial_arrays
from svtoolkit.metrics.curve import BLOCK, ErrorCurve
from svtoolkit.metrics.pav import hull_points

EER_METHODS = ('interpolated', 'convex_hull', 'clova', 'vv')
CLOSE = 1 + 1e-12  # two costs nearer than this are one cost; their difference is rounding


def eer(curve: ErrorCurve, method: str = 'interpolated') -> float:
    """Equal error rate: where misses and false alarms are equally frequent.

    Args:
        curve: errors at every threshold.
        method: ``interpolated``: the straight line between the two neighbouring points around the
            crossing, both end points included (reversed scores give 1). ``convex_hull``: the crossing of
            the convex hull of the curve, never above 0.5 (Brummer & de Villiers 2013, ROCCH). ``clova``:
            the larger, ``vv``: the mean of both rates at the point where they are nearest, the higher
            threshold on ties, as those trainers define it, rounding of ties included (the code of CLOVA's
            first drops points on straight lines of the curve, which can move it on lists with many ties).

    Raises:
        UnknownNameError: another method.
    """
    if method == 'interpolated':
        return _interpolate(curve, _crossing(curve))
    if method == 'convex_hull':
        corners = hull_points(curve)
        hull = ErrorCurve(
            curve.thresholds[corners],
            curve.misses[corners],
            curve.false_alarms[corners],
            curve.num_targets,
            curve.num_nontargets,
        )
        return _interpolate(hull, _crossing(hull))
    if method in ('clova', 'vv'):
        miss, fa = curve.rates_at(_nearest(curve))
        return max(miss, fa) if method == 'clova' else (miss + fa) / 2
    raise unknown_name('EER method', method, EER_METHODS)


def eer_threshold(curve: ErrorCurve) -> float:
    """A finite threshold for ``score >= threshold`` at which both rates are as near as the list allows.

    Of two points equally near the higher threshold is taken (the safer one).
    """
    index = _nearest(curve)
    return curve.usable_threshold(min(index, curve.last - 1))


def min_dcf(
    curve: ErrorCurve, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> tuple[float, float]:
    """Smallest normalised detection cost over all thresholds, and a threshold that has it.

    Args:
        curve: errors at every threshold.
        p_target: prior of the same speaker, between 0 and 1.
        c_miss: cost of a miss.
        c_fa: cost of a false alarm.

    Returns:
        The cost, 0 to 1, and the lowest such threshold for ``score >= threshold``; +inf only where every
        finite threshold costs more than rejecting everything (cost 1).

    Raises:
        ValueError: prior or costs out of range.
    """
    check_prior(p_target, c_miss, c_fa)
    per_miss = c_miss * p_target / curve.num_targets
    per_alarm = c_fa * (1 - p_target) / curve.num_nontargets
    best, index = np.inf, 0
    for start in range(0, len(curve.thresholds), BLOCK):
        cost = curve.misses[start : start + BLOCK] * per_miss
        cost += curve.false_alarms[start : start + BLOCK] * per_alarm
        lowest = cost.min()
        if lowest * CLOSE < best:
            best, index = float(lowest), start + int(np.argmax(cost <= lowest * CLOSE))
    return best / min(c_miss * p_target, c_fa * (1 - p_target)), curve.usable_threshold(index)


def act_dcf(
    scores: ArrayLike, labels: ArrayLike, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> float:
    """Normalised detection cost at the Bayes threshold of natural-log likelihood ratios.

    The threshold is ln(c_fa (1 - p) / (c_miss p)); what this costs more than ``min_dcf`` is the price of
    poor calibration. It may exceed 1.

    Args:
        scores: [n] natural-log likelihood ratios, infinite ones allowed.
        labels: [n] bool, True = same speaker; both kinds must occur.
        p_target: prior of the same speaker.
        c_miss: cost of a miss.
        c_fa: cost of a false alarm.

    Raises:
        ValueError: see ``trial_arrays``; prior or costs out of range.
    """
    values, truth = trial_arrays(scores, labels, finite=False)
    accepted = values >= bayes_threshold(p_target, c_miss, c_fa)
    num_targets = np.count_nonzero(truth)
    hits = np.count_nonzero(accepted & truth)
    miss = 1 - hits / num_targets
    fa = (np.count_nonzero(accepted) - hits) / (len(truth) - num_targets)
    cost = c_miss * p_target * miss + c_fa * (1 - p_target) * fa
    return float(cost / min(c_miss * p_target, c_fa * (1 - p_target)))


def bayes_threshold(p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """Threshold on a natural-log likelihood ratio with the least expected cost.

    Raises:
        ValueError: prior or costs out of range.
    """
    check_prior(p_target, c_miss, c_fa)
    return float(np.log(c_fa * (1 - p_target)) - np.log(c_miss * p_target))


def auc(curve: ErrorCurve) -> float:
    """Area under the ROC curve: the share of (target, non-target) pairs in the right order, ties half."""
    area = 0.0
    for start in range(0, curve.last, BLOCK):
        stop = min(start + BLOCK, curve.last)
        alarms = curve.false_alarms[start : stop + 1].astype(np.float64)
        misses = curve.misses[start : stop + 1].astype(np.float64)
        hits = curve.num_targets - (misses[1:] + misses[:-1]) / 2
        area += float((alarms[:-1] - alarms[1:]) @ hits)
    return area / (curve.num_targets * curve.num_nontargets)


def prior_key(p_target: float) -> str:
    """How a prior is written in a key: 0.05 is ``p05``, 0.01 ``p01``, 0.001 ``p001``.

    Raises:
        ValueError: the prior is not between 0 and 1.
    """
    check_prior(p_target)
    return 'p' + np.format_float_positional(p_target)[2:]


def _crossing(curve: ErrorCurve) -> int:
    """First point whose misses are at least as frequent as its false alarms; never point 0."""
    low, high = 0, curve.last  # the difference rises along the curve: -1 at the first point, 1 at the last
    while high - low > 1:
        middle = (low + high) // 2
        miss, fa = curve.rates_at(middle)
        if miss >= fa:
            high = middle
        else:
            low = middle
    return high


def _interpolate(curve: ErrorCurve, index: int) -> float:
    """Value at which the line from the point before ``index`` to ``index`` has equal rates."""
    miss_before, fa_before = curve.rates_at(index - 1)
    miss, fa = curve.rates_at(index)
    before, after = fa_before - miss_before, miss - fa
    return miss_before + before / (before + after) * (miss - miss_before)


def _nearest(curve: ErrorCurve) -> int:
    """Point with the smallest difference of the rates; the higher threshold on ties."""
    index = _crossing(curve)
    gaps = []
    for point in (index, index - 1):
        # 1 - hits / targets, as those trainers compute it: ties of the distances then break as they do there
        miss = 1 - (curve.num_targets - float(curve.misses[point])) / curve.num_targets
        gaps.append(abs(miss - curve.rates_at(point)[1]))
    return index - 1 if gaps[1] < gaps[0] else index
