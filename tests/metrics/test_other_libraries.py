"""Rates of random and real scores, tied ones among them, against scikit-learn, SpeechBrain and llreval."""

import csv

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from svtoolkit.metrics.calibration import cllr, min_cllr
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.pav import pav_llrs
from svtoolkit.metrics.rates import auc, eer, min_dcf

PRIORS = (0.01, 0.05, 0.5)


def random_scores(decimals):
    rng = np.random.default_rng(decimals)
    labels = rng.random(600) < 0.3
    return np.round(2 * labels + rng.normal(size=600), decimals), labels


def real_scores(data_dir, decimals):
    """Every tenth trial of the hard list, cosines of a public model's stored embeddings."""
    with np.load(data_dir / 'embeddings/test_bilstm_all.npz') as data:
        units = data['emb'].astype(np.float64)
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        place = {name: row for row, name in enumerate(data['utt'].tolist())}
    with (data_dir / 'so762/trials_hard.txt').open(newline='') as stream:
        rows = list(csv.reader(stream, delimiter=' '))[::10]
    left, right = ([place[row[side]] for row in rows] for side in (1, 2))
    scores = np.einsum('nd,nd->n', units[left], units[right])
    return np.round(scores, decimals), np.array([row[0] == '1' for row in rows])


@pytest.fixture(params=['random', 'random, tied', 'real', 'real, tied'])
def scored(request):
    """Scores and labels, [n] each."""
    if 'real' in request.param:
        folder = request.getfixturevalue('data_dir')
        return real_scores(folder, 2 if 'tied' in request.param else 15)
    return random_scores(1 if 'tied' in request.param else 15)


def test_points_and_area_of_scikit_learn(scored):
    scores, labels = scored
    curve = error_curve(scores, labels)
    fa, hits, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_array_equal(curve.thresholds[::-1], thresholds)
    np.testing.assert_allclose(curve.fa[::-1], fa, atol=1e-12)
    np.testing.assert_allclose(1 - curve.miss[::-1], hits, atol=1e-12)
    assert auc(curve) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_speechbrain(scored, speechbrain):
    """Its EER is the mean of both rates at the nearest point, our ``vv``; its cost lacks our division.

    Both compute in float32. Their points leave out "accept everything", which is cheapest on none of these.
    """
    import torch

    theirs = speechbrain('utils.metric_stats')
    scores, labels = scored
    scores = scores.astype(np.float32)
    curve = error_curve(scores, labels)
    kinds = torch.from_numpy(scores[labels]), torch.from_numpy(scores[~labels])
    assert eer(curve, 'vv') == pytest.approx(theirs.EER(*kinds)[0], abs=1e-6)
    for prior in PRIORS:
        cost = theirs.minDCF(*kinds, p_target=prior)[0] / min(prior, 1 - prior)
        assert min_dcf(curve, prior)[0] == pytest.approx(cost, abs=1e-6)


def test_llreval(scored):
    quick = pytest.importorskip('llreval.quick_eval')
    hulls = pytest.importorskip('llreval.pav_rocch')
    scores, labels = scored
    found = quick.scoreslabels_2_eer_cllr_mincllr(scores, labels.astype(int))
    curve = error_curve(scores, labels)
    ours = eer(curve, 'convex_hull'), cllr(scores, labels), min_cllr(scores, labels)
    assert ours == pytest.approx(found, abs=1e-6)
    expected = hulls.PAV(scores, labels.astype(int)).scores_vs_llrs()
    order = np.argsort(scores, kind='stable')
    known = np.interp(scores[order], expected[0], np.nan_to_num(expected[1], posinf=99, neginf=-99))
    llrs = np.clip(pav_llrs(scores, labels)[order], -99, 99)
    np.testing.assert_allclose(llrs, known, atol=1e-6)
