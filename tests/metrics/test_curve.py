"""The error curve: golden points, ties, weights, order, thresholds between scores, wrong input."""

import numpy as np
import pytest

from svtoolkit.metrics.curve import error_curve

# spec of the CLOVA trainers, section 8, "Metrics": a list with two tied pairs
SCORES = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.1]
LABELS = [1, 1, 0, 1, 1, 0, 0, 1, 0, 0]


def random_list(seed, size=20, levels=8):
    """A small list with many ties and both kinds of trials."""
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.4
    labels[:2] = True, False
    return rng.integers(0, levels, size) / 4 + labels * rng.integers(0, 2), labels


def test_golden_points():
    curve = error_curve(SCORES, LABELS)
    assert curve.thresholds[::-1].tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.1]
    np.testing.assert_allclose(curve.fa[::-1], [0, 0, 0.2, 0.2, 0.4, 0.6, 0.6, 0.8, 1], atol=1e-12)
    np.testing.assert_allclose(curve.miss[::-1], [1, 0.8, 0.6, 0.4, 0.2, 0.2, 0, 0, 0], atol=1e-12)


def test_points_equal_counting_at_every_threshold():
    for seed in range(1000):
        scores, labels = random_list(seed)
        curve = error_curve(scores, labels)
        for index in range(len(curve.thresholds)):
            for threshold in (curve.thresholds[index], curve.usable_threshold(index)):
                accepted = scores >= threshold
                assert curve.misses[index] == np.sum(~accepted & labels)
                assert curve.false_alarms[index] == np.sum(accepted & ~labels)


def test_order_of_the_list_does_not_matter():
    scores, labels = random_list(3, size=200)
    shuffle = np.random.default_rng(0).permutation(200)
    first, second = error_curve(scores, labels), error_curve(scores[shuffle], labels[shuffle])
    np.testing.assert_array_equal(first.misses, second.misses)
    np.testing.assert_array_equal(first.false_alarms, second.false_alarms)


def test_whole_weights_equal_repeated_trials():
    scores, labels = random_list(5, size=60)
    weights = np.random.default_rng(1).integers(0, 4, 60)
    weighted = error_curve(scores, labels, weights)
    repeated = error_curve(np.repeat(scores, weights), np.repeat(labels, weights))
    seen = np.isin(weighted.thresholds, repeated.thresholds)
    np.testing.assert_array_equal(weighted.misses[seen], repeated.misses)
    np.testing.assert_array_equal(weighted.false_alarms[seen], repeated.false_alarms)


def test_blocks_join(monkeypatch):
    scores, labels = random_list(7, size=333)
    whole = error_curve(scores, labels, np.arange(333))
    monkeypatch.setattr('svtoolkit.metrics.curve.BLOCK', 10)
    cut = error_curve(scores, labels, np.arange(333))
    np.testing.assert_array_equal(whole.misses, cut.misses)
    np.testing.assert_array_equal(whole.false_alarms, cut.false_alarms)


def test_threshold_between_neighbouring_float32_numbers_decides_in_float32():
    low = np.float32(0.7)
    high = np.nextafter(low, np.float32(1))
    curve = error_curve(np.array([low, high]), [False, True])
    assert curve.thresholds.dtype == np.float32
    assert (np.array([low, high]) >= curve.usable_threshold(1)).tolist() == [False, True]


@pytest.mark.parametrize('labels, missing', [([1, 1, 1], 'no non-target'), ([0, 0, 0], 'no target')])
def test_one_kind_of_trials_is_refused_by_name(labels, missing):
    with pytest.raises(ValueError, match=missing):
        error_curve([0.1, 0.2, 0.3], labels)


def test_scores_that_are_not_finite_are_counted():
    with pytest.raises(ValueError, match='2 of 4 scores are not finite, the first is nan at index 1'):
        error_curve([0.1, np.nan, np.inf, 0.2], [1, 0, 1, 0])


@pytest.mark.parametrize(
    'scores, labels, message',
    [
        ([0.1, 0.2], [1, 0, 1], '2 scores, but 3 labels'),
        ([[0.1, 0.2]], [1, 0], 'shape'),
        ([0.1, 0.2], [1, 2], 'neither 0 nor 1, the first is .*2.* at index 1'),
        ([], [], 'no target'),
    ],
)
def test_wrong_shapes_and_labels(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        error_curve(scores, labels)


@pytest.mark.parametrize('weights', [[1, 1, 1], [1, -1], [1, np.nan], [0, 1]])
def test_wrong_weights(weights):
    with pytest.raises(ValueError, match='weights'):
        error_curve([0.1, 0.2], [1, 0], weights)
