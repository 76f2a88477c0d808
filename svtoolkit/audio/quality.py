"""Is a recording fit for telling a voice: how much speech, how noisy, how clipped. Facts only, no verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svtoolkit.audio.vad import FRAME_S, frame_levels_db, speech_frames

CLIP_LEVEL = 0.99  # of full scale
SILENT_RMS = 1e-4  # -80 dB: far below it a log-mel front end sees only its own floor, the same for everybody
SNR_LIMIT_DB = 60.0  # 16-bit speech cannot show more
MIN_NOISE_FRAMES = 10


@dataclass(frozen=True)
class Quality:
    """Facts of a waveform in ±1. ``rms`` is without the offset ``dc``; ``snr_db`` None: cannot be told."""

    duration_s: float
    speech_s: float
    snr_db: float | None
    clipped_share: float
    peak: float
    rms: float
    dc: float

    @property
    def is_silent(self) -> bool:
        """Nothing to hear: all zero, a constant, or below -80 dB."""
        return self.rms < SILENT_RMS


def assess(wave: NDArray[np.float32], sample_rate: int) -> Quality:
    """Measure a recording.

    Args:
        wave: [T] in ±1, finite, at least 8 kHz.
        sample_rate: its rate in Hz.

    Raises:
        ValueError: no samples, or a rate below 8000 Hz.
    """
    if len(wave) == 0:
        raise ValueError('a waveform of no samples has no quality.')
    speech = speech_frames(wave, sample_rate)
    size = np.abs(wave)
    dc = float(wave.mean(dtype=np.float64))
    return Quality(
        duration_s=len(wave) / sample_rate,
        speech_s=float(speech.sum()) * FRAME_S,
        snr_db=_snr_db(frame_levels_db(wave, sample_rate), speech),
        clipped_share=float((size >= CLIP_LEVEL).mean()),
        peak=float(size.max()),
        rms=float(np.sqrt(np.square(wave - np.float32(dc)).mean(dtype=np.float64))),
        dc=dc,
    )


def _snr_db(level: NDArray[np.float32], speech: NDArray[np.bool_]) -> float | None:
    """Power of the speech frames without the noise in them, over that of the others; in the speech band."""
    if not speech.any():
        return None
    power = 10.0 ** (level.astype(np.float64) / 10)
    others = power[~speech]
    if len(others) < MIN_NOISE_FRAMES:  # no pause long enough: the softest frames are at least no softer
        others = np.sort(power)[:MIN_NOISE_FRAMES]
    noise = max(float(np.median(others)), 1e-12)
    ratio = max(float(power[speech].mean()) / noise - 1, 0.1)
    return min(10 * float(np.log10(ratio)), SNR_LIMIT_DB)
