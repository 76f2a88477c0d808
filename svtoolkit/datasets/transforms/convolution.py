"""Long convolutions in float32, twice as fast as one real FFT after another, for rooms applied in loaders.

Two known devices. A real product of 2M samples is a complex one of M: x becomes x[:M] + i x[M:], multiplied by
the 4M-th roots of unity so that what runs over the end returns as +i times itself, where it belongs ("right-angle
convolution", Crandall & Fagin 1994, "Discrete weighted transforms and large-integer arithmetic"). And a long FFT
is a table of short ones with a twiddle between (Bailey 1990, "FFTs in external or hierarchical memory"): short
ones side by side use vector units, a single long one does not. Their order is left scrambled: the product does
not mind.
"""

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Wave = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


def table_shape(num_samples: int) -> tuple[int, int]:
    """Rows and columns of a table that can hold a product of ``num_samples``, as M complex numbers."""
    half = -(-num_samples // 2)
    rows = scipy.fft.next_fast_len(max(1, round(half**0.5)))
    return rows, scipy.fft.next_fast_len(-(-half // rows))


def transform(wave: Wave, shape: tuple[int, int]) -> Spectrum:
    """Scrambled spectrum of a waveform, [T] -> [rows, columns] with T <= 2 rows columns."""
    weights, twiddle = _constants(shape)[:2]
    size = shape[0] * shape[1]
    table = np.zeros(size, np.complex64)
    table.real[: min(size, len(wave))] = wave[:size]
    if len(wave) > size:
        table.imag[: len(wave) - size] = wave[size:]
    table *= weights
    columns = scipy.fft.fft(table.reshape(shape), axis=0, overwrite_x=True)
    columns *= twiddle
    return scipy.fft.fft(columns, axis=1, overwrite_x=True)


def invert(spectrum: Spectrum, start: int = 0, num_samples: int | None = None) -> Wave:
    """The waveform of a scrambled spectrum, which is overwritten.

    Args:
        spectrum: [rows, columns].
        start: first sample.
        num_samples: how many; None: to the end, sample 2 rows columns.
    """
    weights, twiddle = _constants(spectrum.shape)[2:]
    columns = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)
    columns *= twiddle
    table = scipy.fft.ifft(columns, axis=0, overwrite_x=True).ravel()
    table *= weights
    stop = 2 * len(table) if num_samples is None else start + num_samples
    upper = slice(max(0, start - len(table)), max(0, stop - len(table)))
    return np.concatenate([table.real[start:stop], table.imag[upper]])


@functools.lru_cache(maxsize=32)
def _constants(shape: tuple[int, int]) -> tuple[Spectrum, Spectrum, Spectrum, Spectrum]:
    """Weights [rows columns] of the right angle, twiddles [rows, columns] of the table, and their conjugates."""
    size = shape[0] * shape[1]
    weights = np.exp(0.5j * np.pi * np.arange(size) / size).astype(np.complex64)
    turns = np.outer(np.arange(shape[0]), np.arange(shape[1])) / size
    twiddle = np.exp(-2j * np.pi * turns).astype(np.complex64)
    return weights, twiddle, weights.conj(), twiddle.conj()
