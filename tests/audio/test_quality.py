"""The facts of a recording, each on a signal where the right answer is known."""

import numpy as np
import pytest

from svtoolkit.audio.io import read
from svtoolkit.audio.quality import assess

RATE = 16000
NOISE = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)
ON = np.arange(4 * RATE) // 8000 % 2 == 1


@pytest.mark.parametrize('snr_db', [10, 20, 30])
def test_the_ratio_of_loud_to_soft_parts_is_the_snr(snr_db):
    wave = np.where(ON, 0.1 * np.sqrt(1 + 10 ** (-snr_db / 10)), 0.1 * 10 ** (-snr_db / 20)) * NOISE
    quality = assess(wave.astype(np.float32), RATE)
    assert quality.snr_db == pytest.approx(snr_db, abs=1.5)
    assert quality.speech_s == pytest.approx(2.0, abs=0.2)
    assert quality.duration_s == 4.0


def test_levels_and_offset():
    wave = (0.25 + 0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)).astype(np.float32)
    quality = assess(wave, RATE)
    assert quality.peak == pytest.approx(0.75, abs=1e-3)
    assert quality.rms == pytest.approx(0.5 / np.sqrt(2), abs=1e-4)
    assert quality.dc == pytest.approx(0.25, abs=1e-4)
    assert quality.clipped_share == 0


def test_clipped_share_counts_samples_at_full_scale():
    wave = np.clip(2 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE), -1, 1).astype(np.float32)
    assert assess(wave, RATE).clipped_share == pytest.approx(
        2 / 3, abs=0.01
    )  # arcsin(1/2) is 30 of 90 degrees


@pytest.mark.parametrize('wave', [np.zeros(RATE), np.full(RATE, 0.4), 1e-5 * NOISE, np.zeros(1)])
def test_silence(wave):
    quality = assess(wave.astype(np.float32), RATE)
    assert quality.is_silent
    assert quality.speech_s == 0
    assert quality.snr_db is None


def test_noise_is_not_silent_but_has_no_snr():
    quality = assess(0.1 * NOISE, RATE)
    assert not quality.is_silent
    assert quality.snr_db is None


def test_no_samples():
    with pytest.raises(ValueError, match='no samples'):
        assess(np.zeros(0, np.float32), RATE)


def test_real_speech_is_cleaner_than_babble(data_dir):
    speech = [
        assess(read(path), RATE) for path in sorted((data_dir / 'so762' / 'test').rglob('*.opus'))[::100]
    ]
    babble = assess(read(data_dir / 'noise' / 'babble_12voices.opus'), RATE)
    assert min(quality.snr_db for quality in speech) > 15
    assert babble.snr_db < 10
    assert max(quality.clipped_share for quality in speech) < 0.01
