"""The energy VAD: steady sounds hold no speech at any level, real speech holds about what a listener finds."""

import numpy as np
import pytest

from svtoolkit.audio.effects import mix_at_snr
from svtoolkit.audio.io import read
from svtoolkit.audio.vad import frame_levels_db, speech_frames, speech_seconds

RATE = 16000
NOISE = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)
TIME = np.arange(4 * RATE) / RATE


def bursts(num=4, seconds=0.5):
    """Noise in ``num`` bursts with pauses of the same length, 30 dB softer."""
    on = (TIME // seconds).astype(int) % 2 == 1
    return (NOISE * np.where(on, 0.1, 0.003) * (2 * num * seconds > TIME)).astype(np.float32), on


STEADY = {
    'digital silence': np.zeros(4 * RATE),
    'offset': np.full(4 * RATE, 0.3),
    'white noise': 0.1 * NOISE,
    'red noise': np.cumsum(0.001 * NOISE),
    'last bit': np.round(NOISE * 0.6) / 32768,
    'hum': 0.3 * np.sin(2 * np.pi * 50 * TIME) + 0.1 * np.sin(2 * np.pi * 150 * TIME),
    'tone': 0.3 * np.sin(2 * np.pi * 1000 * TIME),
    'clicks': np.where(np.arange(4 * RATE) % RATE == 5, 0.9, 0.001 * NOISE),
    'noise after digital silence': 0.1 * NOISE * (TIME > 2),
}


@pytest.mark.parametrize('gain', [0.01, 1.0, 3.0])
@pytest.mark.parametrize('name', STEADY)
def test_steady_sounds_hold_no_speech(name, gain):
    assert speech_seconds((gain * STEADY[name]).astype(np.float32), RATE) == 0


@pytest.mark.parametrize('gain', [0.1, 1.0, 5.0])
def test_bursts_are_found_where_they_are_at_any_level(gain):
    wave, on = bursts()
    found = speech_frames(gain * wave, RATE)
    assert (found == on[::160]).mean() > 0.97


@pytest.mark.parametrize('rate', [8000, 16000, 44100, 11025])
@pytest.mark.parametrize('num_samples', [0, 1, 79, 5000])
def test_one_frame_for_each_hundredth(rate, num_samples):
    frames = speech_frames(np.ones(num_samples, np.float32), rate)
    assert frames.dtype == bool
    assert (
        len(frames)
        == len(frame_levels_db(np.ones(num_samples, np.float32), rate))
        == num_samples * 100 // rate
    )


def test_the_level_is_that_of_the_mean_square():
    wave = (0.5 * np.sin(2 * np.pi * 1000 * TIME)).astype(np.float32)
    np.testing.assert_allclose(frame_levels_db(wave, RATE)[5:-5], 10 * np.log10(0.125), atol=0.1)


def test_a_rate_too_low():
    with pytest.raises(ValueError, match='8000 Hz or more'):
        speech_seconds(NOISE, 4000)


@pytest.mark.parametrize(
    'pattern, low, high', [('so762/test/**/*.opus', 0.5, 0.7), ('libri/audio/*.opus', 0.7, 0.9)]
)
def test_real_speech(data_dir, pattern, low, high):
    """Read sentences pause: prompts of so762 have silence around, clips of libri are cut from running speech."""
    files = sorted(data_dir.glob(pattern))
    waves = [read(path) for path in files[:: len(files) // 30]]
    share = np.array([speech_frames(wave, RATE).mean() for wave in waves])
    assert low < np.median(share) < high
    assert share.min() > 0.2
    softer = np.array([speech_frames(0.1 * wave, RATE).mean() for wave in waves])
    assert np.abs(softer - share).mean() < 0.1
    noisy = np.array([
        speech_frames(mix_at_snr(wave, np.resize(NOISE, len(wave)), 10.0), RATE).mean() for wave in waves
    ])  # fmt: skip
    assert 0.5 < noisy.mean() / share.mean() < 1.1
