"""Pool adjacent violators: against sklearn's isotonic regression and against a plain search for the hull."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from svtoolkit.metrics import pav
from svtoolkit.metrics.curve import error_curve


def gaussian_list(seed, size=2000, digits=2):
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.3
    labels[:2] = True, False
    return np.round(rng.normal(size=size) + 1.5 * labels, digits), labels


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('digits', [0, 1, 6])
def test_ratios_equal_isotonic_regression(seed, digits):
    scores, labels = gaussian_list(seed, 300, digits)
    # the posterior at the list's own share of targets is the isotonic fit of the labels
    fit = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, labels.astype(float))
    prior_log_odds = np.log(labels.sum() / (~labels).sum())
    posterior = 1 / (1 + np.exp(-pav.pav_llrs(scores, labels) - prior_log_odds))
    np.testing.assert_allclose(posterior, fit, atol=1e-12)


def test_weighted_blocks_equal_isotonic_regression():
    for seed in range(50):
        scores, labels = gaussian_list(seed, 60, 1)
        weights = np.random.default_rng(seed).integers(0, 3, 60).astype(float)
        weights[:2] = 1  # both kinds weigh something
        used = weights > 0
        fit = IsotonicRegression().fit(scores[used], labels[used], weights[used]).predict(scores[used])
        _, targets, nontargets = pav.pav_blocks(error_curve(scores, labels, weights))
        np.testing.assert_allclose(targets / (targets + nontargets), np.unique(np.round(fit, 12)), atol=1e-11)
        assert targets.sum() == weights[labels].sum()
        assert nontargets.sum() == weights[~labels].sum()


def test_corners_bound_the_curve_from_below():
    for seed in range(200):
        curve = error_curve(*gaussian_list(seed, 40, 1))
        corners = pav.hull_points(curve)
        assert corners[0] == 0
        assert corners[-1] == curve.last
        height = np.interp(curve.miss, curve.miss[corners], curve.fa[corners])
        assert np.all(curve.fa >= height - 1e-12)


def test_walk_and_passes_agree(monkeypatch):
    lists = [gaussian_list(seed, 500, digits) for seed in range(20) for digits in (1, 6)]
    passes = [pav.hull_points(error_curve(*trials)) for trials in lists]
    monkeypatch.setattr(pav, 'MIN_SHRINK', 1.0)  # the walk takes over at once
    for trials, corners in zip(lists, passes):
        np.testing.assert_array_equal(pav.hull_points(error_curve(*trials)), corners)


def test_list_in_which_a_pass_drops_one_point_at_a_time():
    # shares of targets rise slowly and one pure non-target group of great weight comes last
    size = 20_000
    scores = np.repeat(np.arange(size), 2)
    labels = np.tile([True, False], size)
    weights = np.ones(2 * size)
    weights[::2] = np.linspace(1, 2, size)
    weights[-2:] = 0, 10 * size
    corners = pav.hull_points(error_curve(scores, labels, weights))
    assert corners.tolist() == [0, size]


def test_ends_are_certain():
    llrs = pav.pav_llrs([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 0, 1, 0, 1, 1])
    assert llrs.tolist() == [-np.inf, -np.inf, 0, 0, np.inf, np.inf]
