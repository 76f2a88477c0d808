"""Scorings put together from names, files, cohorts and calibrations, and what they refuse."""

import numpy as np
import pytest

from svtoolkit.backends import (
    Centre,
    Chain,
    Cohort,
    Cosine,
    EmbeddingTable,
    LogisticCalibration,
    ScoreNorm,
    Threshold,
)
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, FingerprintError, ManifestError, UnknownNameError
from svtoolkit.evaluation.job import Setup, centred_cosine
from svtoolkit.evaluation.protocol import evaluate
from svtoolkit.evaluation.scoring import extend, read_backend, score_list, scoring_record

RNG = np.random.default_rng(0)
TABLE = EmbeddingTable([f'u{n}' for n in range(12)], RNG.normal(size=(12, 4)), 'm')
COHORT = Cohort(RNG.normal(size=(5, 4)).astype(np.float32), tuple('vwxyz'), 'm', ('a', 'b'))
TRIALS = TrialList(list(TABLE.ids), np.arange(10), np.arange(1, 11), np.arange(10) % 2 == 0)


@pytest.mark.parametrize(
    ('text', 'parts'), [('Cosine', ['Cosine']), ('Centre+ LDA(dim=3) +PLDA', ['Centre', 'LDA', 'PLDA'])]
)
def test_a_backend_from_names(text, parts):
    found = read_backend(text)
    assert [type(part).__name__ for part in getattr(found, 'parts', [found])] == parts


def test_a_backend_from_files(tmp_path):
    (tmp_path / 'b.json').write_text('[{"type": "Centre"}, {"type": "Cosine", "pooling": "scores"}]')
    chain = read_backend(tmp_path / 'b.json').fit(TABLE)
    chain.save(tmp_path / 'b.npz')
    again = read_backend(tmp_path / 'b.npz')
    np.testing.assert_array_equal(again.score_trials(TABLE, TRIALS), chain.score_trials(TABLE, TRIALS))
    assert again.parts[1].pooling == 'scores'


def test_names_that_do_not_exist_and_arguments_that_do_not_fit(tmp_path):
    with pytest.raises(UnknownNameError, match="'Centre'"):
        read_backend('Center+Cosine')
    with pytest.raises(ConfigError, match=r'write the arguments as LDA\(key=value\)'):
        read_backend('Centre+LDA(100)+Cosine')
    with pytest.raises(ConfigError, match='needs a scorer'):
        read_backend('Cosine+Centre')
    (tmp_path / 'b.json').write_text('{"type": "Cosine", "centered": true}')
    with pytest.raises(ConfigError, match='centered'):
        read_backend(tmp_path / 'b.json')
    (tmp_path / 'c.json').write_text('{')
    with pytest.raises(ConfigError, match=r'c\.json'):
        read_backend(tmp_path / 'c.json')


def test_normalisation_goes_before_a_calibration():
    calibrated = Chain([Centre(), Cosine(), LogisticCalibration()]).fit(TABLE).calibrate(TABLE, TRIALS)
    chain = extend(calibrated, COHORT, 's')
    assert [type(part).__name__ for part in chain.parts] == [
        'Centre',
        'Cosine',
        'ScoreNorm',
        'LogisticCalibration',
    ]
    by_hand = Chain([Centre(), Cosine(), ScoreNorm('s')]).fit(TABLE)
    by_hand.norm.use(COHORT)
    llr = calibrated.calibration.llr(by_hand.score_trials(TABLE, TRIALS))
    np.testing.assert_allclose(score_list('t', TABLE, TRIALS, chain), llr)
    assert scoring_record(chain, 'm') == dict(
        score_type='Centre + Cosine + LogisticCalibration', norm_mode='s', topn=None,
        cohort_hash=COHORT.digest(), fingerprint='m', crops='',
    )  # fmt: skip


def test_a_calibration_of_another_model_or_a_second_one_is_refused():
    rng = np.random.default_rng(1)
    label = np.arange(40) < 20
    foreign = LogisticCalibration().fit(rng.normal(size=40) + 2 * label, label, 'other')
    fitted = Chain([Centre(), Cosine()]).fit(TABLE)
    with pytest.raises(FingerprintError, match="'other'"):
        extend(fitted, calibration=foreign)
    own = LogisticCalibration().fit(rng.normal(size=40) + 2 * label, label, 'm')
    with pytest.raises(ConfigError, match='already ends in a calibration'):
        extend(extend(fitted, calibration=own), calibration=own)
    with pytest.raises(ConfigError, match='already ends in a score normalisation'):
        extend(extend(fitted, COHORT), COHORT)


def test_every_fault_of_a_list_is_named():
    unknown = TrialList(['u0', 'ghost'], np.array([0]), np.array([1]))
    with pytest.raises(ManifestError, match=r'1 of 2 utterances have no embedding:\n  - ghost'):
        score_list('t', TABLE, unknown, Cosine())
    with pytest.raises(ManifestError, match='no target'):
        evaluate('t', TABLE, TrialList(TABLE.ids, TRIALS.enrol, TRIALS.test, np.zeros(10, bool)), Cosine())
    with pytest.raises(ConfigError, match='zero and have no direction'):
        score_list('t', TABLE.with_matrix(np.zeros((12, 4))), TRIALS, Cosine())
    with pytest.raises(FingerprintError, match='cohort'):
        score_list('t', EmbeddingTable(TABLE.ids, TABLE.matrix, 'n'), TRIALS, extend(Cosine(), COHORT))


def test_scores_that_are_no_numbers_name_their_trials():
    class Broken(Cosine):
        def compare_pairs(self, enrol, test):
            return np.where(np.arange(len(enrol)) == 3, np.nan, 1.0)

    with pytest.raises(ConfigError, match=r'1 of 10 scores are not finite:\n  - u3 u4: nan'):
        score_list('t', TABLE, TRIALS, Broken())


@pytest.mark.parametrize('mode', ['z', 't', 's', 'as1', 'as2', 'az', 'at', 'zt', 'tz'])
def test_a_cohort_of_equals_is_refused_and_a_real_one_is_not(mode):
    score_list('t', TABLE, TRIALS, extend(Cosine(), COHORT, mode, 3 if mode.startswith('a') else None))
    alike = Cohort(np.repeat(COHORT.matrix[:1], 4, axis=0), tuple('abcd'), 'm')
    with pytest.raises(ConfigError, match=r'sigma = 0'):
        score_list('t', TABLE, TRIALS, extend(Cosine(), alike, mode, 3 if mode.startswith('a') else None))


def test_one_neighbour_has_no_deviation():
    with pytest.raises(ConfigError, match=r'sigma = 0'):
        score_list('t', TABLE, TRIALS, extend(Cosine(), COHORT, 'as1', 1))


def test_models_of_several_sessions():
    trials = TrialList(['model', 'u5'], np.array([0]), np.array([1]))
    score = score_list('t', TABLE, trials, Cosine(pooling='scores'), {'model': ('u0', 'u1')})
    single = TrialList(['u0', 'u1', 'u5'], np.array([0, 1]), np.array([2, 2]))
    assert score[0] == pytest.approx(score_list('t', TABLE, single, Cosine()).mean())
    with pytest.raises(ManifestError, match='ghost'):
        score_list('t', TABLE, trials, Cosine(), {'model': ('u0', 'ghost')})


def test_a_brought_threshold_decides_and_is_checked():
    tuned = evaluate('t', TABLE, TRIALS, Cosine(), rounds=0).threshold
    found = evaluate('t', TABLE, TRIALS, Cosine(), rounds=0, threshold=tuned)
    assert found.threshold == tuned
    assert (found.fixed['FAR'], found.fixed['FRR']) == (tuned.FAR, tuned.FRR)
    with pytest.raises(ConfigError, match='norm_mode'):
        evaluate('t', TABLE, TRIALS, extend(Cosine(), COHORT, 's'), rounds=0, threshold=Threshold(
            **{**vars(tuned), 'cohort_hash': COHORT.digest()}))  # fmt: skip


def test_the_mean_of_a_model_is_its_verify_scoring():
    mean = np.array([1.0, -1, 0.5, 2])
    chain = centred_cosine(mean, 'm')
    left, right = TABLE.matrix[0] - mean, TABLE.matrix[1] - mean
    expected = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
    assert chain.score(TABLE.matrix[:1], TABLE.matrix[1:2])[0, 0] == pytest.approx(expected, abs=1e-6)
    assert chain.fingerprint == 'm'


def test_a_job_from_a_program(tmp_path):
    TABLE.save(tmp_path / 't.npz')
    TRIALS.write(tmp_path / 'trials.txt')
    lines = [f'{name}\t{name}.wav\ts{place // 2}' for place, name in enumerate(TABLE.ids)]
    (tmp_path / 'list.tsv').write_text('\n'.join(['utt\tpath\tspeaker', *lines]) + '\n')
    COHORT.save(tmp_path / 'c.npz')

    def load(*_):
        raise AssertionError('a table was given, no model is needed')

    setup = Setup(
        embeddings=str(tmp_path / 't.npz'),
        manifests=[str(tmp_path / 'list.tsv')],
        cohort=str(tmp_path / 'c.npz'),
        topn=3,
    )
    job = setup.prepare(tmp_path / 'trials.txt', load)
    assert job.speakers == {f'u{n}': f's{n // 2}' for n in range(11)}
    found = job.evaluate(rounds=0)
    assert found.name == 'trials' and found.record['norm_mode'] == 'as1'
    own = Cohort(COHORT.matrix, ('s0', *COHORT.speakers[1:]), 'm')
    own.save(tmp_path / 'c.npz')
    assert (
        '1 of 5 cohort entries are speakers of the trials'
        in setup.prepare(tmp_path / 'trials.txt', load).notes[0]
    )
