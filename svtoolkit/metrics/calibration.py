"""How good scores are as natural-log likelihood ratios: Cllr, its best value, Bayes errors, reliability.

Cllr: Brummer & du Preez, "Application-independent evaluation of speaker detection", 2006, in bits: 0 is
perfect, 1 is a system that always answers "no information". Every function here reads a score as
ln(P(scores | same) / P(scores | different)); a cosine is no such thing until it is calibrated.
"""

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.checks import trial_arrays
from svtoolkit.metrics.curve import BLOCK, ErrorCurve, error_curve
from svtoolkit.metrics.pav import pav_blocks

LN2 = float(np.log(2))


def cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cost of the log-likelihood ratios, in bits; 0 is perfect, 1 is a useless system, more is misleading.

    Args:
        scores: [n] natural-log likelihood ratios; +inf is right for a target, -inf for a non-target.
        labels: [n] bool, True = same speaker; both kinds must occur.

    Raises:
        ValueError: see ``trial_arrays``.

    Example:
        >>> cllr(np.zeros(4), np.array([1, 1, 0, 0], bool))
        1.0
    """
    values, truth = trial_arrays(scores, labels, finite=False)
    target_cost = nontarget_cost = 0.0
    for start in range(0, len(values), BLOCK):
        picked = truth[start : start + BLOCK]
        cost = llr_costs(values[start : start + BLOCK], picked)
        target_cost += float(cost[picked].sum())
        nontarget_cost += float(cost[~picked].sum())
    num_targets = int(np.count_nonzero(truth))
    return target_cost / (2 * num_targets) + nontarget_cost / (2 * (len(truth) - num_targets))


def min_cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cllr after the best rising map of the scores (pool adjacent violators); 0 to 1, blind to the scale.

    ``cllr - min_cllr`` is what better calibration could win.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.

    Raises:
        ValueError: see ``trial_arrays``.
    """
    return min_cllr_of(error_curve(scores, labels))


def min_cllr_of(curve: ErrorCurve) -> float:
    """``min_cllr`` from an error curve, weighted or not."""
    _, targets, nontargets = pav_blocks(curve)
    hits = targets / curve.num_targets
    alarms = nontargets / curve.num_nontargets
    both = (hits > 0) & (alarms > 0)  # pure blocks get an infinite ratio and cost nothing
    hits, alarms = hits[both], alarms[both]
    bits = hits @ np.log1p(alarms / hits) + alarms @ np.log1p(hits / alarms)
    return float(bits / (2 * LN2))


def llr_costs(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cost of each log-likelihood ratio in bits, [n] float64: log2(1 + exp(-s)), for non-targets exp(s)."""
    wrong = np.where(labels, -scores, scores).astype(np.float64, copy=False)
    return (np.maximum(wrong, 0) + np.log1p(np.exp(-np.abs(wrong)))) / LN2
