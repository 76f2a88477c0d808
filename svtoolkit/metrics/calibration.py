"""How good scores are as natural-log likelihood ratios: Cllr, its best value, Bayes errors, reliability.

Cllr: Brummer & du Preez, "Application-independent evaluation of speaker detection", 2006, in bits: 0 is
perfect, 1 is a system that always answers "no information". Every function here reads a score as
ln(P(scores | same) / P(scores | different)); a cosine is no such thing until it is calibrated.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.checks import check_prior, trial_arrays
from svtoolkit.metrics.curve import BLOCK, ErrorCurve, error_curve
from svtoolkit.metrics.pav import hull_points, pav_blocks

LN2 = float(np.log(2))


class BayesErrors(NamedTuple):
    """Normalised detection costs over a range of priors (unit costs); 1 is a system that never looks.

    Attributes:
        log_odds: [m] ln(p / (1 - p)) of the target priors p.
        actual: [m] cost at the Bayes threshold of the scores as they are.
        minimum: [m] cost at the best threshold.
    """

    log_odds: np.ndarray
    actual: np.ndarray
    minimum: np.ndarray


class Reliability(NamedTuple):
    """Predicted against observed share of targets, over bins of the predicted one; empty bins left out.

    Attributes:
        predicted: [b] mean posterior of each bin.
        observed: [b] share of targets in it, both kinds weighed to the prior.
        weight: [b] share of the whole list, sums to 1.
        num_trials: [b] trials in the bin.
    """

    predicted: np.ndarray
    observed: np.ndarray
    weight: np.ndarray
    num_trials: np.ndarray


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


def bayes_error_curve(scores: ArrayLike, labels: ArrayLike, log_odds: ArrayLike | None = None) -> BayesErrors:
    """Actual and least detection cost for every prior: where calibration holds, and where it does not.

    Brummer & de Villiers 2013 (normalised Bayes error-rate plot).

    Args:
        scores: [n] natural-log likelihood ratios, finite.
        labels: [n] bool, True = same speaker; both kinds must occur.
        log_odds: [m] ln(p / (1 - p)) of the priors; left out: -7 to 7 in steps of 0.1.

    Raises:
        ValueError: see ``trial_arrays``; log odds beyond 700.
    """
    odds = np.linspace(-7, 7, 141) if log_odds is None else np.asarray(log_odds, dtype=np.float64)
    if odds.ndim != 1 or not (np.abs(odds) <= 700).all():  # exp(710) overflows
        raise ValueError('log_odds: a list of numbers between -700 and 700 is needed, ln(p / (1 - p)) each.')
    curve = error_curve(scores, labels)
    corners = hull_points(curve)
    best_miss = curve.misses[corners] / curve.num_targets
    best_fa = curve.false_alarms[corners] / curve.num_nontargets
    actual, minimum = np.empty(len(odds)), np.empty(len(odds))
    for i, odd in enumerate(odds):
        # p and 1 - p, each divided by the smaller of both: exp stays finite
        miss_cost, fa_cost = np.exp(max(odd, 0)), np.exp(max(-odd, 0))
        miss, fa = curve.rates_at(curve.first_at(-odd))
        actual[i] = miss_cost * miss + fa_cost * fa
        minimum[i] = (miss_cost * best_miss + fa_cost * best_fa).min()
    return BayesErrors(odds, actual, minimum)


def reliability(
    scores: ArrayLike, labels: ArrayLike, p_target: float = 0.5, num_bins: int = 15
) -> Reliability:
    """How often trials of a given posterior are targets, over bins of equal width.

    Args:
        scores: [n] natural-log likelihood ratios.
        labels: [n] bool, True = same speaker; both kinds must occur.
        p_target: prior that turns ratios into posteriors; trials are weighed so that the list has it.
        num_bins: bins between 0 and 1.

    Raises:
        ValueError: see ``trial_arrays``; prior out of range; fewer than one bin.
    """
    values, truth = trial_arrays(scores, labels, finite=False)
    check_prior(p_target)
    if num_bins < 1:
        raise ValueError(f'num_bins={num_bins}: at least one bin is needed.')
    log_odds = values.astype(np.float64) + np.log(p_target) - np.log1p(-p_target)
    posterior = np.exp(-np.logaddexp(0, -log_odds))
    num_targets = int(np.count_nonzero(truth))
    load = np.where(truth, p_target / num_targets, (1 - p_target) / (len(truth) - num_targets))
    bins = np.minimum((posterior * num_bins).astype(np.int64), num_bins - 1)
    weight = np.bincount(bins, load, num_bins)
    num_trials = np.bincount(bins, minlength=num_bins)
    used = num_trials > 0
    predicted = np.bincount(bins, load * posterior, num_bins)[used] / weight[used]
    observed = np.bincount(bins, load * truth, num_bins)[used] / weight[used]
    return Reliability(predicted, observed, weight[used], num_trials[used])


def ece(scores: ArrayLike, labels: ArrayLike, p_target: float = 0.5, num_bins: int = 15) -> float:
    """Expected calibration error: mean distance of predicted and observed share over ``reliability`` bins.

    Naeini et al. 2015; 0 is perfect.

    Args:
        scores: [n] natural-log likelihood ratios.
        labels: [n] bool, True = same speaker; both kinds must occur.
        p_target: prior that turns ratios into posteriors.
        num_bins: bins between 0 and 1.

    Raises:
        ValueError: as for ``reliability``.
    """
    bins = reliability(scores, labels, p_target, num_bins)
    return float(bins.weight @ np.abs(bins.predicted - bins.observed))
