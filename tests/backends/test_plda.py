"""PLDA: closed forms against brute force, parameters recovered from simulated data, invariances."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from simulated import draw_speakers

from svtoolkit.backends import LDA, PLDA, Chain, EmbeddingTable, KaldiPLDA, LengthNorm, ScoreNorm
from svtoolkit.errors import SvtoolkitError, UnknownNameError

MODELS = [PLDA, KaldiPLDA]


def log_density(rows, mean, between, within):
    """Log density of utterances of one speaker, [n, D]: their joint Gaussian, written out."""
    count = len(rows)
    total = np.kron(np.ones((count, count)), between) + np.kron(np.eye(count), within)
    return multivariate_normal(np.tile(mean, count), total).logpdf(rows.ravel())


def brute_force_llr(model, enrol, test):
    """LLR of sessions [n, D] against sessions [m, D]."""
    parts = model.mean, model.between, model.within
    together = log_density(np.concatenate([enrol, test]), *parts)
    return together - log_density(enrol, *parts) - log_density(test, *parts)


def given_model(world, cls=PLDA, **options):
    return cls(**options).set_model(world.mean, world.between, world.within)


def test_closed_form_equals_the_gaussian_ratio(world):
    model = given_model(world)
    rows = world.table.matrix[:12].astype(float)
    scores = model.score(rows[:4], rows[4:])
    expected = [[brute_force_llr(model, e[None], t[None]) for t in rows[4:]] for e in rows[:4]]
    np.testing.assert_allclose(scores, expected, atol=1e-9)


@pytest.mark.parametrize('num_enrol, num_test', [(2, 1), (5, 1), (3, 2)])
def test_several_sessions_by_the_book_equal_brute_force(world, num_enrol, num_test):
    model = given_model(world)
    rows = world.table.matrix[: num_enrol + num_test].astype(float)
    prepared = model.prepare(rows)
    enrol, test = model.pool(prepared[:num_enrol])[None], model.pool(prepared[num_enrol:])[None]
    expected = brute_force_llr(model, rows[:num_enrol], rows[num_enrol:])
    assert model.compare(enrol, test)[0, 0] == pytest.approx(expected, abs=1e-9)
    assert model.compare_pairs(enrol, test)[0] == pytest.approx(expected, abs=1e-9)


def test_sessions_of_a_trial_list(world):
    model = PLDA().fit(world.table, world.speakers)
    trials = SimpleNamespace(
        ids=['m', 'u7', 'n', 'u8'], enrol=np.array([0, 2, 1]), test=np.array([1, 3, 3]), label=None
    )
    models = {'m': ['u0', 'u1', 'u2'], 'n': ['u3', 'u4']}
    scores = model.score_trials(world.table, trials, models)
    x = world.table.matrix.astype(float)
    expected = [brute_force_llr(model, x[:3], x[7:8]), brute_force_llr(model, x[3:5], x[8:9]),
                brute_force_llr(model, x[7:8], x[8:9])]  # fmt: skip
    np.testing.assert_allclose(scores, expected, atol=1e-8)
    by_mean = PLDA(pooling='mean').fit(world.table, world.speakers).score_trials(world.table, trials, models)
    np.testing.assert_allclose(by_mean[0], brute_force_llr(model, x[:3].mean(0)[None], x[7:8]), atol=1e-8)


def test_many_precisions_are_scored_like_few(world, monkeypatch):
    model = given_model(world)
    rows = model.prepare(world.table.matrix[:30])
    enrol = np.stack([model.pool(rows[:count]) for count in (1, 2, 3, 4, 5, 5)])
    grouped = model.compare(enrol, rows)
    monkeypatch.setattr('svtoolkit.backends.speaker_likelihood.GROUPS', 0)
    np.testing.assert_allclose(model.compare(enrol, rows), grouped, atol=1e-9)


def test_parameters_are_recovered_from_simulated_data():
    world = draw_speakers(seed=1, num_speakers=3000, dim=4, least=4, most=8)
    model = PLDA(iterations=30).fit(world.table, world.speakers)
    # four standard errors: v sqrt(2 / n) for a variance v seen n times; a speaker is seen through W / n
    seen = np.diag(world.between + world.within / 4)
    for found, true, spread, count in (
        (model.between, world.between, seen, 3000),
        (model.within, world.within, np.diag(world.within), 15000),
    ):
        error = (found - true) / np.sqrt(np.outer(spread, spread))
        assert np.abs(error).max() < 4 * np.sqrt(2 / count)
    assert (np.abs(model.mean - world.mean) < 4 * np.sqrt(seen / 3000)).all()


def likelihood(model, world):
    x = world.table.matrix.astype(float)
    groups = [x[world.index == number] for number in range(world.index.max() + 1)]
    return sum(log_density(rows, model.mean, model.between, model.within) for rows in groups)


@pytest.mark.parametrize('cls', MODELS)
def test_training_never_lowers_the_likelihood(world, cls):
    values = [
        likelihood(cls(iterations=count).fit(world.table, world.speakers), world) for count in range(1, 8)
    ]
    assert (np.diff(values) > -1e-6).all()
    assert values[-1] > values[0]
    best = likelihood(PLDA(iterations=200).fit(world.table, world.speakers), world)
    assert values[-1] <= best + 1e-6
    assert best > likelihood(given_model(world), world)


@pytest.mark.parametrize('cls', MODELS)
def test_order_of_utterances_does_not_matter(world, trials, cls):
    order = np.random.default_rng(2).permutation(len(world.table))
    shuffled = world.table.select([world.table.ids[row] for row in order])
    first = cls().fit(world.table, world.speakers).score_trials(world.table, trials)
    second = cls().fit(shuffled, [world.speakers[row] for row in order]).score_trials(shuffled, trials)
    np.testing.assert_allclose(first, second, atol=1e-8)


def test_rotation_and_scale_do_not_change_scores(world):
    matrix = world.table.matrix.astype(float)
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(6, 6)))[0] * 3
    moved_to = EmbeddingTable(world.table.ids, matrix @ turn, 'model-1')
    first = PLDA().fit(world.table, world.speakers).score(matrix[:5], matrix[5:20])
    moved = PLDA().fit(moved_to, world.speakers).score(matrix[:5] @ turn, matrix[5:20] @ turn)
    np.testing.assert_allclose(first, moved, atol=1e-4)  # the moved table is rounded to float32


def test_few_utterances_in_many_dimensions_stay_finite():
    world = draw_speakers(num_speakers=5, dim=40, least=2, most=3)
    model = PLDA(ridge=1e-3).fit(world.table, world.speakers)
    assert np.isfinite(model.score(world.table.matrix, world.table.matrix)).all()


def test_llr_are_calibrated_and_tell_speakers_apart():
    world = draw_speakers(seed=6, num_speakers=120, dim=5)
    scores = given_model(world).score(world.table.matrix, world.table.matrix)
    upper = np.triu_indices(len(scores), 1)
    same = (world.index[:, None] == world.index)[upper]
    scores = scores[upper]
    # for true likelihood ratios the mean of exp(-llr) over targets, of exp(llr) over non-targets, is 1
    assert np.exp(-scores[same]).mean() == pytest.approx(1, abs=0.15)
    assert np.exp(scores[~same]).mean() == pytest.approx(1, abs=0.15)
    assert scores[same].mean() > scores[~same].mean() + 3


def test_kaldi_length_normalisation(world):
    plain = KaldiPLDA(normalise='none').fit(world.table, world.speakers)
    for kind in ('model', 'simple'):
        model = KaldiPLDA(normalise=kind).fit(world.table, world.speakers)
        rows = plain.prepare(world.table.matrix[:6].astype(float))
        single, pooled = rows[:1], np.append(rows[:5, :-1].sum(0), 5.0)[None]
        expected = plain._variance + 1 if kind == 'model' else np.ones(6)
        # Kaldi plda.cc, GetNormalizationFactor: sqrt(dim / sum(x^2 / (psi + 1 / n)))
        factor = np.sqrt(6 / (single[:, :-1] ** 2 / expected).sum())
        many = plain._variance + 1 / 5 if kind == 'model' else np.ones(6)
        average = pooled[:, :-1] / 5
        factor5 = np.sqrt(6 / (average**2 / many).sum())
        by_hand = plain.compare(
            np.column_stack([5 * factor5 * average, [5]]), np.column_stack([factor * single[:, :-1], [1]])
        )
        np.testing.assert_allclose(model.compare(pooled, single), by_hand, atol=1e-9)
    with pytest.raises(ValueError, match="normalise='all'"):
        KaldiPLDA(normalise='all')


def test_kaldi_steps_from_identity():
    # by hand: D = 1, speakers {1, 3} and {-1, -1}; means 2, -1, their mean 0.5, residual 2; one step from
    # B = W = 1: posterior variance 1/3, posterior means 2/3 * (+-1.5) = +-1, rest sqrt(2) * 0.5
    table = EmbeddingTable(list('abcd'), np.array([[1.0], [3.0], [-1.0], [-1.0]]))
    model = KaldiPLDA(iterations=1).fit(table, ['x', 'x', 'y', 'y'])
    assert model.mean[0] == pytest.approx(0.5)
    assert model.between[0, 0] == pytest.approx(1 + 1 / 3)
    assert model.within[0, 0] == pytest.approx((2 * 0.5 + 4 / 3 + 2) / 4)


def test_whole_recipe_in_a_chain(world, trials):
    parts = [LDA(dim=4), LengthNorm('sqrt_dim'), PLDA(), ScoreNorm('as1', topn=20)]
    chain = Chain(parts).fit(world.table, world.speakers)
    scores = chain.score_trials(world.table, trials)
    rows = world.table.matrix[world.table.rows(trials.ids)]
    dense = chain.score(rows, rows)[trials.enrol, trials.test]
    np.testing.assert_allclose(scores, dense, atol=1e-4)


def test_faults_are_named(world):
    with pytest.raises(SvtoolkitError, match='PLDA is not fitted'):
        PLDA().score(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match='at least 2 speakers'):
        PLDA().fit(world.table, ['one'] * len(world.table))
    with pytest.raises(ValueError, match='nobody varies'):
        KaldiPLDA().fit(EmbeddingTable(['a', 'b'], np.eye(2)), ['x', 'y'])
    with pytest.raises(ValueError, match="pooling='sum'"):
        PLDA(pooling='sum')
    with pytest.raises(UnknownNameError, match="'coral'"):
        PLDA(adaptation='corral')
    model = KaldiPLDA().set_model(np.zeros(2), np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match='exactly at the mean'):
        model.score(np.zeros((1, 2)), np.ones((1, 2)))


def test_speechbrain_scores_alike_and_learns_the_same(speechbrain):
    """Its mean is that of the utterances, ours that of the model; they are one where speakers speak equally often."""
    peer = speechbrain('processing.PLDA_LDA')
    world = draw_speakers(num_speakers=200, least=5, most=5)
    matrix = world.table.matrix.astype(float)

    def statistics(speakers, rows):
        names, none = np.array(speakers, 'O'), np.array([None] * len(rows))
        utts = names if len(set(speakers)) == len(rows) else np.array(world.table.ids, 'O')
        return peer.StatObject_SB(names, utts, none, none, np.ones((len(rows), 1)), rows.copy())

    ours = PLDA(iterations=100).fit(world.table, world.speakers)
    enrol, test = [f'e{row:02d}' for row in range(10)], [f't{row:02d}' for row in range(30)]
    trials = peer.Ndx(models=np.array(enrol, 'O'), testsegs=np.array(test, 'O'))
    sides = statistics(enrol, matrix[:10]), statistics(test, matrix[10:40])
    loading = np.linalg.cholesky(ours.between)
    scores = peer.fast_PLDA_scoring(*sides, trials, ours.mean, loading, ours.within).scoremat
    np.testing.assert_allclose(ours.score(matrix[:10], matrix[10:40]), scores, atol=1e-9)

    theirs = peer.PLDA(rank_f=6, nb_iter=200)
    theirs.plda(statistics(world.speakers, matrix))
    np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-6)
    np.testing.assert_allclose(ours.between, theirs.F @ theirs.F.T, atol=1e-6)
    np.testing.assert_allclose(ours.within, theirs.Sigma, atol=1e-6)
