"""Error rates by column: parts measured alone and at the common threshold, the worst one named."""

import numpy as np
import pytest

from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer, eer_threshold
from svtoolkit.metrics.slices import binned, slices


def two_genders(size=2000):
    """Women's scores are noisier, so their error rate is higher."""
    rng = np.random.default_rng(0)
    gender = np.where(np.arange(size) % 2, 'f', 'm')
    labels = rng.random(size) < 0.5
    scores = 3 * labels + np.where(gender == 'f', 2.0, 1.0) * rng.normal(size=size)
    return scores, labels, gender


def test_parts_are_measured_alone_and_together():
    scores, labels, gender = two_genders()
    report = slices(scores, labels, {'gender': gender})
    assert report.threshold == eer_threshold(error_curve(scores, labels))
    assert [(row.column, row.value) for row in report.rows] == [('gender', 'f'), ('gender', 'm')]
    for row in report.rows:
        part = gender == row.value
        assert row.eer == eer(error_curve(scores[part], labels[part]))
        assert row.far == np.mean(scores[part & ~labels] >= report.threshold)
        assert row.frr == np.mean(scores[part & labels] < report.threshold)
        assert row.num_targets + row.num_nontargets == part.sum()
        assert row.ci is None
    assert (report.worst.column, report.worst.value) == ('gender', 'f')


def test_small_parts_are_listed_but_cannot_be_the_worst():
    scores, labels, gender = two_genders()
    room = np.full(len(scores), 'quiet', dtype=object)
    room[:10] = None  # objects are compared as text
    labels[:10] = True
    scores[:10] = -9.0
    report = slices(scores, labels, {'gender': gender, 'room': room})
    small = next(row for row in report.rows if row.value == 'None')
    assert (small.num_targets, small.num_nontargets, small.eer, small.far, small.frr) == (
        10,
        0,
        None,
        None,
        1,
    )
    assert report.worst.value == 'f'
    assert slices(scores, labels, {'room': room}, min_trials=10**6).worst is None


def test_ranges_are_listed_by_size():
    scores, labels, _ = two_genders()
    names = ['<2', '2-5', '5-10', '5-10 / <2', '10+', 'unknown']
    ranges = np.resize([names[place] for place in (4, 2, 5, 0, 3, 1)], len(scores))
    levels = np.resize([-5.0, 10.0, 2.5], len(scores))
    rows = slices(scores, labels, {'length': ranges, 'snr': levels}).rows
    assert [row.value for row in rows] == ['unknown', *names[:5], '-5.0', '2.5', '10.0']


def test_intervals_with_speakers():
    scores, labels, gender = two_genders()
    rng = np.random.default_rng(1)
    enrol = rng.integers(0, 20, len(scores))
    test = np.where(labels, enrol, (enrol + 1) % 20)
    report = slices(scores, labels, {'gender': gender}, enrol_speakers=enrol, test_speakers=test, rounds=50)
    for row in report.rows:
        assert row.ci[0] < row.eer < row.ci[1]


def test_lengths_as_ranges():
    assert binned([0.5, 2, 4.9, 5, 70], [2, 5]).tolist() == ['<2', '2-5', '2-5', '5+', '5+']
    with pytest.raises(ValueError, match='rising'):
        binned([1], [5, 2])


def test_wrong_arguments():
    scores, labels, gender = two_genders(20)
    with pytest.raises(ValueError, match="column 'gender' has shape"):
        slices(scores, labels, {'gender': gender[:3]})
    with pytest.raises(ValueError, match='both sides'):
        slices(scores, labels, {'gender': gender}, enrol_speakers=gender)
