"""Tune a threshold by a named criterion, and say what it costs on the list it was tuned on.

Every threshold is meant for ``score >= threshold`` and lies in the middle between two neighbouring scores
of the list, so it does not hang on the last bit of one of them. Rates are fractions.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.errors import unknown_name
from svtoolkit.metrics.curve import ErrorCurve, error_curve
from svtoolkit.metrics.rates import CLOSE, eer, eer_threshold, min_dcf

CRITERIA = ('eer', 'min_dcf', 'gmean', 'f1', 'far@x', 'frr@x', 'vv_sum_rate')


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and what it does on the list it comes from.

    Attributes:
        criterion: as it was asked for, such as ``far@0.01``.
        threshold: for ``score >= threshold``; +inf only when no finite threshold meets the criterion.
        value: what the criterion measures there: the EER, the cost, the G-mean, F1, the FAR or FRR asked
            about, or the sum of both.
        far: false acceptance rate of the list at the threshold.
        frr: false rejection rate there.
        num_targets: target trials of the list.
        num_nontargets: non-target trials of the list.
    """

    criterion: str
    threshold: float
    value: float
    far: float
    frr: float
    num_targets: int
    num_nontargets: int


def tune_threshold(
    scores: ArrayLike,
    labels: ArrayLike,
    criterion: str = 'eer',
    p_target: float = 0.01,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> OperatingPoint:
    """Find the threshold that serves a criterion best on a list of trials.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.
        criterion: ``eer``: rates as equal as the list allows. ``min_dcf``: least detection cost with the
            prior and costs given. ``gmean``: largest sqrt((1 - FRR)(1 - FAR)). ``f1``: largest F1 of the
            accepted trials. ``far@x``: the smallest threshold with FAR <= x. ``frr@x``: the largest one
            with FRR <= x; x as a fraction (0.01) or in percent (1%). ``vv_sum_rate``: smallest FAR + FRR
            among the points nearest to 50 FARs from 5 % down to 0, the rule of the VV trainer.
        p_target: prior of the same speaker, for ``min_dcf``.
        c_miss: cost of a miss, for ``min_dcf``.
        c_fa: cost of a false alarm, for ``min_dcf``.

    Returns:
        The operating point. A threshold of +inf comes with a warning.

    Raises:
        UnknownNameError: another criterion.
        ValueError: see ``trial_arrays``; a rate, prior or cost out of range.

    Example:
        >>> point = tune_threshold([0.9, 0.6, 0.4, 0.1], [True, True, False, False], 'far@0.01')
        >>> point.threshold, point.far, point.frr
        (0.5, 0.0, 0.0)
    """
    curve = error_curve(scores, labels)
    rule, _, limit = criterion.partition('@')
    value = None
    if rule == 'eer' and not limit:
        threshold, value = eer_threshold(curve), eer(curve)
    elif rule == 'min_dcf' and not limit:
        value, threshold = min_dcf(curve, p_target, c_miss, c_fa)
    elif rule in _BY_POINT and not limit:
        index, value = _BY_POINT[rule](curve)
        threshold = curve.usable_threshold(index)
    elif rule in ('far', 'frr') and limit:
        find = far_threshold if rule == 'far' else frr_threshold
        threshold = find(curve, _fraction(criterion, limit))
    else:
        raise unknown_name('threshold criterion', criterion, CRITERIA, 'x is a rate: far@0.01 or far@1%.')
    frr, far = curve.rates_at(curve.first_at(threshold))
    if np.isinf(threshold):
        warnings.warn(
            f'{criterion}: no finite threshold meets this on {len(np.atleast_1d(scores))} trials, so the '
            'threshold is +inf and rejects every trial; use more trials or a looser criterion.',
            stacklevel=2,
        )
    if value is None:
        value = far if rule == 'far' else frr
    return OperatingPoint(
        criterion, threshold, value, far, frr, int(curve.num_targets), int(curve.num_nontargets)
    )


def far_threshold(curve: ErrorCurve, far: float) -> float:
    """The smallest threshold whose false acceptance rate is at most ``far``; +inf when no finite one is.

    Raises:
        ValueError: ``far`` is not between 0 and 1.
    """
    allowed = _share(far) * curve.num_nontargets * CLOSE
    index = _first(curve, lambda point: bool(curve.false_alarms[point] <= allowed))
    return curve.usable_threshold(index)


def frr_threshold(curve: ErrorCurve, frr: float) -> float:
    """The largest finite threshold whose false rejection rate is at most ``frr``.

    Raises:
        ValueError: ``frr`` is not between 0 and 1.
    """
    allowed = _share(frr) * curve.num_targets * CLOSE
    beyond = _first(curve, lambda point: bool(curve.misses[point] > allowed))
    return curve.usable_threshold(beyond - 1)


def rates_at(scores: ArrayLike, labels: ArrayLike, threshold: float) -> tuple[float, float]:
    """False acceptance and false rejection rate of ``score >= threshold``.

    Raises:
        ValueError: see ``trial_arrays``.
    """
    curve = error_curve(scores, labels)
    frr, far = curve.rates_at(curve.first_at(threshold))
    return far, frr


def wilson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a rate counted on *independent* trials (Wilson 1927), as fractions.

    Trials that share speakers are not independent: use ``speaker_bootstrap`` for a list of trials, and this
    one for counts such as one trial per person.

    Raises:
        ValueError: no trials, more errors than trials, or a confidence outside (0, 1).
    """
    if not 0 <= errors <= trials or trials < 1:
        raise ValueError(f'{errors} errors in {trials} trials: use 0 <= errors <= trials and trials >= 1.')
    if not 0 < confidence < 1:
        raise ValueError(f'confidence={confidence}: must lie between 0 and 1.')
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = errors / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * (rate * (1 - rate) / trials + z * z / (4 * trials * trials)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _best_gmean(curve: ErrorCurve) -> tuple[int, float]:
    """Highest threshold with the largest geometric mean of hit rate and correct-rejection rate."""
    square = (1 - curve.miss) * (1 - curve.fa)
    index = int(np.flatnonzero(square * CLOSE >= square.max())[-1])
    return index, float(np.sqrt(square[index]))


def _best_f1(curve: ErrorCurve) -> tuple[int, float]:
    """Highest threshold with the largest harmonic mean of precision and recall."""
    hits = curve.num_targets - curve.misses.astype(np.float64)
    f1 = 2 * hits / (hits + curve.false_alarms + curve.num_targets)
    index = int(np.flatnonzero(f1 * CLOSE >= f1.max())[-1])
    return index, float(f1[index])


def _best_sum_rate(curve: ErrorCurve) -> tuple[int, float]:
    """Among the points nearest to each FAR of 5 % … 0 the one with the smallest sum of both rates.

    Of points equally near the highest threshold is taken, as there: that may be the one at +inf.
    """
    fa, miss = curve.fa[::-1], curve.miss[::-1]  # thresholds falling, FAR rising
    wanted = np.linspace(0.05, 0, 50)
    above = np.searchsorted(fa, wanted)
    below = np.searchsorted(fa, fa[np.maximum(above - 1, 0)])  # the first of its equals
    nearest = np.where(np.abs(wanted - fa[below]) <= np.abs(wanted - fa[above]), below, above)
    sums = (fa + miss)[nearest]
    index = int(nearest[np.argmin(sums)])
    return curve.last - index, float(sums.min())


_BY_POINT: dict[str, Callable[[ErrorCurve], tuple[int, float]]] = {
    'gmean': _best_gmean,
    'f1': _best_f1,
    'vv_sum_rate': _best_sum_rate,
}


def _first(curve: ErrorCurve, holds: Callable[[int], bool]) -> int:
    """First point at which a condition holds that stays true from there on; the last one if nowhere."""
    low, high = 0, curve.last
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _share(rate: float) -> float:
    if not 0 <= rate <= 1:
        raise ValueError(f'rate {rate}: a rate is a fraction between 0 and 1.')
    return rate


def _fraction(criterion: str, text: str) -> float:
    """Read ``0.01`` or ``1%``."""
    try:
        return float(text[:-1]) / 100 if text.endswith('%') else float(text)
    except ValueError:
        raise ValueError(
            f'{criterion}: {text!r} is not a rate; write a fraction, far@0.01, or far@1%.'
        ) from None
