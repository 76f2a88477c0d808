"""The comparison with other toolkits' classes tells an equal embedding from another one."""

import importlib
from pathlib import Path

import pytest
import torch
from torch import nn

from svtoolkit.features.log_mel import LogMel

TOOLS = Path(__file__).parents[2] / 'tools' / 'benchmarks'


class Encoder(nn.Module):
    """Resemblyzer's layers, written anew: LSTM, linear layer, ReLU, unit length."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(40, 24, 2, batch_first=True)
        self.linear = nn.Linear(24, 16)

    def forward(self, mels):
        return nn.functional.normalize(self.linear(self.lstm(mels)[1][0][-1]).relu())


@pytest.mark.parametrize(('factor', 'verdict'), [(1.0, 'same'), (1.05, 'DIFFERENT')])
def test_verdict(factor, verdict, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    bench = importlib.import_module('bench_same_embedding')
    torch.manual_seed(0)
    mel = LogMel('resemblyzer')

    def features(wave):  # the one window that a recording of 1.6 s makes
        return mel(wave[None]).transpose(1, 2)[:, :160] * factor

    original = bench.Original('x', 'resemblyzer', Encoder, features)
    waves = [0.1 * torch.randn(25_600 + 100 * index) for index in range(4)]
    bench.unsettle(original, waves)
    torch.save({'model_state': original.network.state_dict()}, tmp_path / 'weights.pt')
    row = bench.compare(original, tmp_path / 'weights.pt', tmp_path, waves)
    assert row['verdict'] == verdict


def test_what_cannot_be_converted_is_a_row_of_its_own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    bench = importlib.import_module('bench_same_embedding')
    torch.save({'linear.weight': torch.zeros(2, 2)}, tmp_path / 'weights.pt')
    original = bench.Original('x', 'speechbrain', Encoder, lambda wave: wave)
    row = bench.compare(original, tmp_path / 'weights.pt', tmp_path, [])
    assert row['verdict'] == 'REFUSED'
    assert 'missing' in row['reason']
