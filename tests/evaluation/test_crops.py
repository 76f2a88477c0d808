"""Ten-crop scoring against the golden values of the Clova-style trainer's specification, section 8."""

import numpy as np
import pytest

from svtoolkit.backends import Chain, Cohort, EmbeddingTable, ScoreNorm
from svtoolkit.datasets.trials import TrialList
from svtoolkit.evaluation.crops import CropCosine, CropDistance, CropSpec, crop_starts, cut_crops, make_cohort

K = np.arange(4)
ENROL = np.stack([np.sin(1 + 0.9 * K + 0.2 * j) for j in range(2)])
TEST = np.stack([np.cos(0.4 + 0.6 * K + 0.3 * j) for j in range(2)])
COHORT = np.stack([np.sin(0.9 * (i + 1) + (0.5 + 0.2 * i) * K) for i in range(8)])


def rows(*utterances):
    """Utterances of crops [K, D] as rows of a float64 matrix."""
    return np.stack([crops.ravel() for crops in utterances])


def test_starts_of_ten_crops_of_four_seconds():
    size = CropSpec().num_samples(16000)
    assert size == 64240
    assert crop_starts(100_000, size).tolist() == [
        0, 3973, 7946, 11920, 15893, 19866, 23840, 27813, 31786, 35760,
    ]  # fmt: skip


def test_a_short_recording_is_repeated_to_one_sample_more_than_a_crop():
    wave = np.arange(30_000, dtype=np.float32)
    crops = cut_crops(wave, 64240)
    assert crops.shape == (10, 64240)
    assert crops[:, 0].tolist() == [0] * 9 + [1]
    assert crops[0, 30_000] == 0
    assert crops[9, -1] == (64_240 % 30_000)


def test_an_empty_recording_is_refused():
    with pytest.raises(ValueError, match='without samples'):
        cut_crops(np.zeros(0), 10)


@pytest.mark.parametrize(('scorer', 'expected'), [(CropCosine(2), 0.866024), (CropDistance(2), -0.480754)])
def test_golden_scores(scorer, expected):
    pairs = scorer.compare_pairs(scorer.prepare(rows(ENROL)), scorer.prepare(rows(TEST)))
    matrix = scorer.score(rows(ENROL, TEST), rows(TEST))
    assert pairs[0] == pytest.approx(expected, abs=1e-6)
    assert matrix[0, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(('topn', 'expected'), [(3, 0.797551), (8, 1.170516)])
def test_golden_normalised_score(topn, expected):
    matrix = np.concatenate([COHORT, COHORT], axis=1)
    matrix /= np.linalg.norm(COHORT, axis=1, keepdims=True)
    chain = Chain([CropCosine(2), ScoreNorm('as1', topn=topn)])
    table = EmbeddingTable(['e', 't'], rows(ENROL, TEST))
    chain.fit(table, ['e', 't'])
    chain.norm.use(Cohort(matrix.astype(np.float32), ('',) * 8, ''))
    trials = TrialList(['e', 't'], np.array([0]), np.array([1]))
    assert chain.score_trials(table, trials)[0] == pytest.approx(expected, abs=1e-5)


def test_mean_distance_of_many_rows_equals_the_plain_loop():
    rng = np.random.default_rng(0)
    enrol, test = rng.normal(size=(5, 3, 6)), rng.normal(size=(4, 3, 6))
    score = CropDistance(3).score(rows(*enrol), rows(*test))
    enrol /= np.linalg.norm(enrol, axis=2, keepdims=True)
    test /= np.linalg.norm(test, axis=2, keepdims=True)
    for i, left in enumerate(enrol):
        for j, right in enumerate(test):
            expected = -np.mean([np.linalg.norm(a - b) for a in left for b in right])
            assert score[i, j] == pytest.approx(expected, abs=1e-9)


def test_the_cohort_of_crops_is_one_unit_vector_per_speaker():
    rng = np.random.default_rng(1)
    crops = rng.normal(size=(4, 3, 5)).astype(np.float32)
    table = EmbeddingTable(list('abcd'), crops.reshape(4, 15), 'm')
    cohort = make_cohort(table, ['x', 'x', 'y', 'y'], CropSpec(num=3))
    units = crops / np.linalg.norm(crops, axis=2, keepdims=True)
    mean = units[:2].reshape(-1, 5).mean(axis=0)
    assert cohort.speakers == ('x', 'y')
    assert cohort.sources == tuple('abcd')
    assert cohort.fingerprint == 'm'
    np.testing.assert_allclose(
        CropCosine(3).prepare(cohort.matrix)[0], mean / np.linalg.norm(mean), atol=1e-6
    )


def test_rows_that_are_no_crops_are_refused():
    with pytest.raises(ValueError, match='not 3 crop embeddings'):
        CropCosine(3).prepare(np.ones((1, 4)))
