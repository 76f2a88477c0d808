"""Where somebody speaks, from energy alone: made to say how much speech there is, not to cut words.

A frame is 10 ms; its level is the power of 30 ms around it between 200 and 3800 Hz, in dB. It counts as
speech when it stands out from the recording's own floor. In steady sounds (silence, hiss, hum, tones) nothing
stands out, so they give none, at any level. Music and other people do stand out: energy cannot tell.
"""

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from svtoolkit.audio.effects import bandpass

FRAME_S = 0.01
BAND_HZ = (200.0, 3800.0)  # above mains hum, below most hiss
ABSOLUTE_FLOOR_DB = -90.0  # of mean square: the last bit of 16-bit audio; frames below say nothing
FLOOR_QUANTILE, TOP_QUANTILE = 0.05, 0.95
MIN_RANGE_DB = 7.0  # between these two: white noise shows 2, speech in noise of 5 dB SNR about 8
RANGE_SHARE = 0.35  # of the range, above the floor: where the line between pause and speech is drawn
DEEPEST_DB = 30.0  # nothing further below the loud frames is speech, however low the floor
SHORTEST, LONGEST_GAP = 6, 12  # frames: shorter bursts are clicks, shorter pauses belong to the words around


def speech_frames(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.bool_]:
    """Which 10 ms frames hold speech.

    Args:
        wave: [T] in ±1, at least 8 kHz.
        sample_rate: its rate in Hz.

    Returns:
        [T * 100 // sample_rate] bool; frame n is the samples from n to n + 1 hundredths of a second.

    Raises:
        ValueError: a rate below 8000 Hz.
    """
    level = frame_levels_db(wave, sample_rate)
    heard = level[level > ABSOLUTE_FLOOR_DB]
    if len(heard) < SHORTEST:
        return np.zeros(len(level), bool)
    floor, top = np.quantile(heard, [FLOOR_QUANTILE, TOP_QUANTILE])
    if top - floor < MIN_RANGE_DB:
        return np.zeros(len(level), bool)
    line = max(floor + RANGE_SHARE * (top - floor), top - DEEPEST_DB)
    return _tidy(level > line)


def speech_seconds(wave: NDArray[np.float32], sample_rate: int) -> float:
    """How long somebody speaks, in seconds; arguments and errors as ``speech_frames``."""
    return float(speech_frames(wave, sample_rate).sum()) * FRAME_S


def frame_levels_db(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """In-band level of each 10 ms frame, [T * 100 // sample_rate], dB of mean square over three frames."""
    if sample_rate < 8000:
        raise ValueError(f'{sample_rate} Hz is too low to find speech: 8000 Hz or more, please.')
    num_frames = len(wave) * 100 // sample_rate
    if num_frames == 0:
        return np.zeros(0, np.float32)
    high = min(BAND_HZ[1], 0.45 * sample_rate)
    band = bandpass(wave - wave.mean(dtype=np.float64).astype(np.float32), sample_rate, BAND_HZ[0], high)
    edges = np.arange(num_frames) * sample_rate // 100
    stop = num_frames * sample_rate // 100
    energy = np.add.reduceat(np.square(band[:stop]), edges) * (100 / sample_rate)
    power = scipy.ndimage.uniform_filter1d(energy, 3, mode='nearest')
    return 10 * np.log10(np.maximum(power, 1e-12))


def _tidy(speech: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop bursts that are too short for a sound of speech, then close the gaps inside words."""
    kept = _without_short_runs(speech, SHORTEST)
    padded = np.pad(kept, LONGEST_GAP)  # closing looks past the ends; they stay silent
    closed = scipy.ndimage.binary_closing(padded, np.ones(LONGEST_GAP, bool))
    return closed[LONGEST_GAP : len(closed) - LONGEST_GAP] | kept


def _without_short_runs(flags: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    kept = flags.copy()
    for start, stop in zip(edges[::2], edges[1::2]):
        if stop - start < shortest:
            kept[start:stop] = False
    return kept
