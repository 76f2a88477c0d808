"""Effects: levels, lengths and places in time as told, nothing changed in place."""

import numpy as np
import pytest

from svtoolkit.audio.effects import (
    CLOVA_FLOOR,
    bandpass,
    change_speed,
    fit_length,
    gain_db,
    mean_square,
    mix_at_snr,
    noise_gain,
    reverberate,
)  # fmt: skip

RATE = 16000
SPEECH = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
NOISE = (0.3 * np.random.default_rng(1).standard_normal(RATE)).astype(np.float32)
IMPULSE = np.array([0, 0, 2, 0], np.float32)


def power_db(wave):
    return 10 * np.log10(np.mean(np.square(wave, dtype=np.float64)))


EFFECTS = {
    'mix': lambda wave: mix_at_snr(wave, NOISE[: len(wave)], 5.0),
    'gain': lambda wave: gain_db(wave, -3.0),
    'reverb': lambda wave: reverberate(wave, SPEECH[:900]),
    'band': lambda wave: bandpass(wave, RATE),
    'faster': lambda wave: change_speed(wave, 1.1),
    'wrap': lambda wave: fit_length(wave, 5000),
    'whole': lambda wave: fit_length(wave, len(wave)),
}


@pytest.mark.parametrize('name', EFFECTS)
def test_the_input_is_untouched_and_the_output_is_float32(name):
    wave = SPEECH.copy()
    output = EFFECTS[name](wave)
    np.testing.assert_array_equal(wave, SPEECH)
    assert output.dtype == np.float32
    assert not np.shares_memory(output, wave)
    np.testing.assert_array_equal(output, EFFECTS[name](wave))


def test_noise_gain_golden():
    # voxceleb_trainer, clova spec section 8: clean power .01, noise power .04, 10 dB.
    assert noise_gain(0.01, 0.04, 10, floor=CLOVA_FLOOR) == pytest.approx(0.158704, abs=1e-6)
    # NS-SV, neural scoring spec section 6: mean squares .04 and .01, 3 dB.
    assert noise_gain(0.04, 0.01, 3, floor=CLOVA_FLOOR) == pytest.approx(1.41062, abs=1e-5)


@pytest.mark.parametrize('snr_db', [-3, 0, 15])
@pytest.mark.parametrize('level', [1.0, 1e-3])
def test_the_snr_is_the_one_asked_for(snr_db, level):
    mixed = mix_at_snr(level * SPEECH, NOISE, snr_db)
    assert power_db(level * SPEECH) - power_db(mixed - level * SPEECH) == pytest.approx(snr_db, abs=0.02)


def test_silent_noise_adds_nothing_and_silent_speech_keeps_it_soft():
    silence = np.zeros(RATE, np.float32)
    np.testing.assert_array_equal(mix_at_snr(SPEECH, silence, 0), SPEECH)
    assert np.abs(mix_at_snr(silence, NOISE, 0)).max() < 1e-4


def test_lengths_must_agree():
    with pytest.raises(ValueError, match='fit_length'):
        mix_at_snr(SPEECH, NOISE[:-1], 0)


def test_mean_square():
    assert mean_square(np.array([1, -1, 0, 0], np.float32)) == 0.5
    assert mean_square(np.zeros(0, np.float32)) == 0


def test_gain():
    assert power_db(gain_db(SPEECH, 6.0)) - power_db(SPEECH) == pytest.approx(6.0, abs=1e-3)


def test_a_pure_impulse_changes_nothing():
    np.testing.assert_allclose(reverberate(SPEECH, IMPULSE), SPEECH, atol=1e-6)


def test_reverb_is_a_convolution_scaled_to_unit_energy_from_the_direct_path_on():
    rir = np.array([0.1, 0.8, -0.4, 0.2], np.float32)
    expected = np.convolve(SPEECH, rir / np.linalg.norm(rir))[1 : 1 + len(SPEECH)]
    np.testing.assert_allclose(reverberate(SPEECH, rir), expected, atol=1e-6)


def test_an_empty_room_is_refused():
    with pytest.raises(ValueError, match='zeros'):
        reverberate(SPEECH, np.zeros(10, np.float32))


@pytest.mark.parametrize('factor', [0.9, 1.0, 1.1, 0.5, 2.0])
def test_speed_moves_pitch_and_length(factor):
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    output = change_speed(tone, factor)
    assert len(output) == round(RATE / factor)
    spectrum = np.abs(np.fft.rfft(output * np.hanning(len(output))))
    assert np.argmax(spectrum) * RATE / len(output) == pytest.approx(500 * factor, abs=1.5)
    assert power_db(output[100:-100]) == pytest.approx(power_db(tone), abs=0.1)


@pytest.mark.parametrize('num_samples', [1, 2, 99, 12347])
@pytest.mark.parametrize('factor', [0.9, 1.1, 0.95])
def test_speed_lengths(num_samples, factor):
    assert len(change_speed(np.ones(num_samples, np.float32), factor)) == max(1, round(num_samples / factor))


def test_an_absurd_speed():
    with pytest.raises(ValueError, match='0.1 to 10'):
        change_speed(SPEECH, 0.0)


@pytest.mark.parametrize('low, high, hz, gain', [
    (300, 3400, 1000, 0), (300, 3400, 300, -3), (300, 3400, 3400, -3), (300, 3400, 100, -35),
    (300, 3400, 6000, -25), (0, 4000, 50, 0), (0, 4000, 7000, -20),
])  # fmt: skip
def test_bands(low, high, hz, gain):
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    change = power_db(bandpass(tone, RATE, low, high)[4000:]) - power_db(tone)
    if gain < -3:
        assert change < gain
    else:
        assert change == pytest.approx(gain, abs=0.3)


@pytest.mark.parametrize('low, high', [(300, 8000), (3400, 300), (-1, 300)])
def test_bands_that_do_not_fit(low, high):
    with pytest.raises(ValueError, match='does not fit'):
        bandpass(SPEECH, RATE, low, high)


@pytest.mark.parametrize('mode, start, expected', [
    ('wrap', 0, [0, 1, 2, 0, 1, 2, 0]), ('wrap', 2, [2, 0, 1, 2, 0, 1, 2]), ('wrap', 7, [1, 2, 0, 1, 2, 0, 1]),
    ('zero', 0, [0, 1, 2, 0, 0, 0, 0]), ('zero', 1, [1, 2, 0, 0, 0, 0, 0]), ('zero', 5, [0] * 7),
    ('reflect', 0, [0, 1, 2, 1, 0, 1, 2]), ('reflect', 1, [1, 2, 1, 0, 1, 2, 1]),
])  # fmt: skip
def test_fit_length(mode, start, expected):
    np.testing.assert_array_equal(fit_length(np.arange(3, dtype=np.float32), 7, mode, start), expected)


@pytest.mark.parametrize('mode', ['wrap', 'zero', 'reflect'])
def test_long_enough_is_cut_and_one_sample_is_enough(mode):
    np.testing.assert_array_equal(fit_length(SPEECH, 100, mode, 50), SPEECH[50:150])
    assert len(fit_length(SPEECH[:1], 9, mode)) == 9
    assert len(fit_length(SPEECH, 0, mode)) == 0


@pytest.mark.parametrize(
    'arguments', [(SPEECH, 5, 'mirror'), (SPEECH[:0], 5), (SPEECH, -1), (SPEECH, 5, 'wrap', -1)]
)
def test_lengths_that_cannot_be(arguments):
    with pytest.raises(ValueError):
        fit_length(*arguments)
