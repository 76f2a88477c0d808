"""Error rates of parts of a trial list: by gender, length, language or any column, and the worst part.

One threshold serves the whole list, so FAR and FRR of a part show who pays for it; the part's own EER shows
how hard it is when it is alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.checks import trial_arrays
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.intervals import speaker_bootstrap
from svtoolkit.metrics.rates import eer, eer_threshold

RULE_OF_30 = 30  # fewer trials of a kind say little about its error rate (Doddington et al. 2000)

FEWEST_SPEAKERS = 5  # with fewer, resampling them gives no interval worth showing


@dataclass(frozen=True)
class Slice:
    """One value of one column.

    Attributes:
        column: name of the column.
        value: the value, as text.
        num_targets: target trials with it.
        num_nontargets: non-target trials with it.
        eer: equal error rate of these trials alone; None when one kind is missing.
        far: false acceptance rate at the common threshold; None without non-targets.
        frr: false rejection rate at it; None without targets.
        ci: 95 % interval of ``eer`` from resampled speakers; None without speakers, or too few of them.
    """

    column: str
    value: str
    num_targets: int
    num_nontargets: int
    eer: float | None
    far: float | None
    frr: float | None
    ci: tuple[float, float] | None = None


@dataclass(frozen=True)
class SliceReport:
    """All parts of a list.

    Attributes:
        threshold: the common threshold of FAR and FRR.
        rows: columns in the order given, values sorted, numbers in them by size.
        worst: the part with the highest EER among those with enough trials of both kinds; None if none has.
    """

    threshold: float
    rows: list[Slice]
    worst: Slice | None


def slices(
    scores: ArrayLike,
    labels: ArrayLike,
    columns: Mapping[str, ArrayLike],
    threshold: float | None = None,
    min_trials: int = RULE_OF_30,
    enrol_speakers: ArrayLike | None = None,
    test_speakers: ArrayLike | None = None,
    rounds: int = 200,
    seed: int = 0,
) -> SliceReport:
    """Measure every value of every column.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur in the list as a whole.
        columns: name -> [n] values of the trials, text or numbers (see ``binned`` for lengths).
        threshold: for FAR and FRR; left out: the EER threshold of the whole list.
        min_trials: a part with fewer targets or non-targets cannot be the worst.
        enrol_speakers: [n], with ``test_speakers``: intervals for parts with ``min_trials`` of both kinds.
        test_speakers: [n].
        rounds: draws of speakers for an interval.
        seed: of the draws.

    Raises:
        ValueError: see ``trial_arrays``; a column or the speakers of another length.
    """
    values, truth = trial_arrays(scores, labels)
    if (enrol_speakers is None) != (test_speakers is None):
        raise ValueError('give the speakers of both sides, enrol_speakers and test_speakers, or of neither.')
    sides = None
    if enrol_speakers is not None and test_speakers is not None:
        sides = np.asarray(enrol_speakers), np.asarray(test_speakers)
    if threshold is None:
        threshold = eer_threshold(error_curve(values, truth))
    rows = []
    for name, column in columns.items():
        cells = np.asarray(column)
        if cells.shape != truth.shape:
            raise ValueError(f'column {name!r} has shape {cells.shape}, but there are {len(truth)} trials.')
        kinds, index = np.unique(cells.astype(str) if cells.dtype == object else cells, return_inverse=True)
        for number in sorted(range(len(kinds)), key=lambda number: _size_order(str(kinds[number]))):
            kind, part = kinds[number], np.flatnonzero(index == number)
            people = tuple(side[part] for side in sides) if sides else None
            row = _measure(name, str(kind), values[part], truth[part], threshold)
            if people and row.eer is not None and _enough(row, min_trials):
                row = _with_interval(row, values[part], truth[part], people, rounds, seed)
            rows.append(row)
    judged = [row for row in rows if row.eer is not None and _enough(row, min_trials)]
    return SliceReport(threshold, rows, max(judged, key=lambda row: row.eer or 0.0, default=None))


def binned(values: ArrayLike, edges: Sequence[float]) -> np.ndarray:
    """Numbers as names of ranges, [n] text: edges 2 and 5 give ``<2``, ``2-5`` (5 excluded) and ``5+``.

    Raises:
        ValueError: no edges, or edges that do not rise.
    """
    limits = [float(edge) for edge in edges]
    if not limits or sorted(set(limits)) != limits:
        raise ValueError(f'edges={list(edges)}: rising numbers are needed.')
    inner = [f'{low:g}-{high:g}' for low, high in pairwise(limits)]
    names = np.array([f'<{limits[0]:g}', *inner, f'{limits[-1]:g}+'])
    return names[np.searchsorted(limits, np.asarray(values), side='right')]


def _size_order(value: str) -> tuple[list[tuple[float, bool]], str]:
    """Key that puts ``<2`` before ``2-5`` before ``10+``."""
    found = re.findall(r'(<?)((?:(?<!\d)-)?\d+(?:\.\d+)?)', value)
    return [(float(number), not below) for below, number in found], value


def _enough(row: Slice, min_trials: int) -> bool:
    return min(row.num_targets, row.num_nontargets) >= min_trials


def _measure(column: str, value: str, scores: np.ndarray, labels: np.ndarray, threshold: float) -> Slice:
    accepted = scores >= threshold
    num_targets = int(np.count_nonzero(labels))
    num_nontargets = len(labels) - num_targets
    alone = eer(error_curve(scores, labels)) if num_targets and num_nontargets else None
    far = float(np.mean(accepted[~labels])) if num_nontargets else None
    frr = float(np.mean(~accepted[labels])) if num_targets else None
    return Slice(column, value, num_targets, num_nontargets, alone, far, frr)


def _with_interval(
    row: Slice,
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: tuple[np.ndarray, ...],
    rounds: int,
    seed: int,
) -> Slice:
    """The row with its interval, unless its trials are of very few speakers."""
    enrol, test = speakers
    if len(np.union1d(enrol, test)) < FEWEST_SPEAKERS:
        return row
    interval = speaker_bootstrap(scores, labels, enrol, test, ('EER',), rounds, seed)['EER']
    return replace(row, ci=(interval.low, interval.high))
