"""Intervals from resampled speakers: against drawing by hand, and what they must not depend on."""

from itertools import combinations

import numpy as np
import pytest

from svtoolkit.errors import UnknownNameError
from svtoolkit.metrics.calibration import cllr, min_cllr
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.intervals import paired_bootstrap, speaker_bootstrap, trial_bootstrap
from svtoolkit.metrics.rates import act_dcf, auc, eer, min_dcf


def speaker_list(num_speakers=12, seed=0, noise=1.0):
    """Every pair of three utterances per speaker; a speaker's trials share an effect."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(num_speakers), 3)
    pairs = np.array(list(combinations(range(len(people)), 2)))
    enrol, test = people[pairs].T
    labels = enrol == test
    effect = rng.normal(size=(2, num_speakers))
    scores = 2.0 * labels + np.where(labels, effect[0][enrol], (effect[1][enrol] + effect[1][test]) / 2)
    names = np.array([f'id{number:03d}' for number in range(num_speakers)])
    return scores + noise * rng.normal(size=len(labels)), labels, names[enrol], names[test]


def test_draws_weigh_trials_by_speakers():
    """The same draws, each trial repeated k or k * l times and measured afresh."""
    scores, labels, enrol, test = speaker_list()
    scores = np.round(scores, 1)  # ties
    names = sorted(set(enrol) | set(test))
    rng = np.random.default_rng(5)
    values = []
    for _ in range(40):
        drawn = [names[i] for i in rng.integers(0, len(names), len(names))]
        times = [
            drawn.count(a) if same else drawn.count(a) * drawn.count(b)
            for a, b, same in zip(enrol, test, labels)
        ]
        s, y = np.repeat(scores, times), np.repeat(labels, times)
        curve = error_curve(s, y)
        values.append(
            [eer(curve), eer(curve, 'convex_hull'), auc(curve), min_dcf(curve, 0.05)[0], act_dcf(s, y, 0.2)]
            + [cllr(s, y), min_cllr(s, y)]
        )
    metrics = ['EER', 'EER_hull', 'AUC', 'minDCF_p05', 'actDCF_p2', 'Cllr', 'minCllr']
    found = speaker_bootstrap(scores, labels, enrol, test, metrics, rounds=40, seed=5)
    low, high = np.percentile(values, [2.5, 97.5], axis=0)
    np.testing.assert_allclose([found[name].low for name in metrics], low, atol=1e-12)
    np.testing.assert_allclose([found[name].high for name in metrics], high, atol=1e-12)
    assert found['EER'].value == eer(error_curve(scores, labels))
    assert found['Cllr'].value == pytest.approx(cllr(scores, labels), abs=1e-12)


@pytest.mark.data
@pytest.mark.parametrize(
    'trials, system, expected',
    [
        # printed by scripts/score_trials.py of the data folder: 1000 rounds, training mean subtracted;
        # EER in percent, minDCF at 0.01 and 0.05, each value, low, high
        (
            'random',
            'tdnn_so762_full',
            [6.5724, 5.5375, 7.7746, 0.6253, 0.4798, 0.7331, 0.4184, 0.3446, 0.4883],
        ),
        ('hard', 'tdnn_so762_full', [9.995, 7.9204, 12.1577, 0.762, 0.5711, 0.8696, 0.59, 0.4435, 0.702]),
        ('random', 'bilstm_all', [8.7922, 7.4772, 10.2638, 0.7483, 0.6355, 0.8183, 0.5447, 0.4521, 0.6228]),
        ('hard', 'bilstm_all', [13.4019, 11.1049, 15.8735, 0.802, 0.6735, 0.8526, 0.6646, 0.5641, 0.7304]),
    ],
)
def test_published_intervals_of_real_embeddings(data_dir, trials, system, expected):
    with np.load(data_dir / 'embeddings' / f'test_{system}.npz') as table:
        vectors = table['emb'].astype(np.float64) - table['train_mean'].astype(np.float64)
        index = {utt: row for row, utt in enumerate(table['utt'].tolist())}
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [line.split('\t') for line in (data_dir / 'so762' / 'test.tsv').read_text().splitlines()]
    utt, speaker = rows[0].index('utt'), rows[0].index('speaker')
    speakers = {row[utt]: row[speaker] for row in rows[1:]}
    trial_file = data_dir / 'so762' / f'trials_{trials}.txt'
    label, enrol, test = zip(*(line.split() for line in trial_file.read_text().splitlines()))
    left, right = ([index[name] for name in side] for side in (enrol, test))
    found = speaker_bootstrap(
        np.einsum('nd,nd->n', vectors[left], vectors[right]),
        np.array(label) == '1',
        [speakers[name] for name in enrol],
        [speakers[name] for name in test],
    )
    values = [*(100 * value for value in found['EER']), *found['minDCF_p01'], *found['minDCF_p05']]
    np.testing.assert_allclose(values, expected, atol=5.1e-5)  # printed with four decimals


def test_names_numbers_and_trial_order_do_not_matter():
    scores, labels, enrol, test = speaker_list()
    by_name = speaker_bootstrap(scores, labels, enrol, test, rounds=50)
    numbers = [np.array([int(name[2:]) for name in side]) for side in (enrol, test)]
    assert speaker_bootstrap(scores, labels, *numbers, rounds=50) == by_name
    order = np.random.default_rng(0).permutation(len(scores))
    mixed = speaker_bootstrap(scores[order], labels[order], enrol[order], test[order], rounds=50)
    for name in by_name:
        assert mixed[name] == pytest.approx(by_name[name], abs=1e-12)


def test_speakers_give_a_wider_interval_than_trials():
    scores, labels, enrol, test = speaker_list(30, noise=0.1)
    people = speaker_bootstrap(scores, labels, enrol, test, ('EER',), rounds=200)['EER']
    trials = trial_bootstrap(scores, labels, ('EER',), rounds=200)['EER']
    assert people.value == trials.value
    assert people.low < trials.low < trials.high < people.high
    assert people.high - people.low > 1.5 * (trials.high - trials.low)


def test_naive_interval_equals_the_package_of_its_authors():
    module = pytest.importorskip('confidence_intervals')
    scores, labels, *_ = speaker_list(10)

    def measure(truth, values):
        return eer(error_curve(values, truth))

    _, (low, high) = module.evaluate_with_conf_int(scores, measure, labels, num_bootstraps=500)
    found = trial_bootstrap(scores, labels, ('EER',), rounds=500)['EER']
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)  # other random numbers


def test_pairs_of_systems():
    scores, labels, enrol, test = speaker_list(20)
    rng = np.random.default_rng(1)
    slightly_worse = scores + 0.3 * rng.normal(size=len(scores))
    same = paired_bootstrap(scores, scores, labels, enrol, test, rounds=50)['EER']
    assert (same.difference, same.low, same.high, same.share) == (0, 0, 0, 1)
    pair = paired_bootstrap(scores, slightly_worse, labels, enrol, test, ('EER',), rounds=200)['EER']
    alone = speaker_bootstrap(scores, labels, enrol, test, ('EER',), rounds=200)['EER']
    assert pair.a == alone.value
    assert pair.difference == pair.a - pair.b
    assert pair.high - pair.low < (alone.high - alone.low) / 2  # the speakers' luck cancels
    back = paired_bootstrap(slightly_worse, scores, labels, enrol, test, ('EER',), rounds=200)['EER']
    assert (back.low, back.high, back.share) == pytest.approx((-pair.high, -pair.low, pair.share))


def test_a_clear_win_leaves_out_zero():
    scores, labels, enrol, test = speaker_list(20)
    worse = scores + 9 * np.random.default_rng(1).normal(size=len(scores))
    pair = paired_bootstrap(scores, worse, labels, enrol, test, ('EER', 'AUC'), rounds=100)
    assert pair['EER'].high < 0 < pair['AUC'].low
    assert pair['EER'].share == 0


def test_own_metrics():
    scores, labels, enrol, test = speaker_list()
    found = speaker_bootstrap(
        scores,
        labels,
        enrol,
        test,
        {'half': lambda curve: eer(curve) / 2, 'constant': lambda curve: 3},
        rounds=20,
    )
    assert found['half'].value == eer(error_curve(scores, labels)) / 2
    assert found['constant'] == (3, 3, 3)


def test_draws_without_targets_are_left_out():
    # only speaker a has targets: a draw without a (and one without b and c) has no rate
    scores = [0.9, 0.6, 0.5, 0.1]
    labels = [1, 0, 1, 0]
    with pytest.warns(UserWarning, match=r'only \d+ of 100 draws held both kinds'):
        found = speaker_bootstrap(scores, labels, list('aaab'), list('abac'), ('EER',), rounds=100)['EER']
    assert 0 <= found.low <= found.high <= 1


def test_wrong_arguments():
    scores, labels, enrol, test = speaker_list(4)
    with pytest.raises(ValueError, match='speakers of shapes'):
        speaker_bootstrap(scores, labels, enrol[:-1], test)
    with pytest.raises(ValueError, match='only one speaker'):
        speaker_bootstrap(scores, labels, ['x'] * len(scores), ['x'] * len(scores))
    with pytest.raises(ValueError, match='rounds=0'):
        speaker_bootstrap(scores, labels, enrol, test, rounds=0)
    with pytest.raises(ValueError, match='confidence=95'):
        speaker_bootstrap(scores, labels, enrol, test, rounds=5, confidence=95)
    with pytest.raises(ValueError, match='same trials in the same order'):
        paired_bootstrap(scores, scores[1:], labels, enrol, test)
    with pytest.raises(UnknownNameError, match='minDCF_p01'):
        speaker_bootstrap(scores, labels, enrol, test, ['minDCF'])
    with pytest.raises(UnknownNameError, match="unknown metric 'minDCF_p0'"):
        speaker_bootstrap(scores, labels, enrol, test, ['minDCF_p0'])
