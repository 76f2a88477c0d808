"""Cllr, its minimum, Bayes errors and reliability: by hand, by definition and against other packages."""

import numpy as np
import pytest

from svtoolkit.metrics.calibration import bayes_error_curve, cllr, ece, min_cllr, reliability
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.pav import pav_llrs
from svtoolkit.metrics.rates import act_dcf, eer, min_dcf


def gaussian_llrs(size=20_000, distance=2.0, seed=0):
    """Scores whose log-likelihood ratio is known: N(±d²/2, d²) for targets and non-targets."""
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.4
    return distance * rng.normal(size=size) + np.where(labels, 0.5, -0.5) * distance**2, labels


def test_cllr_by_hand():
    # (log2(1 + e^-1) + log2(1 + e^0.5)) / 2, the mean of one target at 1 and one non-target at 0.5
    expected = (np.log2(1 + np.exp(-1)) + np.log2(1 + np.exp(0.5))) / 2
    assert cllr([1.0, 0.5], [1, 0]) == pytest.approx(expected, abs=1e-15)
    assert cllr(np.zeros(7), [1, 0, 0, 0, 1, 0, 0]) == pytest.approx(1, abs=1e-15)


def test_cllr_at_the_ends():
    assert cllr([np.inf, -np.inf], [1, 0]) == 0
    assert cllr([-np.inf, -np.inf], [1, 0]) == np.inf
    assert cllr([800.0, -800.0], [0, 1]) == pytest.approx(800 / np.log(2))  # exp(800) would overflow
    with pytest.raises(ValueError, match='1 of 2 scores are not numbers'):
        cllr([np.nan, 0], [1, 0])


def test_cllr_does_not_depend_on_blocks_or_order(monkeypatch):
    llrs, labels = gaussian_llrs(1000)
    whole = cllr(llrs, labels)
    monkeypatch.setattr('svtoolkit.metrics.calibration.BLOCK', 7)
    assert cllr(llrs[::-1], labels[::-1]) == pytest.approx(whole, abs=1e-12)


def test_min_cllr_is_the_cllr_of_the_best_ratios():
    for seed in range(20):
        llrs, labels = gaussian_llrs(400, 1.0, seed)
        llrs = np.round(llrs, 1)
        assert min_cllr(llrs, labels) == pytest.approx(cllr(pav_llrs(llrs, labels), labels), abs=1e-12)
        assert min_cllr(llrs, labels) <= cllr(llrs, labels)


def test_scale_moves_cllr_but_not_its_minimum():
    llrs, labels = gaussian_llrs()
    assert cllr(llrs, labels) - min_cllr(llrs, labels) == pytest.approx(0, abs=5e-3)  # calibrated by design
    assert cllr(5 * llrs + 3, labels) > cllr(llrs, labels) + 0.5
    assert min_cllr(5 * llrs + 3, labels) == min_cllr(llrs, labels)


def test_min_cllr_of_perfect_reversed_and_equal_scores():
    assert min_cllr([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]) == 0
    assert min_cllr([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]) == 1
    assert min_cllr([0.5] * 4, [0, 1, 0, 1]) == pytest.approx(1, abs=1e-15)


def test_agrees_with_llreval():
    quick = pytest.importorskip('llreval.quick_eval')
    rates, hulls = pytest.importorskip('llreval.bayes_error_rate'), pytest.importorskip('llreval.pav_rocch')
    odds = np.linspace(-5, 5, 41)
    for seed in range(5):
        llrs, labels = gaussian_llrs(500, 1.5, seed)
        hull_eer, expected_cllr, expected_min = quick.scoreslabels_2_eer_cllr_mincllr(
            llrs, labels.astype(int)
        )
        assert eer(error_curve(llrs, labels), 'convex_hull') == pytest.approx(hull_eer, abs=1e-6)
        assert cllr(llrs, labels) == pytest.approx(expected_cllr, abs=1e-12)
        assert min_cllr(llrs, labels) == pytest.approx(expected_min, abs=1e-12)
        best = hulls.ROCCH(hulls.PAV(llrs, labels.astype(int))).Bayes_error_rate(odds)
        actual, default = (
            rates.fast_Bayes_error_rate(llrs, labels.astype(int), odds),
            rates.default_error_rate(odds),
        )
        curve = bayes_error_curve(llrs, labels, odds)
        np.testing.assert_allclose(curve.actual, actual / default, atol=1e-12)
        np.testing.assert_allclose(curve.minimum, best / default, atol=1e-12)


def test_actual_cost_agrees_with_expected_cost():
    costs = pytest.importorskip('expected_cost.ec')
    llrs, labels = gaussian_llrs(800, 1.0)
    for p_target, c_miss, c_fa in ((0.01, 1, 1), (0.05, 10, 1), (0.5, 1, 3)):
        matrix, priors = costs.CostMatrix([[0, c_fa], [c_miss, 0]]), np.array([1 - p_target, p_target])
        yes = costs.bayes_decisions(llrs, matrix, priors, 'log_likelihood_ratios', silent=True)[0].astype(
            bool
        )
        shares = np.array(
            [[np.mean(yes[labels == kind] == decision) for decision in (0, 1)] for kind in (0, 1)]
        )
        expected = costs.average_cost_from_confusion_matrix(shares, priors, matrix, adjusted=True)
        assert act_dcf(llrs, labels, p_target, c_miss, c_fa) == pytest.approx(expected, abs=1e-12)


def test_bayes_errors_are_the_costs_at_each_prior():
    llrs, labels = gaussian_llrs(500, 1.5)
    curve = error_curve(llrs, labels)
    priors = np.array([0.001, 0.01, 0.3, 0.5, 0.9])
    errors = bayes_error_curve(llrs, labels, np.log(priors / (1 - priors)))
    np.testing.assert_allclose(errors.actual, [act_dcf(llrs, labels, p) for p in priors], atol=1e-12)
    np.testing.assert_allclose(errors.minimum, [min_dcf(curve, p)[0] for p in priors], atol=1e-12)
    far_out = bayes_error_curve(llrs, labels, [-700.0, 700.0])
    assert far_out.minimum[0] == curve.miss[curve.fa == 0].min()
    assert far_out.minimum[1] == curve.fa[curve.miss == 0].min()


def test_reliability_by_hand():
    # posteriors at prior 0.5: sigmoid of (-1, -1, 1, 1); two bins; each kind weighs half of the list
    bins = reliability([-1, -1, 1, 1], [0, 1, 1, 1], num_bins=2)
    low = 1 / (1 + np.e)
    np.testing.assert_allclose(bins.predicted, [low, 1 - low])
    np.testing.assert_allclose(bins.weight, [0.5 + 1 / 6, 1 / 3])
    np.testing.assert_allclose(bins.observed, [(1 / 6) / (0.5 + 1 / 6), 1])
    assert bins.num_trials.tolist() == [2, 2]


def test_calibrated_scores_are_reliable_and_scaled_ones_are_not():
    llrs, labels = gaussian_llrs(100_000)
    assert ece(llrs, labels) < 0.01
    assert ece(llrs, labels, p_target=0.05) < 0.01
    assert ece(3 * llrs, labels) > 0.05
    assert len(reliability([np.inf, -np.inf], [1, 0]).weight) == 2  # empty bins are left out


def test_wrong_arguments():
    with pytest.raises(ValueError, match='num_bins=0'):
        reliability([0, 1], [0, 1], num_bins=0)
    with pytest.raises(ValueError, match='p_target=0'):
        ece([0, 1], [0, 1], p_target=0)
    with pytest.raises(ValueError, match='log_odds'):
        bayes_error_curve([0, 1], [0, 1], [701])
