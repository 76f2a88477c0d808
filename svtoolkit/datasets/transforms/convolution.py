"""Long convolutions in float32, twice as fast as one real FFT after another, for rooms applied in loaders.

A long FFT is a table of short ones with a twiddle between (Bailey 1990, "FFTs in external or hierarchical
memory"): sample c + columns r stands in row r and column c, columns are transformed, turned by the twiddle, and
rows are transformed. Short ones side by side use vector units, a single long one does not. Samples are real, so
half of the rows of the transformed columns suffices. The order of the spectrum is left scrambled: the product
does not mind.
"""

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Wave = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

ROWS = 256  # with crops of seconds rows and columns are about equally long


def table_columns(num_samples: int) -> int:
    """Columns of a table that can hold a product of ``num_samples``."""
    return scipy.fft.next_fast_len(-(-num_samples // ROWS))


def transform(wave: Wave, columns: int) -> Spectrum:
    """Scrambled spectrum of a waveform, [T] -> [ROWS // 2 + 1, columns] with T <= ROWS columns."""
    table = np.zeros((ROWS, columns), np.float32)
    table.reshape(-1)[: len(wave)] = wave
    spectrum = scipy.fft.rfft(table, axis=0)
    spectrum *= _twiddle(columns)[0]
    return scipy.fft.fft(spectrum, axis=1, overwrite_x=True)


def invert(spectrum: Spectrum) -> Wave:
    """The waveform of a scrambled spectrum, which is overwritten; [ROWS // 2 + 1, columns] -> [ROWS columns]."""
    table = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)
    table *= _twiddle(spectrum.shape[1])[1]
    return scipy.fft.irfft(table, ROWS, axis=0, overwrite_x=True).reshape(-1)


@functools.lru_cache(maxsize=32)
def _twiddle(columns: int) -> tuple[Spectrum, Spectrum]:
    """Turns between the two directions of the table, [ROWS // 2 + 1, columns], and their conjugates."""
    turns = np.outer(np.arange(ROWS // 2 + 1), np.arange(columns)) / (ROWS * columns)
    twiddle = np.exp(-2j * np.pi * turns).astype(np.complex64)
    return twiddle, twiddle.conj()
