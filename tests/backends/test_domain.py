"""Unsupervised adaptation: what each method promises about the covariances."""

import numpy as np
import pytest
from simulated import draw_speakers

from svtoolkit.backends import PLDA, Centre, Chain, Coral, Cosine, LengthNorm, ScoreNorm
from svtoolkit.backends.domain import adapt_covariances, coral_map
from svtoolkit.errors import FingerprintError, UnknownNameError


@pytest.fixture
def covariances(world):
    root = np.random.default_rng(3).normal(size=(6, 6))
    return world.between, world.within, root @ root.T


def test_coral_meets_the_target_covariance(covariances):
    between, within, target = covariances
    recolour = coral_map(between + within, target)
    np.testing.assert_allclose(recolour @ (between + within) @ recolour.T, target, atol=1e-9)
    new = adapt_covariances('coral', between, within, target, 0.1, 0.2)
    np.testing.assert_allclose(sum(new), target, atol=1e-9)
    assert min(np.linalg.eigvalsh(new[1])) > 0


def test_kaldi_gives_all_excess_variance_away(covariances):
    between, within, _ = covariances
    total = between + within
    # the target is the model's total covariance plus 3 in one direction: exactly that is shared out
    direction = np.arange(1.0, 7.0)
    grown = adapt_covariances('kaldi', between, within, total + 3 * np.outer(direction, direction), 0.7, 0.3)
    np.testing.assert_allclose(grown[0] - between, 2.1 * np.outer(direction, direction), atol=1e-8)
    np.testing.assert_allclose(grown[1] - within, 0.9 * np.outer(direction, direction), atol=1e-8)
    # a target that varies less than the model changes nothing
    same = adapt_covariances('kaldi', between, within, 0.5 * total, 0.7, 0.3)
    np.testing.assert_allclose(same, (between, within), atol=1e-9)


def test_coral_plus_only_adds(covariances):
    between, within, target = covariances
    new = adapt_covariances('coral+', between, within, target, 0.5, 0.5)
    for old, grown in zip((between, within), new):
        assert min(np.linalg.eigvalsh(grown - old)) > -1e-9
    # a target twice the model's total doubles both at full scale
    doubled = adapt_covariances('coral+', between, within, 2 * (between + within), 1.0, 1.0)
    np.testing.assert_allclose(doubled, (2 * between, 2 * within), rtol=1e-6, atol=1e-6)
    unmoved = adapt_covariances('coral+', between, within, target, 0.0, 0.0)
    np.testing.assert_allclose(unmoved, (between, within))
    with pytest.raises(UnknownNameError, match='coral'):
        adapt_covariances('coral++', between, within, target, 1, 1)


def cllr(scores, same):
    upper = np.triu_indices(len(same), 1)
    scores, same = scores[upper], same[upper]
    return (np.logaddexp(0, -scores[same]).mean() + np.logaddexp(0, scores[~same]).mean()) / 2 / np.log(2)


@pytest.mark.parametrize('method', ['kaldi', 'coral', 'coral+'])
def test_adaptation_helps_on_a_moved_domain(method):
    source = draw_speakers(seed=20, num_speakers=300, dim=6)
    target = draw_speakers(seed=20, num_speakers=300, dim=6)  # the same voices in another room
    stretch = np.diag([3.0, 2.0, 1.5, 1.0, 1.0, 1.0])
    moved = target.table.with_matrix(target.table.matrix @ stretch + 3)
    model = PLDA(adaptation=method).fit(source.table, source.speakers)
    same = target.index[:, None] == target.index
    before = cllr(model.score(moved.matrix, moved.matrix), same)
    after = cllr(model.adapt(moved).score(moved.matrix, moved.matrix), same)
    assert after < before
    assert after < 0.9 * before or method != 'coral'


def test_coral_transform_maps_the_target_to_the_source(world):
    moved = world.table.with_matrix(world.table.matrix @ np.diag([3.0, 2, 1, 1, 0.5, 0.5]) + 2)
    coral = Coral(ridge=0).fit(world.table)
    np.testing.assert_allclose(coral.transform(world.table.matrix), world.table.matrix, atol=1e-5)
    out = coral.adapt(moved).transform(moved.matrix.astype(float))
    np.testing.assert_allclose(np.cov(out.T), np.cov(world.table.matrix.T), atol=1e-4)
    np.testing.assert_allclose(out.mean(0), world.table.matrix.mean(0), atol=1e-4)


def test_a_chain_adapts_part_by_part(world, trials):
    moved = world.table.with_matrix(world.table.matrix @ np.diag([3.0, 2, 1, 1, 0.5, 0.5]) + 2)
    chain = Chain([Centre(), Coral(), LengthNorm(), Cosine(), ScoreNorm(topn=9)])
    chain.fit(world.table, world.speakers)
    before = chain.score_trials(moved, trials)
    after = chain.adapt(moved).score_trials(moved, trials)
    assert np.abs(after - before).max() > 0.1
    moved.fingerprint = 'model-2'
    with pytest.raises(FingerprintError):
        chain.adapt(moved)
