"""Error rates of two real systems, against the figures measured by an independent script."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from svtoolkit.backends import Cosine, EmbeddingTable
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer, min_dcf

pytestmark = pytest.mark.data


def read_trials(path):
    rows = [line.split() for line in path.read_text().splitlines()]
    ids = sorted({name for row in rows for name in row[1:]})
    place = {name: row for row, name in enumerate(ids)}
    sides = np.array([[place[enrol], place[test]] for _, enrol, test in rows])
    label = np.array([row[0] == '1' for row in rows])
    return SimpleNamespace(ids=ids, enrol=sides[:, 0], test=sides[:, 1], label=label)


@pytest.mark.parametrize('kind', ['raw', 'minus_train_mean'])
@pytest.mark.parametrize('hardness', ['random', 'hard'])
@pytest.mark.parametrize('system', ['tdnn_so762_full', 'bilstm_all'])
def test_published_error_rates_come_out(data_dir, system, hardness, kind):
    with np.load(data_dir / 'embeddings' / f'test_{system}.npz') as data:
        table = EmbeddingTable(data['utt'].tolist(), data['emb'])
        mean = data['train_mean']
    backend = Cosine(centre=kind != 'raw')
    if backend.centre:  # a table of the mean alone has that mean
        backend.fit(EmbeddingTable(['mean'], mean[None]))
    trials = read_trials(data_dir / 'so762' / f'trials_{hardness}.txt')
    scores = backend.score_trials(table, trials)
    known = json.loads((data_dir / 'anchors.json').read_text())['systems'][system]['results'][
        f'{hardness}/{kind}'
    ]
    curve = error_curve(scores, trials.label)
    assert 100 * eer(curve) == pytest.approx(known['eer_percent']['value'], abs=0.02)
    assert min_dcf(curve, 0.01)[0] == pytest.approx(known['min_dcf_0.01']['value'], abs=0.002)


def test_speakers_of_the_test_set_are_covered(data_dir):
    with open(data_dir / 'so762' / 'test.tsv', newline='', encoding='utf-8') as handle:
        utts = {row['utt'] for row in csv.DictReader(handle, delimiter='\t')}
    with np.load(data_dir / 'embeddings' / 'test_bilstm_all.npz') as data:
        assert set(data['utt'].tolist()) == utts
