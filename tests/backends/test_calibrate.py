"""Calibrations: known answers, other libraries' answers, and what holds for every likelihood ratio."""

import numpy as np
import pytest

from svtoolkit.backends import IsotonicCalibration, LogisticCalibration, QualityCalibration, trial_qualities
from svtoolkit.backends.calibrate import pool_adjacent_violators
from svtoolkit.errors import SvtoolkitError

CLASSES = [LogisticCalibration, IsotonicCalibration]


def gaussian_trials(count=20_000, shift=1.5, seed=0):
    """Scores N(+-shift, 1): the true LLR is 2 shift s."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.3
    return np.where(labels, shift, -shift) + rng.normal(size=count), labels


def cllr(llr, labels):
    return (np.logaddexp(0, -llr[labels]).mean() + np.logaddexp(0, llr[~labels]).mean()) / 2 / np.log(2)


@pytest.mark.parametrize('prior', [0.5, 0.01])
def test_logistic_finds_the_true_ratio_of_gaussians(prior):
    scores, labels = gaussian_trials(100_000)  # few of them count at a prior of 0.01
    model = LogisticCalibration(prior).fit(0.1 * scores + 4, labels)
    assert model.slope / 10 == pytest.approx(3.0, rel=0.05)
    assert model.llr(4.0) == pytest.approx(0.0, abs=0.15)


def test_logistic_equals_scikit_learn_with_the_prior_as_weights():
    linear_model = pytest.importorskip('sklearn.linear_model')
    scores, labels = gaussian_trials(500)
    prior = 0.05
    weight = np.where(labels, prior / labels.sum(), (1 - prior) / (~labels).sum())
    theirs = linear_model.LogisticRegression(C=1e12, tol=1e-10, max_iter=1000)
    theirs.fit(scores[:, None], labels, sample_weight=1000 * weight)
    ours = LogisticCalibration(prior).fit(scores, labels)
    logit = np.log(prior / (1 - prior))
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], rel=1e-4)
    assert ours.offset == pytest.approx(theirs.intercept_[0] - logit, rel=1e-4)


def test_separated_scores_give_a_finite_answer():
    model = LogisticCalibration().fit(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1], bool))
    assert np.abs(model.llr(np.array([0.0, 0.5, 1.0]))).max() < 100
    assert model.llr(0.9) > 0 > model.llr(0.1)


def test_scores_that_fall_are_warned_of():
    scores, labels = gaussian_trials(200)
    with pytest.warns(UserWarning, match='slope -'):
        LogisticCalibration().fit(-scores, labels)


def test_pool_adjacent_violators_by_hand_and_by_scikit_learn():
    # 3, 1 pool to 2; then 2, 2 stay; 5, 4 pool to 4.5
    np.testing.assert_allclose(pool_adjacent_violators([3, 1, 2, 5, 4], np.ones(5)), [2, 2, 2, 4.5, 4.5])
    isotonic = pytest.importorskip('sklearn.isotonic')
    rng = np.random.default_rng(0)
    values, weights = np.arange(300) / 100 + rng.normal(size=300), rng.random(300) + 0.1
    theirs = isotonic.isotonic_regression(values, sample_weight=weights)
    np.testing.assert_allclose(pool_adjacent_violators(values, weights), theirs, atol=1e-9)


def test_isotonic_by_hand():
    # 2 non-targets below 2 targets: with one of each kind added at both ends the upper step holds
    # 3 of 4 targets, the lower 1 of 4; the prior odds are 4 to 4
    model = IsotonicCalibration().fit(np.array([0.4, 0.1, 0.8, 0.9]), np.array([0, 0, 1, 1], bool))
    expected = np.log(3) * np.array([-1, -1, -1, 0, 1, 1, 1])
    np.testing.assert_allclose(model.llr(np.array([-9, 0.1, 0.4, 0.6, 0.8, 0.9, 9])), expected, atol=1e-12)


def test_isotonic_rises_and_does_not_care_about_order_or_scale():
    scores, labels = gaussian_trials(3000)
    scores = np.round(scores, 1)  # ties
    model = IsotonicCalibration().fit(scores, labels)
    grid = np.linspace(-6, 6, 500)
    llr = model.llr(grid)
    assert (np.diff(llr) >= 0).all()
    assert np.isfinite(llr).all()
    order = np.random.default_rng(1).permutation(3000)
    np.testing.assert_array_equal(IsotonicCalibration().fit(scores[order], labels[order]).llr(grid), llr)
    moved = IsotonicCalibration().fit(5 * scores - 2, labels)
    np.testing.assert_allclose(moved.llr(5 * scores - 2), model.llr(scores), atol=1e-12)
    assert np.abs(llr - 3 * grid)[np.abs(grid) < 1].max() < 1


@pytest.mark.parametrize('cls', CLASSES)
def test_calibration_carries_over_to_fresh_trials(cls):
    train, fresh = gaussian_trials(20_000), gaussian_trials(20_000, seed=1)
    model = cls().fit(7 * train[0] - 3, train[1])
    best = cllr(3 * fresh[0], fresh[1])
    assert cllr(7 * fresh[0] - 3, fresh[1]) > best + 0.1
    assert cllr(model.llr(7 * fresh[0] - 3), fresh[1]) == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize('cls', CLASSES)
def test_faults_are_named(cls):
    with pytest.raises(SvtoolkitError, match='not fitted'):
        cls().llr(np.zeros(2))
    with pytest.raises(ValueError, match='2 trials, 2 of them targets'):
        cls().fit(np.zeros(2), np.ones(2, bool))
    with pytest.raises(ValueError, match='1 scores or measures are NaN'):
        cls().fit(np.array([0, np.nan]), np.array([0, 1], bool))
    with pytest.raises(ValueError, match='one label per trial'):
        cls().fit(np.zeros(2), np.ones(3, bool))
    with pytest.raises(ValueError, match='prior=1'):
        LogisticCalibration(1.0)


def test_quality_measures_help_where_the_scores_depend_on_them():
    rng = np.random.default_rng(5)
    _, labels = gaussian_trials(8000)
    duration = rng.uniform(1, 10, (2, 8000))
    sides = [dict(log_duration=np.log(side)) for side in duration]
    qualities = trial_qualities(*sides)
    scores = np.where(labels, 1.0, -1.0) + rng.normal(size=8000) + 2 * qualities['log_duration_min']
    model = QualityCalibration(['log_duration_min']).fit(scores[:4000], labels[:4000], first_half(qualities))
    plain = LogisticCalibration().fit(scores[:4000], labels[:4000])
    rest = {name: values[4000:] for name, values in qualities.items()}
    better, worse = model.llr(scores[4000:], rest), plain.llr(scores[4000:])
    assert cllr(better, labels[4000:]) < cllr(worse, labels[4000:]) - 0.05
    assert model.weights[0] / model.slope == pytest.approx(-2, abs=0.2)  # it takes the shift out again


def first_half(qualities):
    return {name: values[:4000] for name, values in qualities.items()}


def test_quality_columns():
    left, right = dict(magnitude=np.array([1.0, 5.0])), dict(magnitude=np.array([2.0, 4.0]))
    both = trial_qualities(left, right)
    assert {name: values.tolist() for name, values in both.items()} == {
        'magnitude_min': [1, 4], 'magnitude_max': [2, 5]}  # fmt: skip
    assert trial_qualities(right, left).keys() == both.keys()
    with pytest.raises(ValueError, match='different measures'):
        trial_qualities(left, dict(other=np.zeros(2)))
    with pytest.raises(ValueError, match=r"\['snr_min'\] are missing; given: \['magnitude_max'"):
        QualityCalibration(['snr_min']).fit(np.zeros(2), np.array([0, 1]), both)
    with pytest.raises(ValueError, match='each once'):
        QualityCalibration(['a', 'a'])
    with pytest.raises(ValueError, match='at least one'):
        QualityCalibration([])
