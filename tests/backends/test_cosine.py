"""Cosine scoring, centring, length normalisation and pooling of sessions."""

from types import SimpleNamespace

import numpy as np
import pytest

from svtoolkit.backends import Centre, Chain, Cosine, EmbeddingTable, LengthNorm

# by hand: (3, 4) and (4, 3) have length 5 and inner product 24; (3, 4) and (-4, 3) are at a right angle
VECTORS = np.array([[3.0, 4.0], [4.0, 3.0], [-4.0, 3.0]])


def test_cosine_by_hand():
    scores = Cosine().score(VECTORS[:1], 7 * VECTORS)
    np.testing.assert_allclose(scores, [[1.0, 24 / 25, 0.0]], atol=1e-12)


def test_centre_argument_and_centre_part_agree(world, trials):
    inside = Cosine(centre=True).fit(world.table).score_trials(world.table, trials)
    chained = Chain([Centre(), Cosine()]).fit(world.table).score_trials(world.table, trials)
    np.testing.assert_allclose(inside, chained, atol=1e-6)
    moved = world.table.with_matrix(world.table.matrix - world.table.matrix.mean(0))
    np.testing.assert_allclose(inside, Cosine().score_trials(moved, trials), atol=1e-5)


def test_scores_do_not_depend_on_length_or_block(world, trials, monkeypatch):
    plain = Cosine().score_trials(world.table, trials)
    longer = world.table.with_matrix(world.table.matrix * 100)
    np.testing.assert_allclose(Cosine().score_trials(longer, trials), plain, atol=1e-6)
    monkeypatch.setattr('svtoolkit.backends.base.PAIRS_PER_BLOCK', 7)
    np.testing.assert_array_equal(Cosine().score_trials(world.table, trials), plain)


def test_a_vector_without_direction_is_refused():
    with pytest.raises(ValueError, match='1 of 2 embeddings are zero'):
        Cosine().score(np.array([[1.0, 0.0], [0.0, 0.0]]), VECTORS)


@pytest.mark.parametrize('scale, length', [(1.0, 1.0), (3.0, 3.0), ('sqrt_dim', 2**0.5)])
def test_length_norm(scale, length):
    np.testing.assert_allclose(np.linalg.norm(LengthNorm(scale).transform(VECTORS), axis=1), length)


def test_sessions_are_pooled_as_asked():
    table = EmbeddingTable(['a', 'b', 'c'], VECTORS)
    trials = SimpleNamespace(ids=['m', 'c', 'a'], enrol=np.array([0, 0]), test=np.array([1, 2]), label=None)
    models = {'m': ['a', 'b']}
    # mean of unit vectors (.6, .8) and (.8, .6) is (.7, .7): cosine with (-.8, .6) is -.2 / sqrt 2
    by_mean = Cosine().score_trials(table, trials, models)
    np.testing.assert_allclose(by_mean, [-0.2 / 2**0.5, 1.4 / 2**0.5], atol=1e-6)
    by_scores = Cosine(pooling='scores').score_trials(table, trials, models)
    np.testing.assert_allclose(by_scores, [(0 - 7 / 25) / 2, (1 + 24 / 25) / 2], atol=1e-6)
    with pytest.raises(ValueError, match="enrolment 'm' names no utterances"):
        Cosine().score_trials(table, trials, {'m': []})


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="pooling='max'"):
        Cosine(pooling='max')
    with pytest.raises(ValueError, match="scale='dim'"):
        LengthNorm('dim')


def test_adapted_centre_takes_the_other_mean(world):
    target = world.table.with_matrix(world.table.matrix + 5)
    centre = Centre().fit(world.table).adapt(target)
    np.testing.assert_allclose(centre.transform(target.matrix).mean(axis=0), 0, atol=1e-5)
