import numpy as np
import pytest

from svtoolkit.datasets.transforms.random_codec import RandomCodec
from svtoolkit.errors import ConfigError, UnknownNameError

WAVE = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)  # white


def share_above(wave: np.ndarray, edge_hz: float) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float(power[int(edge_hz) :].sum() / power.sum())  # one second: one bin per Hz


def test_telephone_and_mulaw_are_narrow():
    for kind in ('telephone', 'mulaw'):
        out = RandomCodec([kind])(WAVE, np.random.default_rng(0))
        assert share_above(out, 4500) < 0.01
    assert share_above(WAVE, 4500) > 0.4


def test_bandwidth_draws_its_edge():
    codec = RandomCodec(['bandwidth'], edge_hz=(2000, 7000))
    shares = [share_above(codec(WAVE, np.random.default_rng(seed)), 3500) for seed in range(20)]
    assert min(shares) < 0.05
    assert max(shares) > 0.4


def test_all_kinds_are_drawn():
    codec = RandomCodec(('telephone', 'bandwidth', 'mulaw'), edge_hz=(7000, 7000))
    outs = {codec(WAVE, np.random.default_rng(seed)).tobytes() for seed in range(40)}
    assert len(outs) == 3


def test_wrong_settings():
    with pytest.raises(UnknownNameError, match="Did you mean 'opus'"):
        RandomCodec(['opsu'])
    for options in (
        dict(kinds=()),
        dict(edge_hz=(2000, 8000)),
        dict(edge_hz=(3000, 2000)),
        dict(compression=(0, 2)),
    ):
        with pytest.raises(ConfigError, match='RandomCodec'):
            RandomCodec(**options)
