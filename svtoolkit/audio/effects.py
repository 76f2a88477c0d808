"""What happens to speech on its way: noise, rooms, speed, level, narrow bands, codecs.

Pure functions of float32 waveforms [T] in ±1. Nothing is random here, nothing is changed in place, nothing is
clipped: whoever draws the parameters sees all of them. Levels are dB of the mean square, bands are in Hz.
"""

import functools
import math
from fractions import Fraction

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from svtoolkit.audio.resample import resample

Wave = NDArray[np.float32]

CLOVA_FLOOR = 1e-4  # voxceleb_trainer adds it to every mean square: -40 dB, so soft noises come out softer


def mix_at_snr(speech: Wave, noise: Wave, snr_db: float, floor: float = 1e-12) -> Wave:
    """Add noise at a signal-to-noise ratio of mean squares.

    Args:
        speech: [T].
        noise: [T]; bring it to length with ``fit_length``.
        snr_db: wanted ratio.
        floor: added to both mean squares; ``CLOVA_FLOOR`` gives the level rule of voxceleb_trainer.

    Raises:
        ValueError: lengths differ.
    """
    if speech.shape != noise.shape:
        raise ValueError(f'speech has {speech.shape} samples and noise {noise.shape}: use fit_length first.')
    return speech + np.float32(noise_gain(mean_square(speech), mean_square(noise), snr_db, floor)) * noise


def noise_gain(speech_power: float, noise_power: float, snr_db: float, floor: float = 1e-12) -> float:
    """Factor on a noise of mean square ``noise_power`` that puts it ``snr_db`` below the speech."""
    return math.sqrt((speech_power + floor) / (noise_power + floor) * 10 ** (-snr_db / 10))


def mean_square(wave: Wave) -> float:
    """Mean power of a waveform in ±1; 0 for none."""
    return float(np.dot(wave, wave)) / max(len(wave), 1)


def gain_db(wave: Wave, gain: float) -> Wave:
    """Change the level by ``gain`` dB."""
    return wave * np.float32(10 ** (gain / 20))


def reverberate(speech: Wave, rir: Wave) -> Wave:
    """Put speech into a room: [T] -> [T], level kept on the whole, the direct path in its old place.

    Args:
        speech: [T].
        rir: [R] room impulse response at the same rate; scaled to unit energy, its largest sample is the
            direct path.

    Raises:
        ValueError: the response is all zero.
    """
    energy = float(np.dot(rir, rir))
    if not energy > 0:
        raise ValueError(f'a room impulse response of {len(rir)} samples holds only zeros.')
    size = scipy.fft.next_fast_len(len(speech) + len(rir) - 1, real=True)
    spectrum = scipy.fft.rfft(speech, size) * scipy.fft.rfft(rir / np.float32(math.sqrt(energy)), size)
    direct = int(np.argmax(np.abs(rir)))
    return scipy.fft.irfft(spectrum, size)[direct : direct + len(speech)].astype(np.float32, copy=False)


def change_speed(wave: Wave, factor: float) -> Wave:
    """Play faster (factor > 1) or slower: pitch and tempo move together. [T] -> [round(T / factor)].

    Raises:
        ValueError: the factor is not within 0.1 to 10.
    """
    if not 0.1 <= factor <= 10:
        raise ValueError(f'speed factor must be within 0.1 to 10, got {factor}.')
    ratio = Fraction(factor).limit_denominator(100)
    faster = resample(wave, ratio.numerator, ratio.denominator)
    return fit_length(faster, max(1, round(len(wave) / float(ratio))), mode='zero')


def bandpass(wave: Wave, sample_rate: int, low_hz: float = 300.0, high_hz: float = 3400.0) -> Wave:
    """Keep one band, by default a telephone's; Butterworth, order 4 an edge; ``low_hz`` 0: a low-pass.

    Raises:
        ValueError: the edges are not 0 <= low < high < sample_rate / 2.
    """
    if not 0 <= low_hz < high_hz < sample_rate / 2:
        raise ValueError(
            f'a band of {low_hz} to {high_hz} Hz does not fit {sample_rate} Hz: 0 <= low < high < rate / 2.'
        )
    return scipy.signal.sosfilt(_sections(sample_rate, low_hz, high_hz), wave).astype(np.float32)


def fit_length(wave: Wave, num_samples: int, mode: str = 'wrap', start: int = 0) -> Wave:
    """Cut or extend to ``num_samples``, beginning at ``start``.

    Args:
        wave: [T], T >= 1.
        num_samples: wanted length.
        mode: what stands where the waveform has ended: ``wrap`` starts again, ``reflect`` goes back and forth
            (the end samples are not doubled), ``zero`` is silent.
        start: first sample, >= 0; with ``zero`` it may lie past the end.

    Returns:
        [num_samples], never a view of the input.

    Raises:
        ValueError: no samples, a negative number, or an unknown mode.
    """
    if mode not in ('wrap', 'reflect', 'zero'):
        raise ValueError(f"unknown mode '{mode}': use wrap, reflect or zero.")
    if len(wave) == 0 or num_samples < 0 or start < 0:
        raise ValueError(f'cannot bring {len(wave)} samples to {num_samples} from {start}.')
    part = wave[start : start + num_samples]
    if len(part) == num_samples:
        return part.copy()
    if mode == 'zero':
        return np.pad(part, (0, num_samples - len(part)))
    index = np.arange(start, start + num_samples)
    if mode == 'wrap' or len(wave) == 1:
        return wave[index % len(wave)]
    period = 2 * (len(wave) - 1)
    index %= period
    return wave[np.minimum(index, period - index)]


@functools.lru_cache(maxsize=256)
def _sections(sample_rate: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    if low_hz == 0:
        return scipy.signal.butter(4, high_hz, 'lowpass', fs=sample_rate, output='sos')
    return scipy.signal.butter(4, (low_hz, high_hz), 'bandpass', fs=sample_rate, output='sos')
