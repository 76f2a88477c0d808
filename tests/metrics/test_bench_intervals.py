"""The simulation behind the coverage of intervals: its variances come back from its own lists."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer

TOOL = Path(__file__).parents[2] / 'tools/benchmarks/bench_intervals.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('bench_intervals', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_moments_recover_the_shares(tool, monkeypatch):
    monkeypatch.setattr(tool, 'SPEAKERS', 400)
    shares = {True: tool.Share(0.5, 0.02, 0.0, 0.01, 0.03), False: tool.Share(0.1, 0.01, 0.02, 0.005, 0.03)}
    scores, labels, utts, people = tool.draw_list(np.random.default_rng(0), shares)
    owner = np.empty(utts.max() + 1, int)
    owner[utts] = people
    found = tool.fit_shares(scores, labels, utts, owner)
    for same, wanted in shares.items():
        assert found[same].mean == pytest.approx(wanted.mean, abs=0.02)  # three deviations of 400 speakers
        for name in ('speaker', 'pair', 'utterance', 'rest'):
            assert getattr(found[same], name) == pytest.approx(getattr(wanted, name), abs=4e-3), (same, name)


def test_true_rates_are_those_of_many_trials(tool):
    shares = tool.SHARES['hard']
    rng = np.random.default_rng(0)
    values = []
    for _ in range(20):
        scores, labels, *_ = tool.draw_list(rng, shares)
        values.append(eer(error_curve(scores, labels)))
    assert np.mean(values) == pytest.approx(tool.true_rates(shares)['EER'], abs=0.004)


def test_smoke(tool, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['bench_intervals.py', '--lists', '2', '--rounds', '20'])
    tool.main()
    assert 'EER         speakers  covered' in capsys.readouterr().out
