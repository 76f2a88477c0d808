"""Change of sample rate by windowed-sinc interpolation (torchaudio's, Hann window, 6 zero crossings).

Waveforms are float32, time is the last axis, rates are in Hz. Output sample k stands at the time of input
sample k * from_hz / to_hz; both start together, and the output has ceil(T * to_hz / from_hz) samples.
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svtoolkit.audio._torchaudio import load_torchaudio

ZERO_CROSSINGS = 6  # torchaudio's default lowpass_filter_width
ROLLOFF = 0.99
# A kernel holds about from * to numbers of the reduced ratio: 44101 -> 16000 Hz would need 3 GB. The nearest
# ratio with terms up to 1000 is off by some 1e-6, less than the clocks of sound cards are.
LARGEST_TERM = 1000


def resample(wave: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Resample waveforms.

    Args:
        wave: [..., T], float.
        from_hz: their sample rate.
        to_hz: the wanted one.

    Returns:
        [..., ceil(T * to_hz / from_hz)] float32; the input itself when the rates are equal.

    Raises:
        ValueError: a rate is not positive, they differ a thousandfold, or there are no samples.
        TorchaudioMissingError: the rates differ and torchaudio cannot be imported.
    """
    if from_hz <= 0 or to_hz <= 0:
        raise ValueError(f'sample rates must be positive, got {from_hz} and {to_hz} Hz.')
    if wave.shape[-1] == 0:
        raise ValueError('cannot resample a waveform of no samples.')
    if from_hz == to_hz:
        return np.asarray(wave, np.float32)
    import torch

    ratio = rate_ratio(from_hz, to_hz)
    array = np.array(wave, np.float32, order='C')  # own memory: torch refuses read-only arrays
    with torch.inference_mode():
        output = _kernel(ratio.denominator, ratio.numerator)(torch.from_numpy(array)).numpy()
    return _cut(output, output_length(wave.shape[-1], from_hz, to_hz))


def output_length(num_samples: int, from_hz: int, to_hz: int) -> int:
    """Samples that ``resample`` returns for ``num_samples``: ceil(num_samples * to_hz / from_hz)."""
    return -(-num_samples * to_hz // from_hz)


def rate_ratio(from_hz: int, to_hz: int) -> Fraction:
    """The ratio to_hz / from_hz in lowest terms, or the nearest one with terms small enough for a kernel."""
    ratio = Fraction(to_hz, from_hz)
    if not 1 / LARGEST_TERM <= ratio <= LARGEST_TERM:
        raise ValueError(f'cannot resample {from_hz} Hz to {to_hz} Hz: more than a factor of {LARGEST_TERM}.')
    if ratio < 1:
        return ratio.limit_denominator(LARGEST_TERM)
    return 1 / (1 / ratio).limit_denominator(LARGEST_TERM)


def margin_blocks(ratio: Fraction) -> int:
    """Input blocks of ``ratio.denominator`` samples that one output block sees on either side of its own."""
    reach = ZERO_CROSSINGS / (min(ratio, Fraction(1)) * Fraction(ROLLOFF))
    return math.ceil(reach / ratio.denominator) + 1


@functools.lru_cache(maxsize=64)
def _kernel(from_hz: int, to_hz: int) -> Callable[[Any], Any]:
    transforms = load_torchaudio().transforms
    return transforms.Resample(from_hz, to_hz, lowpass_filter_width=ZERO_CROSSINGS, rolloff=ROLLOFF)


def _cut(wave: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    missing = length - wave.shape[-1]  # other than zero only for an approximated ratio
    if missing > 0:
        wave = np.pad(wave, [(0, 0)] * (wave.ndim - 1) + [(0, missing)])
    return wave[..., :length]
