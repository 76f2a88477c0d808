"""Linear fusion: the known best weights, and no worse than its best system."""

import numpy as np
import pytest

from svtoolkit.backends import LinearFusion


def two_systems(count=20_000, seed=0):
    """Independent Gaussian scores with true LLRs 2 * 1.0 * s and 2 * 0.5 * s."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.5
    sign = np.where(labels, 1.0, -1.0)
    return np.stack([sign + rng.normal(size=count), 0.5 * sign + rng.normal(size=count)], axis=1), labels


def cllr(llr, labels):
    return (np.logaddexp(0, -llr[labels]).mean() + np.logaddexp(0, llr[~labels]).mean()) / 2 / np.log(2)


def test_independent_systems_add_their_ratios():
    scores, labels = two_systems()
    fusion = LinearFusion().fit(scores, labels, ['model-1', 'model-2'])
    np.testing.assert_allclose(fusion.weights, [2, 1], rtol=0.06)
    assert fusion.offset == pytest.approx(0, abs=0.1)
    assert fusion.fingerprint == 'model-1+model-2'
    fresh, truth = two_systems(seed=1)
    fused = cllr(fusion.llr(fresh), truth)
    assert fused < cllr(2 * fresh[:, 0], truth) - 0.02
    assert fused == pytest.approx(cllr(fresh @ [2, 1], truth), abs=0.003)


def test_the_same_system_twice_shares_its_weight():
    scores, labels = two_systems()
    fusion = LinearFusion().fit(scores[:, [0, 0]], labels)
    np.testing.assert_allclose(fusion.weights, [1, 1], rtol=0.1)


def test_faults_are_named():
    scores, labels = two_systems(100)
    with pytest.raises(ValueError, match='1 fingerprints for 2 systems'):
        LinearFusion().fit(scores, labels, ['model-1'])
    fusion = LinearFusion().fit(scores, labels)
    with pytest.raises(ValueError, match='fitted on 2 systems'):
        fusion.llr(scores[:, :1])
