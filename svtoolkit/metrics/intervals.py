"""Confidence intervals of error rates: speakers are resampled, because trials of one speaker hang together.

A speaker drawn k times gives its target trials the weight k, and a non-target trial between speakers drawn
k and l times the weight k * l (two-way bootstrap over people; for speaker verification see Ferrer & Riera,
"Confidence intervals for evaluation in machine learning", 2022, and Poh & Bengio 2007). The interval runs
between percentiles of the draws. One sort serves all rounds.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.errors import unknown_name
from svtoolkit.metrics.calibration import llr_costs, min_cllr_of
from svtoolkit.metrics.curve import ErrorCurve, rank_trials
from svtoolkit.metrics.rates import auc, bayes_threshold, eer, min_dcf

METRICS = ('EER', 'minDCF_p01', 'minDCF_p05')
KNOWN_METRICS = ('EER', 'EER_hull', 'AUC', 'Cllr', 'minCllr', 'minDCF_p01', 'actDCF_p01')

ENOUGH_DRAWS = 0.9  # share of the draws below which the user is warned

CurveMetric = Callable[[ErrorCurve], float]
MetricNames = Sequence[str] | Mapping[str, CurveMetric]
Measure = Callable[[ErrorCurve, np.ndarray | None], float]


class Interval(NamedTuple):
    """A measured value and the range in which it would fall with other speakers."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """System a against system b on the same trials and the same draws of speakers.

    Attributes:
        a: value of system a.
        b: value of system b.
        difference: ``a - b``; below zero, a makes fewer errors (for rates and costs).
        low: lower end of the interval of the difference.
        high: its upper end. A win is a win when the interval leaves out zero.
        share: twice the smaller share of draws on one side of zero, at most 1; read it like a p-value.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    share: float


def speaker_bootstrap(
    scores: ArrayLike,
    labels: ArrayLike,
    enrol_speakers: ArrayLike,
    test_speakers: ArrayLike,
    metrics: MetricNames = METRICS,
    rounds: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Values of metrics with the interval from resampled speakers.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.
        enrol_speakers: [n] names or numbers, the speaker of each trial's enrolment side.
        test_speakers: [n] the speaker of its test side.
        metrics: names (``EER``, ``EER_hull``, ``AUC``, ``Cllr``, ``minCllr``, ``minDCF_p01``,
            ``actDCF_p05``, … any prior: p001 is 0.001), or a mapping of names to functions of an
            ``ErrorCurve``.
        rounds: how many draws.
        seed: of the draws.
        confidence: 0.95 gives the 2.5 and 97.5 percentiles.

    Returns:
        An ``Interval`` for each name. Draws without targets or non-targets are left out; a warning says
        so when they are more than a tenth.

    Raises:
        UnknownNameError: a metric name nobody knows.
        ValueError: see ``trial_arrays``; speakers of another length or fewer than two; no rounds; or no draw
            with both kinds of trials.
    """
    system = _System(scores, labels, metrics)
    units = _speaker_units(system.labels, enrol_speakers, test_speakers)
    (draws,) = _resample([system], *units, rounds, seed)
    return _intervals(system, draws, confidence)


def trial_bootstrap(
    scores: ArrayLike,
    labels: ArrayLike,
    metrics: MetricNames = METRICS,
    rounds: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """The naive interval: trials are resampled as if they were independent. Too narrow; for comparison.

    Args:
        scores: [n], finite, higher = more alike.
        labels: [n] bool, True = same speaker; both kinds must occur.
        metrics: names or functions, as for ``speaker_bootstrap``.
        rounds: how many draws.
        seed: of the draws.
        confidence: 0.95 gives the 2.5 and 97.5 percentiles.

    Raises:
        UnknownNameError: a metric name nobody knows.
        ValueError: see ``trial_arrays``; no rounds.
    """
    system = _System(scores, labels, metrics)
    size = len(system.labels)
    (draws,) = _resample([system], np.arange(size), np.full(size, size), size, rounds, seed)
    return _intervals(system, draws, confidence)


def paired_bootstrap(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    labels: ArrayLike,
    enrol_speakers: ArrayLike,
    test_speakers: ArrayLike,
    metrics: MetricNames = METRICS,
    rounds: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Difference]:
    """Difference of two systems on one trial list, with its interval from the same draws of speakers.

    Args:
        scores_a: [n] scores of system a.
        scores_b: [n] scores of system b, the same trials in the same order.
        labels: [n] bool, True = same speaker.
        enrol_speakers: [n] as for ``speaker_bootstrap``.
        test_speakers: [n] likewise.
        metrics: likewise.
        rounds: likewise.
        seed: likewise.
        confidence: likewise.

    Raises:
        UnknownNameError: a metric name nobody knows.
        ValueError: as for ``speaker_bootstrap``; or the systems have different numbers of trials.
    """
    if len(np.atleast_1d(scores_a)) != len(np.atleast_1d(scores_b)):
        raise ValueError(
            f'system a has {len(np.atleast_1d(scores_a))} scores, system b {len(np.atleast_1d(scores_b))}: '
            'a paired comparison needs the same trials in the same order.'
        )
    first, second = _System(scores_a, labels, metrics), _System(scores_b, labels, metrics)
    units = _speaker_units(first.labels, enrol_speakers, test_speakers)
    draws_a, draws_b = _resample([first, second], *units, rounds, seed)
    changes = draws_a - draws_b
    low, high = _percentiles(changes, confidence)
    result = {}
    for i, (name, a, b) in enumerate(zip(first.measures, first.values(), second.values())):
        share = 2 * min(np.mean(changes[:, i] <= 0), np.mean(changes[:, i] >= 0))
        result[name] = Difference(a, b, a - b, float(low[i]), float(high[i]), min(1.0, float(share)))
    return result


class _System:
    """One system's trials, sorted once, and what is measured on them."""

    def __init__(self, scores: ArrayLike, labels: ArrayLike, metrics: MetricNames) -> None:
        self.trials = rank_trials(scores, labels)
        self.labels = np.empty(len(self.trials.order), bool)  # in the order of the list
        self.labels[self.trials.order] = self.trials.labels
        ranked = np.asarray(scores)[self.trials.order]
        self.measures: dict[str, Measure] = {}
        if isinstance(metrics, Mapping):
            self.measures = {name: _unweighted(metric) for name, metric in metrics.items()}
        else:
            self.measures = {name: _measure(name, ranked, self.trials.labels) for name in metrics}

    def values(self, weights: np.ndarray | None = None) -> list[float]:
        """Every measure of the trials, weighted (in sorted order) or counted once each."""
        curve = self.trials.curve(weights)
        return [measure(curve, weights) for measure in self.measures.values()]


def _unweighted(metric: CurveMetric) -> Measure:
    return lambda curve, weights: float(metric(curve))


def _measure(name: str, scores: np.ndarray, labels: np.ndarray) -> Measure:
    """The function of (curve, weights) behind a metric's name; scores and labels are sorted, [n]."""
    kind, _, prior = name.partition('_p')
    if kind in ('minDCF', 'actDCF') and prior.isdigit() and int(prior) > 0:
        p_target = float(f'0.{prior}')
        if kind == 'minDCF':
            return _unweighted(lambda curve: min_dcf(curve, p_target)[0])
        return _unweighted(lambda curve: _act_dcf_of(curve, p_target))
    if name == 'Cllr':
        costs = llr_costs(scores, labels)
        return lambda curve, weights: _cllr_of(curve, weights, costs, labels)
    by_curve: dict[str, CurveMetric] = {
        'EER': eer,
        'EER_hull': lambda curve: eer(curve, 'convex_hull'),
        'AUC': auc,
        'minCllr': min_cllr_of,
    }
    if name not in by_curve:
        raise unknown_name('metric', name, KNOWN_METRICS, 'Any prior can follow minDCF_ and actDCF_.')
    return _unweighted(by_curve[name])


def _act_dcf_of(curve: ErrorCurve, p_target: float) -> float:
    miss, fa = curve.rates_at(curve.first_at(bayes_threshold(p_target)))
    return (p_target * miss + (1 - p_target) * fa) / min(p_target, 1 - p_target)


def _cllr_of(curve: ErrorCurve, weights: np.ndarray | None, costs: np.ndarray, labels: np.ndarray) -> float:
    weighed = costs if weights is None else costs * weights
    targets = float(weighed @ labels)
    return (targets / curve.num_targets + (float(weighed.sum()) - targets) / curve.num_nontargets) / 2


def _speaker_units(
    labels: np.ndarray, enrol_speakers: ArrayLike, test_speakers: ArrayLike
) -> tuple[np.ndarray, np.ndarray, int]:
    """Two speaker indices for each trial and the number of speakers S; index S stands for the weight 1."""
    enrol, test = np.asarray(enrol_speakers), np.asarray(test_speakers)
    if enrol.shape != labels.shape or test.shape != labels.shape:
        raise ValueError(
            f'{len(labels)} trials, but speakers of shapes {enrol.shape} and {test.shape}: '
            'one enrolment and one test speaker per trial are needed.'
        )
    names, index = np.unique(np.concatenate([enrol, test]), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f'only one speaker ({names[0]}): an interval needs at least two.')
    second = np.where(
        labels, len(names), index[len(labels) :]
    )  # a target trial has one speaker: k, not k * k
    return index[: len(labels)], second, len(names)


def _resample(
    systems: Sequence[_System], first: np.ndarray, second: np.ndarray, num_units: int, rounds: int, seed: int
) -> list[np.ndarray]:
    """Measures of every system under the same draws, [rounds left, metrics] each.

    A trial weighs counts[first] * counts[second]; the count of index ``num_units`` is 1.
    """
    if rounds < 1:
        raise ValueError(f'rounds={rounds}: at least one draw is needed.')
    sides = [
        (first[system.trials.order].astype(np.intp), second[system.trials.order].astype(np.intp))
        for system in systems
    ]
    rng = np.random.default_rng(seed)
    draws: list[list[list[float]]] = [[] for _ in systems]
    targets = systems[0].trials.labels
    for _ in range(rounds):
        drawn = np.bincount(rng.integers(0, num_units, num_units), minlength=num_units + 1).astype(np.float64)
        drawn[num_units] = 1
        weights = [drawn.take(left, mode='clip') * drawn.take(right, mode='clip') for left, right in sides]
        if not (weights[0] @ targets > 0 and weights[0] @ ~targets > 0):
            continue  # so few speakers that one kind of trial was not drawn
        for system, weight, values in zip(systems, weights, draws):
            values.append(system.values(weight))
    held = len(draws[0])
    if held == 0:
        raise ValueError(f'none of {rounds} draws held both kinds of trials: there are too few speakers.')
    if held < ENOUGH_DRAWS * rounds:
        warnings.warn(
            f'only {held} of {rounds} draws held both kinds of trials, the interval rests on these: '
            'there are too few speakers for a sound one.',
            stacklevel=3,
        )
    return [np.array(values) for values in draws]


def _intervals(system: _System, draws: np.ndarray, confidence: float) -> dict[str, Interval]:
    low, high = _percentiles(draws, confidence)
    return {
        name: Interval(value, float(low[i]), float(high[i]))
        for i, (name, value) in enumerate(zip(system.measures, system.values()))
    }


def _percentiles(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    if not 0 < confidence < 1:
        raise ValueError(f'confidence={confidence}: must lie between 0 and 1.')
    tail = 50 * (1 - confidence)
    low, high = np.percentile(draws, [tail, 100 - tail], axis=0)
    return low, high
