"""AAC, m4a, WebM and other containers by PyAV, one decoded segment at a time.

Needs the extra ``m4a``. Where the container counts time in samples (m4a, mp4), segments are read by seeking;
elsewhere (WebM counts milliseconds, raw AAC nothing) the stream is decoded from its start, so that every
position is exact. AAC may fill bands with noise of its own: samples after a seek can differ by some 1e-4.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import PurePath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from svtoolkit.errors import AudioError, MissingExtraError

SUFFIXES = {'.m4a', '.mp4', '.m4b', '.mov', '.aac', '.webm', '.mka', '.mkv', '.wma', '.amr', '.3gp'}
PREROLL_S = 0.25  # codecs with memory (AAC overlaps two frames of 1024) are exact again after this


def looks_like_container(head: bytes, name: str) -> bool:
    """Whether PyAV should try: a known signature in the first bytes, or a known file suffix."""
    signature = (
        head[4:8] == b'ftyp'  # MP4 family
        or head[:4] == b'\x1aE\xdf\xa3'  # Matroska, WebM
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0)  # ADTS AAC
        or head[:5] == b'#!AMR'
        or head[:4] == b'\x30\x26\xb2\x75'  # ASF, wma
    )
    return signature or PurePath(name).suffix.lower() in SUFFIXES


class Container:
    """First audio stream of a container, with the attributes of a ``SoundFile``: ``samplerate frames channels``.

    Args:
        stream: seekable binary file object at its start; the caller closes it.
        name: what messages call it.

    Raises:
        MissingExtraError: PyAV is not installed.
        AudioError: nothing in the stream can be decoded.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        try:
            import av
        except ImportError as error:
            raise MissingExtraError('PyAV (reads AAC, m4a and WebM)', 'm4a') from error
        # The last two: what PyAV raises for a stream without a known codec or a frame without a time.
        self._faults = (av.FFmpegError, ValueError, IndexError, AttributeError, TypeError)
        self._av = av
        self._source = stream
        self._name = name
        self._container: Any = None
        try:
            self._open()
            self.samplerate = int(self._stream.rate or 0)
            self.channels = int(self._stream.channels or 0)
            counts_samples = self._stream.time_base == Fraction(1, self.samplerate or 1)
            self._can_seek = bool(counts_samples and self._stream.duration)
            self.frames = self._stream.duration if self._can_seek else self._count()
        except self._faults as error:
            fault = f'{name}: not audio that can be read ({error}); convert it to WAV or FLAC.'
            raise AudioError(fault) from error

    def __enter__(self) -> 'Container':
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _open(self) -> None:
        if self._container is not None:
            self._container.close()
        self._source.seek(0)
        self._container = self._av.open(self._source, metadata_errors='ignore')
        self._stream = self._container.streams.audio[0]

    def take(self, start: int, count: int) -> NDArray[np.float32]:
        """Decode ``count`` samples from ``start`` on, [n, channels]; fewer at the stream's end."""
        parts: list[NDArray[np.float32]] = []
        found = 0
        try:
            for position, block in self._blocks_before(start):
                part = block[:, max(0, start - position) : start + count - position]
                parts.append(part)
                found += part.shape[1]
                if found >= count:
                    break
        except self._faults as error:
            raise AudioError(f'{self._name}: damaged ({error}); copy or record it again.') from error
        return np.concatenate(parts, axis=1).T if parts else np.zeros((0, self.channels), np.float32)

    def _count(self) -> int:
        return sum(block.shape[1] for _, block in self._blocks(0))

    def _blocks_before(self, position: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Decoded blocks that begin at or before ``position``, by seeking where that is exact."""
        target = position - int(PREROLL_S * self.samplerate)
        if self._can_seek and target > 0:
            blocks = self._blocks(target)
            first = next(blocks, None)
            if first is not None and first[0] <= position:
                yield first
                yield from blocks
                return
        yield from self._blocks(0)

    def _blocks(self, target: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first sample, [channels, n] float32) of each frame, from the last key frame before ``target``."""
        self._open()  # not a seek to 0: only a fresh decoder leaves out the encoder's delay
        origin = self._stream.start_time or 0
        if target > 0:
            self._container.seek(origin + target, stream=self._stream)
        converter = self._av.AudioResampler(format='fltp', layout=self._stream.layout, rate=self.samplerate)
        position = 0
        for frame in self._container.decode(self._stream):
            if position == 0 and target > 0:
                position = int(frame.pts) - origin
            for part in converter.resample(frame):
                block = np.asarray(part.to_ndarray(), np.float32)
                yield position, block
                position += block.shape[1]
