"""Resampling: lengths, alignment, what passes and what does not, and agreement with torchaudio and scipy."""

import numpy as np
import pytest

from svtoolkit.audio._torchaudio import load_torchaudio
from svtoolkit.audio.resample import output_length, rate_ratio, resample

PAIRS = [
    (8000, 16000),
    (16000, 8000),
    (44100, 16000),
    (48000, 16000),
    (22050, 16000),
    (9, 10),
    (44101, 16000),
]


def sine(hz, rate, num_samples):
    return np.sin(2 * np.pi * hz * np.arange(num_samples) / rate + 0.3).astype(np.float32)


@pytest.mark.parametrize('from_hz, to_hz', PAIRS)
@pytest.mark.parametrize('num_samples', [1, 7, 441, 5000])
def test_length_is_the_ceiling(from_hz, to_hz, num_samples):
    expected = int(np.ceil(num_samples * to_hz / from_hz))
    assert output_length(num_samples, from_hz, to_hz) == expected
    output = resample(np.ones(num_samples, np.float32), from_hz, to_hz)
    assert output.shape == (expected,)
    assert output.dtype == np.float32


@pytest.mark.parametrize('from_hz, to_hz', [pair for pair in PAIRS if pair != (9, 10)])
def test_a_tone_stays_where_it_is_in_time(from_hz, to_hz):
    output = resample(sine(440, from_hz, from_hz // 2), from_hz, to_hz)
    inner = slice(200, len(output) - 200)
    np.testing.assert_allclose(output[inner], sine(440, to_hz, len(output))[inner], atol=6e-3)


def test_what_the_new_rate_cannot_hold_is_removed():
    output = resample(sine(6000, 16000, 16000), 16000, 8000)
    assert np.sqrt(np.mean(output[200:-200] ** 2)) < 0.01


@pytest.mark.parametrize('from_hz, to_hz', [(44100, 16000), (8000, 16000), (10, 9)])
def test_equals_torchaudio(from_hz, to_hz):
    import torch

    wave = np.random.default_rng(0).standard_normal((2, 3000)).astype(np.float32)
    # The tolerance is the single-precision kernel of torchaudio's function; ours is made in double.
    expected = load_torchaudio().functional.resample(torch.from_numpy(wave), from_hz, to_hz).numpy()
    np.testing.assert_allclose(resample(wave, from_hz, to_hz), expected, atol=1e-4)


def test_rows_are_independent_and_the_input_is_untouched():
    wave = np.random.default_rng(0).standard_normal((3, 1000)).astype(np.float32)
    wave.flags.writeable = False
    rows = resample(wave, 16000, 8000)
    np.testing.assert_allclose(rows[1], resample(wave[1], 16000, 8000), atol=1e-6)


@pytest.mark.parametrize('from_hz, to_hz', PAIRS + [(16000, 44101), (191999, 8000)])
def test_ratios_have_small_terms_and_are_nearly_exact(from_hz, to_hz):
    ratio = rate_ratio(from_hz, to_hz)
    assert max(ratio.numerator, ratio.denominator) <= 1000
    assert abs(float(ratio) / (to_hz / from_hz) - 1) < 1e-5


@pytest.mark.parametrize('from_hz, to_hz', [(0, 16000), (16000, -1), (4, 16000)])
def test_wrong_rates(from_hz, to_hz):
    with pytest.raises(ValueError, match=r'resample|positive'):
        resample(np.ones(100, np.float32), from_hz, to_hz)


def test_no_samples():
    with pytest.raises(ValueError, match='no samples'):
        resample(np.ones(0, np.float32), 8000, 16000)
