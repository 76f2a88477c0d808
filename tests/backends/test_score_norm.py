"""Score normalisation against the golden values and against loops that follow the definitions.

Goldens: the cohort of eight sine vectors and the five-entry cohorts were computed in float64 by an
independent script when the sources were read.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from svtoolkit.backends import Chain, Cohort, Cosine, EmbeddingTable, ScoreNorm
from svtoolkit.backends.norm import as_norm, cohort_statistics, drop_outliers, nearest, z_norm
from svtoolkit.errors import FingerprintError, SvtoolkitError, UnknownNameError

K = np.arange(4)
GOLDEN_COHORT = np.stack([np.sin(0.9 * (i + 1) + (0.5 + 0.2 * i) * K) for i in range(8)])
GOLDEN_ENROL = np.sin(1 + 0.9 * K)[None]
GOLDEN_TEST = np.cos(0.4 + 0.6 * K)[None]
GOLDEN = [
    ('none', 3, 0, 0.921703), ('z', 3, 0, 1.271932), ('t', 3, 0, 1.241910), ('s', 3, 0, 1.256921),
    ('as1', 3, 0, 1.201730), ('as2', 3, 0, 1.025762), ('as1', 4, 0, 1.241547), ('as2', 4, 0, 1.241547),
    ('zt', 3, 0, 0.737503), ('tz', 3, 0, 0.649166), ('z', 3, 1, 1.189784), ('t', 3, 1, 1.161700),
    ('s', 3, 1, 1.175742), ('as1', 3, 1, 0.981208), ('as2', 3, 1, 0.837531), ('as1', 4, 1, 1.075211),
]  # fmt: skip
MODES = ['z', 't', 's', 'zt', 'tz', 'as1', 'as2', 'az', 'at']


def chain_with(cohort, mode, fingerprint='', speakers=None, **options):
    norm = ScoreNorm(mode, **options)
    chain = Chain([Cosine(), norm])
    norm.use(Cohort(cohort, tuple(speakers or [''] * len(cohort)), fingerprint))
    return chain


@pytest.mark.parametrize('mode, topn, ddof, expected', GOLDEN)
def test_golden_rows(mode, topn, ddof, expected):
    chain = chain_with(GOLDEN_COHORT, mode, topn=topn, ddof=ddof)
    assert chain.score(GOLDEN_ENROL, GOLDEN_TEST)[0, 0] == pytest.approx(expected, abs=1e-6)
    left, right = chain.prepare(GOLDEN_ENROL), chain.prepare(GOLDEN_TEST)
    assert chain.compare_pairs(left, right)[0] == pytest.approx(expected, abs=1e-6)
    single = chain.score(GOLDEN_ENROL.astype(np.float32), GOLDEN_TEST.astype(np.float32))
    assert single[0, 0] == pytest.approx(expected, abs=1e-5)


def test_golden_five_entry_cohorts():
    enrol, test = np.array([[0.30, 0.25, 0.20, 0.10, 0]]), np.array([[0.40, 0.10, 0.05, 0, -0.1]])
    top = [[cohort_statistics(side, 3, ddof) for side in (enrol, test)] for ddof in (0, 1)]
    assert as_norm(np.array([0.6]), *top[0])[0] == pytest.approx(5.634517, abs=1e-6)
    assert as_norm(np.array([0.6]), *top[1])[0] == pytest.approx(4.600564, abs=1e-6)
    assert z_norm(0.6, *cohort_statistics(enrol))[0] == pytest.approx(3.992450, abs=1e-6)
    assert z_norm(0.6, *cohort_statistics(test))[0] == pytest.approx(3.026293, abs=1e-6)


def test_golden_statistics_and_nearest():
    unit = [
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (GOLDEN_COHORT, GOLDEN_ENROL, GOLDEN_TEST)
    ]
    enrol, test = unit[1] @ unit[0].T, unit[2] @ unit[0].T
    np.testing.assert_allclose(np.ravel(cohort_statistics(enrol)), [0.137631, 0.616442], atol=1e-6)
    np.testing.assert_allclose(np.ravel(cohort_statistics(test, ddof=1)), [0.138586, 0.674114], atol=1e-6)
    assert nearest(enrol, 3).tolist() == [[0, 1, 6]]
    assert nearest(test, 3).tolist() == [[1, 6, 7]]


def naive(mode, raw, enrol, test, itself, topn, ddof=0):
    """One trial by the definitions; enrol, test: [M] cohort scores, itself: [M, M]."""

    def norm(score, chosen):
        return (score - chosen.mean()) / max(chosen.std(ddof=ddof), 1e-6)

    near_e, near_t = (np.sort(np.argsort(-side, kind='stable')[:topn]) for side in (enrol, test))
    if mode in ('zt', 'tz'):
        others = [np.delete(row, place) for place, row in enumerate(itself)]
        first, second = (enrol, test) if mode == 'zt' else (test, enrol)
        moved = np.array([norm(score, other) for score, other in zip(second, others)])
        return norm(norm(raw, first), moved)
    sides = {'z': [enrol], 't': [test], 's': [enrol, test], 'az': [enrol[near_e]], 'at': [test[near_t]],
             'as1': [enrol[near_e], test[near_t]], 'as2': [enrol[near_t], test[near_e]]}[mode]  # fmt: skip
    return np.mean([norm(raw, side) for side in sides])


@pytest.mark.parametrize('ddof', [0, 1])
@pytest.mark.parametrize('mode', MODES)
def test_thousand_trials_equal_a_loop(mode, ddof, monkeypatch):
    rng = np.random.default_rng(3)
    matrix, cohort = rng.normal(size=(50, 8)), rng.normal(size=(40, 8))
    cohort[7] = cohort[21]  # a tie that the order of the cohort breaks
    table = EmbeddingTable([str(row) for row in range(50)], matrix)
    matrix, cohort = table.matrix.astype(float), cohort.astype(np.float32).astype(float)
    enrol, test = rng.integers(0, 50, (2, 1000))
    trials = SimpleNamespace(ids=table.ids, enrol=enrol, test=test, label=None)
    chain = chain_with(cohort, mode, topn=11, ddof=ddof)
    scores = chain.score_trials(table.with_matrix(matrix), trials)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (matrix, cohort)]
    against, itself = unit[0] @ unit[1].T, unit[1] @ unit[1].T
    raw = np.einsum('nd,nd->n', unit[0][enrol], unit[0][test])
    pairs = zip(raw, against[enrol], against[test])
    expected = [naive(mode, score, *sides, itself, 11, ddof) for score, *sides in pairs]
    np.testing.assert_allclose(scores, expected, atol=2e-4, rtol=1e-4)  # the table holds float32
    monkeypatch.setattr('svtoolkit.backends.score_norm.BLOCK', 130)
    again = chain.score_trials(table.with_matrix(matrix), trials)
    np.testing.assert_allclose(again, scores, atol=1e-4)
    dense = chain.score(matrix, matrix)
    np.testing.assert_allclose(dense[enrol, test], expected, atol=1e-8)


@pytest.mark.parametrize('mode', ['s', 'as1', 'as2'])
def test_symmetric_modes_do_not_care_who_is_enrolled(mode):
    rng = np.random.default_rng(0)
    scores = chain_with(rng.normal(size=(30, 5)), mode, topn=7).score(*[rng.normal(size=(20, 5))] * 2)
    np.testing.assert_allclose(scores, scores.T, atol=1e-10)


def test_the_whole_cohort_is_s_norm_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    cohort, enrol, test = rng.normal(size=(30, 5)), rng.normal(size=(4, 5)), rng.normal(size=(6, 5))
    plain = chain_with(cohort, 's').score(enrol, test)
    for mode in ('as1', 'as2'):
        np.testing.assert_allclose(chain_with(cohort, mode, topn=99).score(enrol, test), plain)
    shuffled = chain_with(cohort[rng.permutation(30)], 'as2', topn=5).score(enrol, test)
    np.testing.assert_allclose(shuffled, chain_with(cohort, 'as2', topn=5).score(enrol, test))


@pytest.mark.parametrize('mode', MODES)
def test_constant_cohort_scores_stay_finite(mode):
    scores = chain_with(np.ones((5, 3)), mode, topn=2).score(np.eye(3), np.eye(3)[:2])
    assert np.isfinite(scores).all()


def test_bad_sizes_and_names_are_refused():
    with pytest.raises(ValueError, match='topn=0'):
        ScoreNorm(topn=0)
    with pytest.raises(ValueError, match='topn=-1'):
        cohort_statistics(np.ones((1, 3)), -1)
    with pytest.raises(ValueError, match='cohort is empty'):
        Cohort(np.zeros((0, 3)), ())
    with pytest.raises(ValueError, match='cohort is empty'):
        cohort_statistics(np.zeros((2, 0)))
    with pytest.raises(UnknownNameError, match='Did you mean'):
        ScoreNorm('as3')
    with pytest.raises(ValueError, match='ddof=2'):
        ScoreNorm(ddof=2)
    with pytest.raises(ValueError, match='outlier_sigma'):
        ScoreNorm(outlier_sigma=0.5)
    with pytest.raises(SvtoolkitError, match='after a scorer'):
        ScoreNorm().use(Cohort(np.eye(2), ('a', 'b'))).score(np.eye(2), np.eye(2))
    with pytest.raises(SvtoolkitError, match='not fitted'):
        Chain([Cosine(), ScoreNorm()]).score(np.eye(2), np.eye(2))


@pytest.mark.parametrize('mode', ['s', 'as1', 'as2', 'zt'])
def test_own_speaker_is_left_out_of_the_cohort(mode):
    rng = np.random.default_rng(5)
    cohort, matrix = rng.normal(size=(12, 6)), rng.normal(size=(5, 6))
    matrix[0] = cohort[3] + 0.01 * rng.normal(size=6)
    speakers = [f's{row // 2}' for row in range(12)]
    table = EmbeddingTable(list('abcde'), matrix)
    pairs = np.array([[0, 1], [2, 0], [3, 4]])
    trials = SimpleNamespace(ids=table.ids, enrol=pairs[:, 0], test=pairs[:, 1], label=None)
    owners = {'a': 's1', 'b': 'stranger'}
    chain = chain_with(cohort, mode, speakers=speakers, topn=4)
    result = chain.norm.measure_trials(table, trials, speakers=owners)
    assert result.num_masked == 2
    np.testing.assert_array_equal(result.scores, chain.score_trials(table, trials, speakers=owners))
    # a cohort without that speaker gives the same to a; the others keep the whole cohort
    kept = [row for row in range(12) if speakers[row] != 's1']
    smaller = chain_with(cohort[kept], mode, speakers=[speakers[row] for row in kept], topn=4)
    if mode in ('s', 'as1'):
        left = smaller.norm.measure_trials(table, trials)
        assert result.enrol_mean[0] == pytest.approx(left.enrol_mean[0], abs=1e-6)
        assert result.test_std[1] == pytest.approx(left.test_std[1], abs=1e-6)
        assert result.enrol_mean[2] == pytest.approx(
            chain.norm.measure_trials(table, trials).enrol_mean[2], abs=1e-6
        )
    plain = chain.score_trials(table, trials)
    assert abs(plain[0] - result.scores[0]) > 1e-3
    assert plain[2] == pytest.approx(result.scores[2], abs=1e-6 if mode != 'zt' else 1)
    ignoring = chain_with(cohort, mode, speakers=speakers, topn=4, exclude_same_speaker=False)
    assert ignoring.norm.measure_trials(table, trials, speakers=owners).num_masked == 0


def test_a_cohort_of_only_the_own_speaker_is_an_error():
    chain = chain_with(np.eye(3), 's', speakers=['x', 'x', 'x'])
    table = EmbeddingTable(['a'], np.ones((1, 3)))
    trials = SimpleNamespace(ids=['a'], enrol=np.array([0]), test=np.array([0]), label=None)
    with pytest.raises(ValueError, match='whole cohort is left out'):
        chain.score_trials(table, trials, speakers={'a': 'x'})


def test_outliers_are_left_out():
    row = np.append(np.tile([-1.0, 1.0], 50), 30.0)[None]
    kept = drop_outliers(row, 4)
    assert np.isneginf(kept).sum() == 1
    assert cohort_statistics(kept)[0][0] == pytest.approx(0)
    assert cohort_statistics(kept, topn=10)[0][0] == pytest.approx(1)


def test_statistics_come_along_as_quality_measures(world, trials):
    norm = ScoreNorm('as1', topn=10)
    Chain([Cosine(), norm]).fit(world.table, world.speakers)
    result = norm.measure_trials(world.table, trials)
    by_hand = ((result.raw - result.enrol_mean) / result.enrol_std
               + (result.raw - result.test_mean) / result.test_std) / 2  # fmt: skip
    np.testing.assert_allclose(result.scores, by_hand)
    np.testing.assert_allclose(result.raw, Cosine().score_trials(world.table, trials), atol=1e-6)
    assert len(norm.cohort) == len(set(world.speakers))


def test_cohort_of_speaker_means():
    table = EmbeddingTable(list('abc'), np.array([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), 'model-1')
    cohort = Cohort.from_table(table, ['x', 'x', 'y'])
    # unit vectors (1, 0) and (0, 1) point to 45 degrees; their lengths 3 and 1 average to 2
    np.testing.assert_allclose(cohort.matrix, [[2**0.5, 2**0.5], [2.0, 0.0]], rtol=1e-6)
    assert cohort.speakers == ('x', 'y')
    assert cohort.sources == ('a', 'b', 'c')
    utterances = Cohort.from_table(table)
    assert len(utterances) == 3
    assert utterances.digest() != cohort.digest()


def test_saved_cohort_is_used_and_a_foreign_one_refused(world, trials, tmp_path):
    cohort = Cohort.from_table(world.table, world.speakers)
    path = cohort.save(tmp_path / 'cohort.npz')
    assert Cohort.load(path).digest() == cohort.digest()
    fitted = Chain([Cosine(), ScoreNorm(topn=9)]).fit(world.table, world.speakers)
    from_file = Chain([Cosine(), ScoreNorm(topn=9, cohort_file=str(path))]).fit(world.table, world.speakers)
    np.testing.assert_array_equal(
        fitted.score_trials(world.table, trials), from_file.score_trials(world.table, trials)
    )
    foreign = EmbeddingTable(world.table.ids, world.table.matrix, 'model-2')
    with pytest.raises(FingerprintError, match='the cohort'):
        Chain([Cosine(), ScoreNorm(cohort_file=str(path))]).fit(foreign)
    with pytest.raises(FingerprintError, match="'model-1'"):
        fitted.score_trials(foreign, trials)
    with pytest.raises(FingerprintError, match='the cohort'):
        chain_with(world.table.matrix, 's', fingerprint='model-1').score_trials(foreign, trials)
    with pytest.raises(FingerprintError):
        fitted.norm.use(Cohort(cohort.matrix, cohort.speakers, 'model-2'))
    world.table.save(tmp_path / 'table.npz')
    with pytest.raises(ValueError, match='not a cohort file'):
        Cohort.load(tmp_path / 'table.npz')


def test_pooled_enrolment_gets_its_own_statistics(world):
    chain = Chain([Cosine(), ScoreNorm('as1', topn=10)]).fit(world.table, world.speakers)
    trials = SimpleNamespace(ids=['m', 'u9'], enrol=np.array([0]), test=np.array([1]), label=None)
    score = chain.score_trials(world.table, trials, models={'m': ['u0', 'u1', 'u2']})
    unit = world.table.matrix[:3] / np.linalg.norm(world.table.matrix[:3], axis=1, keepdims=True)
    direct = chain.score(unit.mean(0, keepdims=True), world.table.matrix[9:10])
    np.testing.assert_allclose(score, direct[0], atol=1e-5)
    rows = chain.prepare(world.table.matrix[:3])
    pooled = chain.compare(chain.pool(rows)[None], chain.prepare(world.table.matrix[9:10]))
    np.testing.assert_allclose(pooled, direct, atol=1e-5)
