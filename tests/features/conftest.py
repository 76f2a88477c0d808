"""Signals with published feature values, and the other toolkits that compute the same features."""

import importlib
import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from svtoolkit.audio._torchaudio import TorchaudioMissingError, load_torchaudio


@pytest.fixture(scope='session')
def noise() -> Callable[..., Tensor]:
    """White noise [batch, num_samples] at a tenth of full scale, with the small offset of a cheap card."""

    def make(num_samples: int, batch: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(batch, num_samples, generator=generator) * 0.1 + 0.01

    return make


@pytest.fixture(scope='session')
def signal_g() -> Tensor:
    """One second of tones, chirp and a little noise on int16 steps, [1, 16000]."""
    state, draws = 12345, np.empty(16000)
    for n in range(16000):
        state = (1664525 * state + 1013904223) % 2**32
        draws[n] = state / 2**32 - 0.5
    t = np.arange(16000) / 16000
    tones = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * 1000 * t + 0.5)
    chirp = 0.1 * np.sin(2 * np.pi * (3000 * t + 500 * t**2))
    samples = np.floor(32767 * 0.8 * (tones + chirp + 0.02 * draws) + 0.5)
    assert samples[:4].tolist() == [2262, 6930, 8259, 6295]
    assert samples.sum() == -22202
    return torch.from_numpy(samples / 32768).float()[None]


@pytest.fixture(scope='session')
def signal_s() -> Tensor:
    """One second of a tone, a beating tone and a fast chirp, [1, 16000]."""
    t = np.arange(16000) / 16000
    beats = 0.3 * np.sin(2 * np.pi * 1234.5 * t + 0.5) * np.cos(2 * np.pi * 3 * t)
    wave = 0.5 * np.sin(2 * np.pi * 440 * t) + beats + 0.1 * np.sin(2 * np.pi * 5000 * t**2)
    assert math.isclose(wave[100], -0.691831, abs_tol=1e-6)
    return torch.from_numpy(wave).float()[None]


@pytest.fixture(scope='session')
def kaldi() -> ModuleType:
    """torchaudio.compliance.kaldi, an independent version of Kaldi's features."""
    try:
        load_torchaudio()
    except TorchaudioMissingError as error:
        pytest.skip(str(error))
    return importlib.import_module('torchaudio.compliance.kaldi')


@pytest.fixture(scope='session')
def torchaudio() -> ModuleType:
    """torchaudio itself, whose mel filters are an independent version of librosa's."""
    try:
        return load_torchaudio()
    except TorchaudioMissingError as error:
        pytest.skip(str(error))
