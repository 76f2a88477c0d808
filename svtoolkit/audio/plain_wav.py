"""Segments of plain WAV files (16-bit PCM, mono, already at the wanted rate) without a decoder.

A crop costs one ``pread``; opening a file with libsndfile takes several times longer than the samples. All else
(other formats, damaged or missing files, segments that do not fit) goes to ``io.read``, with its errors.
"""

import os
import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from svtoolkit.audio import io

HEAD = 512  # bytes; a header with more in front of its samples is left to libsndfile
PCM, BITS = 1, 16
FORMAT = struct.Struct('<HHIIHH')  # kind, channels, rate, bytes a second, bytes a sample, bits


class Layout(NamedTuple):
    """Where the samples of a plain WAV file lie: first byte, and how many samples."""

    offset: int
    num_samples: int


def read(path: str, sample_rate: int, start: int = 0, num_samples: int | None = None) -> NDArray[np.float32]:
    """The same as ``io.read`` of a path, faster where the file is a plain WAV.

    Args:
        path: the recording.
        sample_rate: rate of the returned samples in Hz.
        start: first sample, counted at that rate.
        num_samples: how many; None: to the end.

    Returns:
        [T] float32 in ±1, shorter than ``num_samples`` only where the recording ends before.

    Raises:
        AudioError: as ``io.read``.
    """
    wave = _read_plain(path, sample_rate, start, num_samples)
    return io.read(path, sample_rate, start, num_samples) if wave is None else wave


def find_samples(head: bytes, size: int, sample_rate: int) -> Layout | None:
    """Layout of a WAV file from its first bytes; None where it is not plain, or shorter than it says.

    Args:
        head: the first bytes of the file.
        size: its length in bytes.
        sample_rate: Hz it must have.
    """
    if head[:4] != b'RIFF' or head[8:12] != b'WAVE':
        return None
    place, plain = 12, False
    while place + 8 <= len(head):
        name, length = head[place : place + 4], int.from_bytes(head[place + 4 : place + 8], 'little')
        place += 8
        if name == b'fmt ':
            if place + FORMAT.size > len(head):
                return None
            kind, channels, rate, _, _, bits = FORMAT.unpack_from(head, place)
            plain = (kind, channels, rate, bits) == (PCM, 1, sample_rate, BITS)
        if name == b'data':
            whole = plain and length > 0 and length % 2 == 0 and place + length <= size
            return Layout(place, length // 2) if whole else None
        place += length + length % 2
    return None


def _read_plain(
    path: str, sample_rate: int, start: int, num_samples: int | None
) -> NDArray[np.float32] | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # not to wait for the writer of a pipe
    except OSError:
        return None  # io.read says what is wrong
    try:
        head = os.pread(handle, HEAD, 0)
        layout = find_samples(head, os.fstat(handle).st_size, sample_rate)
        if layout is None or not 0 <= start < layout.num_samples:
            return None
        count = layout.num_samples - start
        if num_samples is not None:
            count = min(count, num_samples)
        samples = np.frombuffer(os.pread(handle, 2 * count, layout.offset + 2 * start), '<i2')
    except (OSError, ValueError):  # a folder or pipe; fewer bytes than a sample
        return None
    finally:
        os.close(handle)
    if len(samples) != count or count < 1:
        return None
    wave = samples.astype(np.float32)
    wave *= np.float32(1 / 32768)
    return wave
