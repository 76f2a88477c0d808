"""Open-set identification: a search of a small gallery by hand, golden false-positive rates."""

import numpy as np
import pytest

from svtoolkit.metrics.open_set import far_from_fpir, fnir_at_fpir, fpir_from_far, top_k_accuracy

# four probes of enrolled people (0, 1, 2, 0) and four strangers against a gallery of three
SCORES = np.array(
    [
        [0.9, 0.2, 0.1],
        [0.6, 0.5, 0.1],
        [0.3, 0.3, 0.3],
        [0.4, 0.1, 0.2],
        [0.1, 0.2, 0.0],
        [0.0, 0.45, 0.3],
        [0.35, 0.3, 0.1],
        [0.7, 0.1, 0.2],
    ]
)
MATES = np.array([0, 1, 2, 0, -1, -1, -1, -1])


def test_rank_by_hand():
    assert top_k_accuracy(SCORES, MATES, 1) == 0.5  # probes 0 and 3; the tie of probe 2 counts against it
    assert top_k_accuracy(SCORES, MATES, 2) == 0.75
    assert top_k_accuracy(SCORES, MATES, 3) == 1


@pytest.mark.parametrize(
    'fpir, rank, fnir, threshold',
    [
        # best scores of the strangers: 0.2 0.35 0.45 0.7; of the own speakers: 0.9 0.5 0.3 0.4
        (0.0, 1, 0.75, 0.8),
        (0.25, 1, 0.75, 0.475),  # probe 1 is above, but second
        (0.25, 2, 0.5, 0.475),
        (0.5, 2, 0.25, 0.375),
        (0.5, 1, 0.5, 0.375),
        (0.75, 3, 0, 0.25),
        (1.0, 3, 0, 0.2),
    ],
)
def test_miss_rate_by_hand(fpir, rank, fnir, threshold):
    assert fnir_at_fpir(SCORES, MATES, fpir, rank) == (pytest.approx(fnir), pytest.approx(threshold))


def test_order_of_gallery_and_probes_does_not_matter():
    columns, rows = np.array([2, 0, 1]), np.array([7, 3, 0, 1, 5, 2, 6, 4])
    mates = np.where(MATES < 0, -1, np.argsort(columns)[MATES])[rows]
    mixed = SCORES[:, columns][rows]
    assert top_k_accuracy(mixed, mates) == top_k_accuracy(SCORES, MATES)
    assert fnir_at_fpir(mixed, mates, 0.5) == fnir_at_fpir(SCORES, MATES, 0.5)


def test_false_positives_stay_within_the_limit():
    rng = np.random.default_rng(0)
    scores, mates = rng.integers(0, 20, (60, 5)) / 20, rng.integers(-1, 5, 60)
    scores[np.argmax(mates >= 0)] = 1  # no stranger is on top
    best = scores[mates < 0].max(axis=1)
    for fpir in (0.1, 0.3, 0.6, 1.0):
        threshold = fnir_at_fpir(scores, mates, fpir)[1]
        assert np.mean(best >= threshold) <= fpir


def test_stranger_on_top_with_none_allowed_warns():
    with pytest.warns(UserWarning, match='highest score is a stranger'):
        assert fnir_at_fpir([[0.5], [0.9]], [0, -1], 0.0) == (1.0, np.inf)


def test_golden_false_positive_rates():
    # ecapa_service spec, section 8
    assert fpir_from_far(1e-3, 1000) == pytest.approx(0.632305, abs=1e-6)
    assert far_from_fpir(0.01, 1e6) == pytest.approx(1.00503e-8, rel=1e-5)
    assert fpir_from_far(1e-18, 10**6) == pytest.approx(1e-12)  # 1 - (1 - 1e-18) would be 0
    assert fpir_from_far(1, 5) == 1
    np.testing.assert_allclose(fpir_from_far([0, 0.5], [3, 2]), [0, 0.75])
    assert far_from_fpir(fpir_from_far(0.02, 30), 30) == pytest.approx(0.02)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(mates=MATES[:3]), 'mates \\[P\\] are needed'),
        (dict(mates=MATES + 0.0), 'whole numbers'),
        (dict(mates=MATES + 3), 'gallery has 3 columns'),
        (dict(mates=np.full(8, -1)), 'no enrolled probe'),
        (dict(mates=np.zeros(8, int)), 'no stranger'),
        (dict(fpir=2), 'fpir=2'),
        (dict(rank=0), 'rank=0'),
        (dict(scores=SCORES * np.nan), '24 of 24 scores are not finite'),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        fnir_at_fpir(**{'scores': SCORES, 'mates': MATES, 'fpir': 0.5, **change})


def test_wrong_sizes():
    with pytest.raises(ValueError, match='k=4'):
        top_k_accuracy(SCORES, MATES, 4)
    with pytest.raises(ValueError, match='far=2'):
        fpir_from_far(2, 10)
    with pytest.raises(ValueError, match='gallery_size=0'):
        far_from_fpir(0.1, 0)
