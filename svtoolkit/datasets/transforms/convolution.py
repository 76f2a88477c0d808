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
    weights, twiddle = _constants(shape)
    size = shape[0] * shape[1]
    table = np.zeros(size, np.complex64)
    table.real[: min(size, len(wave))] = wave[:size]
    if len(wave) > size:
        table.imag[: len(wave) - size] = wave[size:]
    table *= weights
    columns = scipy.fft.fft(table.reshape(shape), axis=0, overwrite_x=True)
    columns *= twiddle
    return scipy.fft.fft(columns, axis=1, overwrite_x=True)


def invert(spectrum: Spectrum) -> Wave:
    """The waveform of a scrambled spectrum, which is overwritten: [rows, columns] -> [2 rows columns]."""
    weights, twiddle = _constants(spectrum.shape)
    columns = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)
    columns *= twiddle.conj()
    table = scipy.fft.ifft(columns, axis=0, overwrite_x=True).ravel()
    table *= weights.conj()
    return np.concatenate([table.real, table.imag])


@functools.lru_cache(maxsize=32)
def _constants(shape: tuple[int, int]) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Weights [rows columns] of the right angle and twiddles [rows, columns] of the table."""
    size = shape[0] * shape[1]
    weights = np.exp(0.5j * np.pi * np.arange(size) / size).astype(np.complex64)
    turns = np.outer(np.arange(shape[0]), np.arange(shape[1])) / size
    return weights, np.exp(-2j * np.pi * turns).astype(np.complex64)
