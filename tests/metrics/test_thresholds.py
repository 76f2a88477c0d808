"""Tuned thresholds: golden operating points, brute force, a fresh list, warnings."""

import warnings

import numpy as np
import pytest

from svtoolkit.errors import UnknownNameError
from svtoolkit.metrics.thresholds import rates_at, tune_threshold, wilson

# clova_score_norm spec, section 8, "Metrics"
SCORES = np.array([0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.1])
LABELS = np.array([1, 1, 0, 1, 1, 0, 0, 1, 0, 0], bool)


def random_list(seed, size=30, levels=10):
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.4
    labels[:2] = True, False
    return rng.integers(0, levels, size) / 4 + labels * rng.integers(0, 3), labels


@pytest.mark.parametrize(
    'criterion, value, printed',
    [('gmean', 0.692820, 0.7), ('f1', 0.769231, 0.4), ('eer', 0.3, 0.7), ('min_dcf', 0.8, 0.9)],
)
def test_golden_points(criterion, value, printed):
    point = tune_threshold(SCORES, LABELS, criterion)
    assert point.value == pytest.approx(value, abs=1e-6)
    assert np.array_equal([s >= point.threshold for s in SCORES], [s >= printed for s in SCORES])


def test_golden_sum_rate_is_at_infinity():
    with pytest.warns(UserWarning, match=r'rejects every trial'):
        point = tune_threshold(SCORES, LABELS, 'vv_sum_rate')
    assert (point.threshold, point.value) == (np.inf, 1.0)


@pytest.mark.parametrize('criterion', ['eer', 'min_dcf', 'gmean', 'f1', 'far@0.3', 'frr@10%', 'vv_sum_rate'])
def test_reported_rates_are_those_of_the_decision(criterion):
    for seed in range(100):
        scores, labels = random_list(seed)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)
            point = tune_threshold(scores, labels, criterion)
        accepted = scores >= point.threshold
        assert point.far == np.mean(accepted[~labels])
        assert point.frr == pytest.approx(np.mean(~accepted[labels]), abs=1e-12)
        assert (point.num_targets, point.num_nontargets) == (labels.sum(), (~labels).sum())
        assert (point.far, point.frr) == rates_at(scores, labels, point.threshold)


def test_no_other_threshold_is_better():
    for seed in range(200):
        scores, labels = random_list(seed)
        accepted = scores >= np.unique(scores)[:, None]  # [thresholds, n]
        far, frr = accepted[:, ~labels].mean(1), 1 - accepted[:, labels].mean(1)
        hits = accepted[:, labels].sum(1)
        f1 = 2 * hits / (accepted.sum(1) + labels.sum())
        assert tune_threshold(scores, labels, 'f1').value == pytest.approx(f1.max(), abs=1e-12)
        gmean = np.sqrt((1 - far) * (1 - frr))
        assert tune_threshold(scores, labels, 'gmean').value == pytest.approx(gmean.max(), abs=1e-12)
        cost = 0.5 * 5 * frr + 0.5 * far  # accepting everything costs 1, so no threshold is infinite
        tuned = tune_threshold(scores, labels, 'min_dcf', p_target=0.5, c_miss=5)
        assert tuned.value == pytest.approx(cost.min() / 0.5, abs=1e-12)


def test_far_is_kept_by_the_smallest_such_threshold():
    for seed in range(200):
        scores, labels = random_list(seed)
        for limit in (0, 0.1, 0.25, 0.5, 1):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter('always')
                point = tune_threshold(scores, labels, f'far@{limit}')
            assert point.far <= limit
            lower = scores[scores < point.threshold]
            if len(lower):  # one more score accepted would be too many
                assert np.mean(scores[~labels] >= lower.max()) > limit
            assert bool(seen) == np.isinf(point.threshold)


def test_frr_is_kept_by_the_largest_finite_threshold():
    for seed in range(200):
        scores, labels = random_list(seed)
        for limit in (0, 0.1, 0.25, 0.5, 1):
            point = tune_threshold(scores, labels, f'frr@{limit}')
            assert point.frr <= limit
            assert np.isfinite(point.threshold)
            kept = scores[scores >= point.threshold]
            if len(np.unique(kept)) > 1:
                assert np.mean(scores[labels] <= kept.min()) > limit


def test_share_that_rounds_below_a_whole_count():
    scores = np.concatenate([np.arange(100.0), [200.0]])
    labels = np.arange(101) == 100
    assert tune_threshold(scores, labels, 'far@0.29').far == 0.29  # 0.29 * 100 is 28.999999999999996
    assert tune_threshold(scores, labels, 'far@29%').far == 0.29


def test_far_only_met_by_rejecting_everything_warns():
    with pytest.warns(UserWarning, match=r'far@0\.1: no finite threshold meets this on 4 trials'):
        point = tune_threshold([0.9, 0.8, 0.2, 0.1], [0, 1, 0, 1], 'far@0.1')
    assert (point.threshold, point.far, point.frr) == (np.inf, 0, 1)


def test_one_percent_holds_on_a_fresh_list():
    # clova_score_norm spec, checklist 12
    rng = np.random.default_rng(0)
    impostors, fresh = rng.normal(size=(2, 100_000))
    point = tune_threshold(np.append(impostors, 5.0), np.arange(100_001) == 100_000, 'far@1%')
    assert 0.0085 <= np.mean(fresh >= point.threshold) <= 0.0115


def test_thresholds_lie_between_scores():
    point = tune_threshold([0.9, 0.6, 0.4, 0.1], [1, 1, 0, 0])
    assert point.threshold == 0.5


@pytest.mark.parametrize('criterion', ['eerr', 'far', 'frr', 'eer@0.1', 'gmean@1', ''])
def test_unknown_criteria(criterion):
    with pytest.raises(UnknownNameError, match=r'far@0\.01 or far@1%'):
        tune_threshold(SCORES, LABELS, criterion)


@pytest.mark.parametrize('criterion', ['far@two', 'far@%', 'frr@1.5', 'far@-1', 'far@nan'])
def test_rates_out_of_range(criterion):
    with pytest.raises(ValueError, match='a rate'):
        tune_threshold(SCORES, LABELS, criterion)


@pytest.mark.parametrize(
    'errors, trials, low, high',
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval(errors, trials, low, high):
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    assert wilson(errors, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(trials - errors, trials) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_wants_sensible_counts():
    with pytest.raises(ValueError, match='3 errors in 2 trials'):
        wilson(3, 2)
    with pytest.raises(ValueError, match='confidence=1'):
        wilson(1, 2, confidence=1)
