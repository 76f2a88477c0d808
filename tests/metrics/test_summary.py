"""The dictionary of all figures: keys, plain numbers, agreement with the single functions."""

import json
import subprocess
import sys

import numpy as np
import pytest

from svtoolkit.metrics.calibration import cllr, min_cllr
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import act_dcf, auc, eer, min_dcf
from svtoolkit.metrics.summary import summarise


def speaker_list(seed=0):
    rng = np.random.default_rng(seed)
    enrol = rng.integers(0, 15, 900)
    test = np.where(rng.random(900) < 0.4, enrol, rng.integers(0, 15, 900))
    labels = enrol == test
    return 2 * labels + rng.normal(size=900), labels, enrol, test


def test_keys_and_values():
    scores, labels, *_ = speaker_list()
    found = summarise(scores, labels)
    curve = error_curve(scores, labels)
    assert list(found) == [
        'EER', 'minDCF_p01', 'minDCF_p05', 'actDCF_p01', 'actDCF_p05', 'Cllr', 'minCllr', 'AUC',
        'threshold_eer', 'threshold_p01', 'threshold_p05', 'num_targets', 'num_nontargets',
    ]  # fmt: skip
    assert found['EER'] == eer(curve)
    assert (found['minDCF_p05'], found['threshold_p05']) == min_dcf(curve, 0.05)
    assert found['actDCF_p01'] == act_dcf(scores, labels, 0.01)
    assert (found['Cllr'], found['minCllr']) == (cllr(scores, labels), min_cllr(scores, labels))
    assert found['AUC'] == auc(curve)
    assert found['num_targets'] + found['num_nontargets'] == 900


def test_intervals_for_every_rate():
    scores, labels, enrol, test = speaker_list()
    found = summarise(scores, labels, enrol, test, priors=(0.2,), rounds=30)
    assert set(found['ci']) == {'EER', 'minDCF_p2', 'actDCF_p2', 'Cllr', 'minCllr', 'AUC'}
    assert found['num_speakers'] == 15
    for name, (low, high) in found['ci'].items():
        assert low < found[name] < high
    assert summarise(scores, labels, enrol, test, priors=(0.2,), rounds=30) == found
    assert 'ci' not in summarise(scores, labels, enrol, test, rounds=0)


def test_goes_into_strict_json():
    found = summarise([0.9, 0.5, 0.1], [0, 1, 0])
    assert found['minDCF_p01'] == 1
    assert found['threshold_p01'] is None  # rejecting everything is cheapest
    with_intervals = summarise(*speaker_list(), rounds=20)
    for report in (found, with_intervals):
        assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_scores_that_are_no_ratios():
    scores, labels, *_ = speaker_list()
    found = summarise(scores, labels, llr=False)
    assert not {'Cllr', 'actDCF_p01'} & set(found)
    assert 'minCllr' in found


def test_one_side_of_speakers_is_refused():
    scores, labels, enrol, _ = speaker_list()
    with pytest.raises(ValueError, match='both sides'):
        summarise(scores, labels, enrol)


def test_metrics_need_neither_torch_nor_mmengine():
    program = (
        'import sys\n'
        'for name in ("torch", "mmengine", "scipy", "sklearn", "soundfile"):\n'
        '    sys.modules[name] = None\n'
        'import svtoolkit.metrics.summary, svtoolkit.metrics.slices\n'
        'import svtoolkit.metrics.open_set, svtoolkit.metrics.thresholds\n'
        'print(svtoolkit.metrics.summary.summarise([1.0, 0.0], [1, 0])["EER"])\n'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=False)
    assert done.stdout == '0.0\n', done.stderr
