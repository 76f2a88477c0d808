"""Heavy-tailed PLDA: its Gaussian limit, numeric integration, and what it is for."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from simulated import draw_speakers

from svtoolkit.backends import PLDA, EmbeddingTable, HeavyTailedPLDA
from svtoolkit.backends.speaker_likelihood import evidence


def test_infinite_degrees_of_freedom_is_gaussian_plda(world):
    model = HeavyTailedPLDA(rank=3, dof=np.inf).fit(world.table, world.speakers)
    same = PLDA().set_model(model.mean, model.loading @ model.loading.T, model.within)
    rows = world.table.matrix[:20].astype(float)
    np.testing.assert_allclose(model.score(rows[:5], rows), same.score(rows[:5], rows), atol=1e-9)
    huge = HeavyTailedPLDA(rank=3, dof=1e9).fit(world.table, world.speakers)
    np.testing.assert_allclose(huge.score(rows[:5], rows), model.score(rows[:5], rows), atol=1e-5)


def test_full_rank_gaussian_limit_reaches_the_likelihood_of_plda():
    world = draw_speakers(seed=9, dim=5)
    heavy = HeavyTailedPLDA(rank=4, dof=np.inf, iterations=60).fit(world.table, world.speakers)
    exact = PLDA(iterations=60).fit(world.table, world.speakers)

    def total(mean, between, within):
        value = 0.0
        for number in range(world.index.max() + 1):
            rows = world.table.matrix[world.index == number].astype(float)
            size = len(rows)
            cov = np.kron(np.ones((size, size)), between) + np.kron(np.eye(size), within)
            value += multivariate_normal(np.tile(mean, size), cov).logpdf(rows.ravel())
        return value

    gap = total(exact.mean, exact.between, exact.within) - total(
        heavy.mean, heavy.loading @ heavy.loading.T, heavy.within
    )
    assert -1e-6 < gap < 25  # one speaker dimension less can only cost a little


def test_evidence_is_the_integral_over_the_hidden_vector():
    # one hidden dimension: log of the integral of exp(a z - b lam z^2 / 2) N(z; 0, 1)
    grid = np.linspace(-12, 12, 200_001)
    for a, b, lam in ((0.7, 1.0, 2.0), (-2.0, 0.3, 1.5), (0.0, 4.0, 0.5)):
        integral = np.trapezoid(np.exp(a * grid - b * lam * grid**2 / 2) * norm.pdf(grid), grid)
        ours = evidence(np.array([[a, b]]), np.ones(1), np.array([lam]))
        assert ours[0] == pytest.approx(np.log(integral), abs=1e-9)


def test_odd_utterances_get_a_small_weight(world):
    model = HeavyTailedPLDA(rank=3, dof=2.0).fit(world.table, world.speakers)
    near, far = model.mean[None], model.mean[None] + 50 * np.linalg.svd(model.loading.T)[2][-1]
    weights = model.prepare(np.concatenate([near, far]))[:, -1]
    assert weights[0] == pytest.approx((2 + 6 - 3) / 2)  # (nu + D - d) / (nu + 0)
    assert weights[1] < 0.1


def test_heavy_tails_are_modelled_better_than_by_a_gaussian():
    world = draw_speakers(seed=11, num_speakers=200, dim=10, least=4, most=6, tails=2.0)
    held = world.index >= 120
    x = world.table.matrix
    train = EmbeddingTable([name for name, out in zip(world.table.ids, held) if not out], x[~held])
    names = [name for name, out in zip(world.speakers, held) if not out]
    same = world.index[held][:, None] == world.index[held]
    upper = np.triu_indices(len(same), 1)

    def cllr(model):
        scores = model.fit(train, names).score(x[held], x[held])[upper]
        targets = same[upper]
        cost = np.logaddexp(0, -scores[targets]).mean() + np.logaddexp(0, scores[~targets]).mean()
        return cost / 2 / np.log(2)

    heavy, gaussian = cllr(HeavyTailedPLDA(rank=6, dof=2.0)), cllr(PLDA())
    assert heavy < gaussian


def test_moved_domain_and_faults(world):
    model = HeavyTailedPLDA(rank=3).fit(world.table, world.speakers)
    rows = world.table.matrix[:8]
    before = model.score(rows, rows)
    shifted = world.table.with_matrix(world.table.matrix + 4)
    np.testing.assert_allclose(model.adapt(shifted).score(rows + 4, rows + 4), before, atol=1e-4)
    with pytest.raises(ValueError, match='6 dimensions; use less'):
        HeavyTailedPLDA(rank=6).fit(world.table, world.speakers)
    with pytest.raises(ValueError, match='rank=0'):
        HeavyTailedPLDA(rank=0)
