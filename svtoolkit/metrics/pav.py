"""Pool adjacent violators: the convex hull of an error curve, and the best calibration of a list.

Merging neighbouring groups of scores until the share of targets rises strictly is the same as keeping the
corners of the lower-left convex hull of (misses, false alarms): Brummer & de Villiers, "The BOSARIS
Toolkit", 2013, sec. 5; pool adjacent violators: Ayer et al. 1955.
"""

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.curve import ErrorCurve, rank_trials

MIN_SHRINK = 0.1  # a pass over all points pays while it drops at least this share of them


def hull_points(curve: ErrorCurve) -> np.ndarray:
    """Indices of the corners of the convex hull, rising; the first and the last point are always among them.

    Whole-array passes drop every point that lies on or above the line between its two neighbours. When a
    pass drops few, one walk with a stack finishes: time is linear for every input.

    Args:
        curve: errors at every threshold, K + 1 points.

    Returns:
        [V + 1] indices; between two of them the share of targets is constant, and it rises strictly.
    """
    corners = np.arange(curve.last + 1)
    if curve.misses.dtype == np.float64:  # groups that weigh nothing repeat a point
        moved = (np.diff(curve.misses) != 0) | (np.diff(curve.false_alarms) != 0)
        corners = np.append(corners[:-1][moved], curve.last)
        corners[0] = 0
    while len(corners) > 2:
        targets, nontargets = _between(curve, corners)
        rising = targets[:-1] * nontargets[1:] < targets[1:] * nontargets[:-1]
        kept = np.concatenate([corners[:1], corners[1:-1][rising], corners[-1:]])
        dropped = len(corners) - len(kept)
        if dropped == 0:
            break
        if dropped < MIN_SHRINK * len(corners):
            return _walk(curve, kept)
        corners = kept
    return corners


def pav_blocks(curve: ErrorCurve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of pooled scores, with the targets and non-targets in each.

    Returns:
        Corners [V + 1] (see ``hull_points``), targets [V] and non-targets [V] between them.
    """
    corners = hull_points(curve)
    return corners, *_between(curve, corners)


def pav_llrs(scores: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """The best natural-log likelihood ratios that keep the order of the scores, [n] float64.

    They know the labels: they tell how good a calibration could be, they are no calibration for new data.
    -inf below the lowest target, +inf above the highest non-target.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.

    Raises:
        ValueError: see ``trial_arrays``.
    """
    curve = rank_trials(scores, labels).curve()
    corners, targets, nontargets = pav_blocks(curve)
    with np.errstate(divide='ignore'):
        llrs = np.log(targets / curve.num_targets) - np.log(nontargets / curve.num_nontargets)
    block = np.searchsorted(curve.thresholds[corners[1:-1]], np.asarray(scores), side='right')
    return llrs[block]


def _between(curve: ErrorCurve, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kind = np.float64 if curve.misses.dtype == np.float64 else np.int64  # whole numbers: products stay exact
    targets = np.diff(curve.misses[corners].astype(kind))
    nontargets = -np.diff(curve.false_alarms[corners].astype(kind))
    return targets, nontargets


def _walk(curve: ErrorCurve, corners: np.ndarray) -> np.ndarray:
    """Convex hull of the given points by one walk: the last corner goes while it violates."""
    targets, nontargets = (counts.tolist() for counts in _between(curve, corners))
    ends: list[int] = []
    shares: list[tuple[float, float]] = []  # targets and non-targets of each block so far
    for end, (more_targets, more_nontargets) in enumerate(zip(targets, nontargets), start=1):
        while shares and shares[-1][0] * more_nontargets >= more_targets * shares[-1][1]:
            before = shares.pop()
            ends.pop()
            more_targets += before[0]
            more_nontargets += before[1]
        shares.append((more_targets, more_nontargets))
        ends.append(end)
    return corners[[0, *ends]]
