"""LDA and whitening against their definitions and scikit-learn."""

import numpy as np
import pytest

from svtoolkit.backends import LDA, EmbeddingTable, Whiten


def test_lda_spans_what_scikit_learn_finds(world):
    analysis = pytest.importorskip('sklearn.discriminant_analysis')
    ours = LDA(dim=3, ridge=0).fit(world.table, world.speakers)
    theirs = analysis.LinearDiscriminantAnalysis(solver='eigen', n_components=3)
    theirs.fit(world.table.matrix.astype(float), world.speakers)
    # the same directions up to scale and sign
    for mine, other in zip(ours.projection.T, theirs.scalings_.T):
        cosine = mine @ other / np.linalg.norm(mine) / np.linalg.norm(other)
        assert abs(cosine) == pytest.approx(1, abs=1e-6)


def test_lda_makes_the_variance_within_speakers_one(world):
    out = LDA(dim=4, ridge=0).fit(world.table, world.speakers).transform(world.table.matrix.astype(float))
    means = np.stack([out[world.index == number].mean(0) for number in range(world.index.max() + 1)])
    rest = out - means[world.index]
    np.testing.assert_allclose(rest.T @ rest / len(rest), np.eye(4), atol=1e-9)


def test_lda_refuses_more_directions_than_speakers_allow(world):
    first = [number < 3 for number in world.index]
    few = world.table.select([name for name, keep in zip(world.table.ids, first) if keep])
    names = [name for name, keep in zip(world.speakers, first) if keep]
    with pytest.raises(ValueError, match='3 speakers and 6 dimensions allow 1 to 2'):
        LDA(dim=3).fit(few, names)
    with pytest.raises(ValueError, match='allow 1 to 6'):
        LDA(dim=7).fit(world.table, world.speakers)


def test_lda_needs_sensible_speakers(world):
    with pytest.raises(ValueError, match='pass speakers'):
        LDA(dim=1).fit(world.table)
    with pytest.raises(ValueError, match='at least 2 speakers, got 1'):
        LDA(dim=1).fit(world.table, ['one'] * len(world.table))
    with pytest.raises(ValueError, match='2 speakers for'):
        LDA(dim=1).fit(world.table, ['a', 'b'])
    with pytest.raises(ValueError, match='nobody varies'):
        LDA(dim=1).fit(EmbeddingTable(['a', 'b'], np.eye(2)), ['x', 'y'])


def test_whitened_covariance_is_the_identity(world):
    out = Whiten().fit(world.table).transform(world.table.matrix.astype(float))
    np.testing.assert_allclose(np.cov(out.T, ddof=0), np.eye(6), atol=1e-9)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-9)
    first = Whiten(dim=2).fit(world.table).transform(world.table.matrix.astype(float))
    np.testing.assert_allclose(first, out[:, :2])


def test_whitening_does_not_blow_up_empty_directions():
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.normal(size=(50, 2)), np.zeros(50)])
    out = Whiten().fit(EmbeddingTable([str(row) for row in range(50)], flat)).transform(flat)
    assert np.abs(out).max() < 10
    with pytest.raises(ValueError, match='all 2 embeddings are equal'):
        Whiten().fit(EmbeddingTable(['a', 'b'], np.ones((2, 3))))
    with pytest.raises(ValueError, match='use 1 to 3'):
        Whiten(dim=4).fit(EmbeddingTable(['a', 'b'], np.eye(3)[:2]))


def test_adapted_whitening_learns_the_target_domain(world):
    target = world.table.with_matrix(world.table.matrix * 3 + 1)
    out = Whiten().fit(world.table).adapt(target).transform(target.matrix.astype(float))
    np.testing.assert_allclose(np.cov(out.T, ddof=0), np.eye(6), atol=1e-6)
