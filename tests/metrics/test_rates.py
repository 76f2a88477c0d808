"""EER, detection costs and area: golden values, brute force, invariances, other libraries."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from svtoolkit.errors import UnknownNameError
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import act_dcf, auc, bayes_threshold, eer, eer_threshold, min_dcf, prior_key

CLOVA = ([0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.1], [1, 1, 0, 1, 1, 0, 0, 1, 0, 0])
TAO = ([0.9, 0.8, 0.55, 0.3, 0.7, 0.4, 0.2, 0.1, 0.05, -0.1], [1] * 4 + [0] * 6)
NEURAL = ([0.9, 0.8, 0.7, 0.3, 0.65, 0.6, 0.4, 0.2, 0.1, 0.05], [1] * 4 + [0] * 6)
DIFF_SV = ([0.9, 0.8, 0.5, 0.45, 0.4, 0.6, *np.linspace(0, 0.29, 19)], [1] * 5 + [0] * 20)


def lcg_list():
    """The list of the open_sv spec, section 4: 2000 trials from a linear congruential generator."""
    state, scores, labels = 2024, [], []
    for trial in range(2000):
        total = 0.0
        for _ in range(4):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        labels.append(trial % 5 == 0)
        scores.append(total - 2 + labels[-1])
    return np.array(scores), np.array(labels)


def random_list(seed, size=20, levels=8):
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.4
    labels[:2] = True, False
    return rng.integers(0, levels, size) / 4 + labels * rng.integers(0, 2), labels


def points_by_counting(scores, labels):
    """(threshold, miss, fa) at every distinct score and at +inf, by counting."""
    return [
        (t, np.mean(scores[labels] < t), np.mean(scores[~labels] >= t)) for t in [*np.unique(scores), np.inf]
    ]


def eer_by_scanning(scores, labels):
    for (_, miss0, fa0), (_, miss1, fa1) in pairwise(points_by_counting(scores, labels)):
        if miss1 >= fa1:  # solve miss0 + t (miss1 - miss0) = fa0 + t (fa1 - fa0)
            t = (fa0 - miss0) / ((miss1 - miss0) - (fa1 - fa0))
            return miss0 + t * (miss1 - miss0)
    raise AssertionError('the curves must cross')


def test_golden_lcg_list():
    scores, labels = lcg_list()
    np.testing.assert_allclose(scores[:3], [1.14153, 0.996695, -0.060408], atol=1e-6)
    assert labels.sum() == 400
    curve = error_curve(scores, labels)
    assert eer(curve) == pytest.approx(0.2025, abs=1e-12)
    assert min_dcf(curve, 0.05)[0] == pytest.approx(0.8244, abs=5e-5)
    assert min_dcf(curve, 0.01)[0] == pytest.approx(0.9450, abs=5e-5)


@pytest.mark.parametrize(
    'trials, method, expected',
    [
        (CLOVA, 'interpolated', 0.30),  # clova_score_norm spec, section 8
        (CLOVA, 'vv', 0.30),
        (CLOVA, 'clova', 0.40),
        (TAO, 'clova', 1 / 3),  # ecapa_service spec, section 8, and its section on flaws, 11
        (TAO, 'interpolated', 0.25),
        (NEURAL, 'interpolated', 0.25),  # neural_scoring spec, section 6
        (DIFF_SV, 'interpolated', 0.05),  # diff_sv spec, section 6
    ],
)
def test_golden_eer(trials, method, expected):
    assert eer(error_curve(*trials), method) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    'trials, p_target, c_miss, expected, printed',
    [
        (CLOVA, 0.05, 1, 0.8, 0.9),
        (CLOVA, 0.01, 1, 0.8, 0.9),
        (CLOVA, 0.5, 1, 0.6, 0.4),
        (TAO, 0.05, 1, 0.5, 0.8),  # the original prints 0.7, the highest score it rejects
        (TAO, 0.01, 1, 0.5, 0.8),
        (TAO, 0.5, 1, 1 / 3, 0.3),  # likewise 0.2
        (NEURAL, 0.01, 1, 0.25, 0.7),
        (NEURAL, 0.001, 1, 0.25, 0.7),
        (DIFF_SV, 0.01, 10, 0.495, 0.4),
        (DIFF_SV, 0.01, 1, 0.600, 0.8),
    ],
)
def test_golden_min_dcf(trials, p_target, c_miss, expected, printed):
    scores, labels = np.array(trials[0]), np.array(trials[1], bool)
    cost, threshold = min_dcf(error_curve(scores, labels), p_target, c_miss)
    assert cost == pytest.approx(expected, abs=1e-12)
    np.testing.assert_array_equal(scores >= threshold, scores >= printed)  # the same decisions


def test_golden_clova_area():
    assert auc(error_curve(*CLOVA)) == pytest.approx(0.76, abs=1e-12)


def test_tied_pairs_in_any_order_have_one_cost():
    scores = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.1]
    negatives_first = error_curve(scores, [1, 0, 1, 1, 0, 1, 0, 1, 0, 0])
    assert [min_dcf(negatives_first, p)[0] for p in (0.05, 0.01, 0.5)] == pytest.approx([0.8, 0.8, 0.6])


def test_random_lists_with_ties_equal_counting():
    for seed in range(1000):
        scores, labels = random_list(seed)
        curve = error_curve(scores, labels)
        assert eer(curve) == pytest.approx(eer_by_scanning(scores, labels), abs=1e-12)
        points = points_by_counting(scores, labels)
        for p_target, c_miss in ((0.01, 1), (0.05, 10), (0.5, 1), (0.9, 2)):
            cost, threshold = min_dcf(curve, p_target, c_miss)
            unit = min(c_miss * p_target, 1 - p_target)
            costs = [(c_miss * p_target * miss + (1 - p_target) * fa) / unit for _, miss, fa in points]
            assert cost == pytest.approx(min(costs), abs=1e-12)
            assert cost == pytest.approx(costs[np.sum(np.unique(scores) < threshold)], abs=1e-12)
        pairs = np.subtract.outer(scores[labels], scores[~labels])
        assert auc(curve) == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2), abs=1e-12)


def test_hull_eer_is_the_highest_of_the_best_bayes_errors():
    # Brummer & de Villiers 2013: the hull's EER is max over priors of min over thresholds of the error rate
    for seed in range(200):
        curve = error_curve(*random_list(seed))
        highest = max((p * curve.miss + (1 - p) * curve.fa).min() for p in np.linspace(0, 1, 2001))
        assert eer(curve, 'convex_hull') == pytest.approx(highest, abs=1e-3)
        assert eer(curve, 'convex_hull') <= min(0.5, eer(curve)) + 1e-12


def test_area_equals_sklearn():
    rng = np.random.default_rng(2)
    labels = rng.random(5000) < 0.3
    scores = np.round(rng.normal(size=5000) + labels, 2)
    assert auc(error_curve(scores, labels)) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize('method', ['interpolated', 'clova', 'vv'])
def test_perfect_and_reversed_scores(method):
    scores = [0.9, 0.8, 0.2, 0.1]
    assert eer(error_curve(scores, [1, 1, 0, 0]), method) == 0
    assert eer(error_curve(scores, [0, 0, 1, 1]), method) == 1
    assert eer(error_curve(scores, [0, 0, 1, 1]), 'convex_hull') == 0.5


def test_swapped_labels_mirror_the_rates():
    for seed in range(100):
        scores, labels = random_list(seed, levels=100)
        curve, mirror = error_curve(scores, labels), error_curve(scores, ~labels)
        assert eer(mirror) == pytest.approx(1 - eer(curve), abs=1e-12)
        assert auc(mirror) == pytest.approx(1 - auc(curve), abs=1e-12)


def test_rising_maps_change_nothing():
    scores, labels = random_list(11, size=300, levels=50)
    curve = error_curve(scores, labels)
    for other in (3 * scores - 7, np.exp(scores), scores.astype(np.float32)):
        mapped = error_curve(other, labels)
        assert eer(mapped) == eer(curve)
        assert min_dcf(mapped, 0.01)[0] == min_dcf(curve, 0.01)[0]
        assert auc(mapped) == auc(curve)


def test_all_scores_equal():
    curve = error_curve([0.5] * 4, [0, 0, 1, 1])
    assert eer(curve) == 0.5
    assert min_dcf(curve, 0.01)[0] == 1
    assert auc(curve) == 0.5
    assert eer_threshold(curve) == 0.5


def test_eer_threshold_is_finite_and_near_the_crossing():
    for seed in range(300):
        scores, labels = random_list(seed)
        threshold = eer_threshold(error_curve(scores, labels))
        gaps = [abs(miss - fa) for t, miss, fa in points_by_counting(scores, labels) if np.isfinite(t)]
        gap = abs(np.mean(scores[labels] < threshold) - np.mean(scores[~labels] >= threshold))
        assert np.isfinite(threshold)
        assert gap == pytest.approx(min(gaps), abs=1e-12)


def test_cost_threshold_is_infinite_only_when_rejecting_all_is_best():
    cost, threshold = min_dcf(error_curve([0.9, 0.5, 0.1], [0, 1, 0]), 0.01)
    assert (cost, threshold) == (1, np.inf)


def test_actual_cost_by_hand():
    # prior 0.5: threshold 0; one of two targets missed, one of four non-targets accepted
    llrs = [2.0, -1.0, 0.5, -0.5, -3.0, -2.0]
    labels = [1, 1, 0, 0, 0, 0]
    assert act_dcf(llrs, labels, 0.5) == pytest.approx(0.5 + 0.25)
    assert bayes_threshold(0.5) == 0
    assert bayes_threshold(0.01) == pytest.approx(np.log(99))
    assert bayes_threshold(0.01, c_miss=10) == pytest.approx(np.log(9.9))
    assert act_dcf(llrs, labels, 0.01) == pytest.approx(1)  # ln 99 rejects everything
    assert act_dcf([np.inf, -np.inf], [1, 0], 0.01) == 0


def test_actual_cost_is_never_below_the_minimum():
    for seed in range(200):
        scores, labels = random_list(seed)
        curve = error_curve(scores, labels)
        for p_target in (0.1, 0.5, 0.8):
            assert act_dcf(scores, labels, p_target) >= min_dcf(curve, p_target)[0] - 1e-12


def test_keys_of_priors():
    assert [prior_key(p) for p in (0.01, 0.05, 0.001, 0.5, 1e-5)] == ['p01', 'p05', 'p001', 'p5', 'p00001']


def test_wrong_arguments():
    curve = error_curve([0.1, 0.2], [0, 1])
    with pytest.raises(UnknownNameError, match="Did you mean 'clova'"):
        eer(curve, 'clovai')
    with pytest.raises(ValueError, match='p_target=1'):
        min_dcf(curve, 1.0)
    with pytest.raises(ValueError, match='costs must be positive'):
        min_dcf(curve, 0.1, c_miss=0)
