"""threshold.json: written whole, read back, refused by another scoring."""

import json
from dataclasses import replace

import numpy as np
import pytest

from svtoolkit.backends import (
    Centre,
    Chain,
    Cosine,
    LogisticCalibration,
    ScoreNorm,
    Threshold,
    scoring_record,
)
from svtoolkit.errors import ConfigError, FingerprintError


@pytest.fixture
def threshold(world):
    chain = Chain([Centre(), Cosine(), ScoreNorm('as1', topn=7)]).fit(world.table, world.speakers)
    return Threshold(
        'eer', 0.43, 0.02, 0.02, 0.02, 0.3, 100, 900, **scoring_record(chain, 'model-1', '10 x 4 s')
    )


def test_written_and_read_back(threshold, tmp_path):
    path = threshold.write(tmp_path / 'threshold.json')
    assert Threshold.read(path) == threshold
    content = json.loads(path.read_text())
    assert content['score_type'] == 'Centre + Cosine'
    assert content['norm_mode'] == 'as1'
    assert content['topn'] == 7
    assert len(content['cohort_hash']) == 16
    assert [item.name for item in tmp_path.iterdir()] == ['threshold.json']


def test_same_scoring_passes_and_another_is_refused(threshold, world):
    record = scoring_record(
        Chain([Centre(), Cosine(), ScoreNorm('as1', topn=7)]).fit(world.table, world.speakers),
        'model-1',
        '10 x 4 s',
    )
    threshold.check(record)
    for key, value in (('norm_mode', 's'), ('score_type', 'PLDA'), ('topn', 300), ('crops', '')):
        with pytest.raises(ConfigError, match=key):
            threshold.check(record | {key: value})
    for key in ('fingerprint', 'cohort_hash'):
        with pytest.raises(FingerprintError, match=f"{key} is 'other' here"):
            threshold.check(record | {key: 'other'})
    with pytest.raises(ConfigError, match=r'(?s)score_type.*topn'):
        threshold.check(record | dict(topn=1, score_type='x'))


def test_plain_and_calibrated_records():
    assert scoring_record(Cosine(), 'model-1') == dict(
        score_type='Cosine', norm_mode='none', topn=None, cohort_hash='', fingerprint='model-1', crops=''
    )
    chain = Chain([Cosine(), LogisticCalibration()])
    assert scoring_record(chain)['score_type'] == 'Cosine + LogisticCalibration'


def test_a_threshold_that_rejects_everybody_is_refused(threshold):
    with pytest.raises(ValueError, match=r'threshold \(far@0.0\): value is not finite'):
        replace(threshold, criterion='far@0.0', value=np.inf)


@pytest.mark.parametrize('text', ['no json', '[1]', '{"value": 1}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / 'threshold.json'
    path.write_text(text)
    with pytest.raises(ConfigError, match='not a threshold file'):
        Threshold.read(path)
