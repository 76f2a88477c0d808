"""Read and write recordings: float32 mono in ±1, faults named; only the wanted segment is decoded.

WAV, FLAC, Ogg (Vorbis, Opus), MP3 and the like by libsndfile; AAC, m4a, WebM by PyAV (extra ``m4a``). The
content decides, not the name. Positions and lengths are in samples. Channels are averaged.

Seeking is sample exact. In Opus, whose speech coder remembers, samples read after a seek differ from a whole
decode by a few 1e-3 (no affordable pre-roll changes that); the same segment is always the same.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from svtoolkit.audio import _av
from svtoolkit.audio.cut_short import missing_bytes
from svtoolkit.audio.resample import margin_blocks, output_length, rate_ratio, resample
from svtoolkit.errors import AudioError

Wave: TypeAlias = NDArray[np.float32]
Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO

BLOCK = 1 << 22  # samples decoded at a time
LOUDEST = 2.0**31  # float files may hold 32-bit integers; above that squares of samples overflow
MP3_SEEK_ABOVE_S = 60.0  # up to there it is decoded from its start: 30 ms at most


@dataclass(frozen=True)
class AudioInfo:
    """What the header says: rate in Hz, samples per channel, channels, length in seconds."""

    sample_rate: int
    num_samples: int
    num_channels: int
    duration: float


def probe(source: Source) -> AudioInfo:
    """Read the header of a recording.

    Args:
        source: a path, the bytes of a file, or a seekable binary file object.

    Returns:
        The header's facts. For AAC and other containers read by PyAV the number of samples comes from the
        container's duration and may be off by one codec frame.

    Raises:
        AudioError: it is missing, a folder or pipe, empty, not audio, cut short (WAV), or holds no samples.
        MissingExtraError: it needs PyAV, which is not installed.
    """
    with _opened(source) as sound:
        return _info(sound)


def read(
    source: Source,
    sample_rate: int | None = None,
    start: int = 0,
    num_samples: int | None = None,
    resample: bool = True,
) -> Wave:
    """Read a recording, or a segment of it, as mono.

    Args:
        source: a path, the bytes of a file, or a seekable binary file object.
        sample_rate: rate of the returned samples in Hz; None: the recording's own.
        start: first sample, counted at the returned rate.
        num_samples: samples to return, at the returned rate; None: to the end.
        resample: whether a recording of another rate is resampled or refused.

    Returns:
        [T] float32; shorter than ``num_samples`` only where the recording ends before. A segment of a
        resampled recording equals that slice of the whole resampled one.

    Raises:
        AudioError: the recording is missing, a folder or pipe, empty, not audio, cut short or damaged, holds
            NaN, infinite or absurdly large samples, ends before ``start``, or has another rate while
            ``resample`` is False.
        MissingExtraError: it needs PyAV, which is not installed.
        TorchaudioMissingError: it has another rate and torchaudio cannot be imported.
        ValueError: a negative ``start``, or ``num_samples`` or ``sample_rate`` below 1.
    """
    if start < 0 or (num_samples is not None and num_samples < 1):
        raise ValueError(f'start must be >= 0 and num_samples >= 1, got {start} and {num_samples}.')
    if sample_rate is not None and sample_rate < 1:
        raise ValueError(f'sample_rate must be positive, got {sample_rate} Hz.')
    name = describe(source)
    with _opened(source) as sound:
        rate = sound.samplerate
        wanted = sample_rate or rate
        if wanted != rate and not resample:
            fault = f'{name}: {rate} Hz, but {wanted} Hz is wanted; resample it, or pass resample=True.'
            raise AudioError(fault)
        total = output_length(sound.frames, rate, wanted)
        if start >= total:
            raise AudioError(
                f'{name}: ends at {total / wanted:.2f} s, but the segment starts at {start / wanted:.2f} s; '
                f'correct the segment or drop it.'
            )
        stop = total if num_samples is None else min(total, start + num_samples)
        if wanted == rate:
            return _decode(sound, source, start, stop)
        return _read_resampled(sound, source, wanted, start, stop)


def write_wav(path: str | os.PathLike[str], wave: Wave, sample_rate: int) -> None:
    """Write [T] or [T, channels] samples in ±1 as 16-bit WAV, whole or not at all; louder ones are clipped.

    Raises:
        ValueError: no samples, or NaN or infinite ones.
    """
    _write(Path(path), wave, sample_rate, 'WAV')


def write_flac(path: str | os.PathLike[str], wave: Wave, sample_rate: int) -> None:
    """Write [T] or [T, channels] samples in ±1 as 16-bit FLAC, whole or not at all; louder ones are clipped.

    Raises:
        ValueError: no samples, or NaN or infinite ones.
    """
    _write(Path(path), wave, sample_rate, 'FLAC')


def describe(source: Source) -> str:
    """Name of a source for messages: its path, or that it came as bytes."""
    if isinstance(source, bytes | bytearray):
        return f'audio of {len(source)} bytes'
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, 'name', None) or 'audio stream')


def to_int16(wave: Wave) -> NDArray[np.int16]:
    """Samples in ±1 as 16-bit integers, 1.0 = 32768, rounded and clipped: the inverse of reading."""
    return np.clip(np.rint(np.asarray(wave, np.float32) * 32768.0), -32768, 32767).astype(np.int16)


class _Sound(soundfile.SoundFile):
    """A SoundFile that stays where a read ended; soundfile seeks after each read, a waste in Opus."""

    def seekable(self) -> bool:
        return False

    def take(self, start: int, count: int) -> Wave:
        """Decode ``count`` samples from ``start`` on, [n, channels]; fewer where the data end."""
        lead = self._lead(start)
        if start > lead:
            self.seek(start - lead)
        blocks = []
        for position in range(0, lead + count, BLOCK):  # a header may claim hours that are not there
            size = min(BLOCK, lead + count - position)
            blocks.append(self.read(size, dtype='float32', always_2d=True))
            if len(blocks[-1]) < size:
                break
        return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks))[lead:]

    def _lead(self, start: int) -> int:
        """Samples that must be decoded before ``start`` so that those from there on come out right."""
        if self.subtype == 'GSM610':  # libsndfile cannot seek in it
            return start
        if self.format == 'MP3':  # a frame may need bits of 40 frames before; seeking warns on stderr
            return start if start < MP3_SEEK_ABOVE_S * self.samplerate else min(start, 40 * 1152)
        return 0


class _Bytes(io.BytesIO):
    """Bytes as a file. Damaged headers make libsndfile seek before the start: it stays, and libsndfile notices."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return self.tell()


def _info(sound: Any) -> AudioInfo:
    return AudioInfo(sound.samplerate, sound.frames, sound.channels, sound.frames / sound.samplerate)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Open with libsndfile, or with PyAV what libsndfile does not know; every fault becomes an AudioError."""
    name = describe(source)
    with contextlib.ExitStack() as stack:
        stream: BinaryIO
        if isinstance(source, bytes | bytearray):
            stream = _Bytes(source)
        elif isinstance(source, str | os.PathLike):
            stream = stack.enter_context(_open_file(Path(source)))
        else:
            stream = source
            stream.seek(0)
        head = stream.read(64)
        if not head:
            raise AudioError(f'{name}: empty (0 bytes); record or copy it again.')
        missing = missing_bytes(stream, head)
        if missing:
            fault = f'{name}: cut short, {missing} bytes are missing at its end; copy or record it again.'
            raise AudioError(fault)
        stream.seek(0)
        try:
            # By name where there is one: libsndfile reads a file faster than through callbacks.
            handle: Any = (
                stream if not isinstance(source, str | os.PathLike) else _name_for_libsndfile(source)
            )
            sound: Any = _Sound(handle)
        except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name that ends in .raw
            stream.seek(0)
            if not _av.looks_like_container(head, name):
                raise AudioError(
                    f'{name}: not audio that can be read ({_reason(error)}); convert it to WAV, FLAC or Opus.'
                ) from error
            sound = _av.Container(stream, name)
        stack.enter_context(sound)
        if sound.frames < 1 or sound.samplerate < 1:
            raise AudioError(f'{name}: holds no samples; record or copy it again.')
        yield sound


def _open_file(path: Path) -> BinaryIO:
    try:
        kind = path.stat().st_mode  # before opening: a pipe without a writer would wait for ever
        if stat.S_ISDIR(kind):
            raise AudioError(f'{path}: a folder, not a recording; name a file in it.')
        if not stat.S_ISREG(kind):
            raise AudioError(
                f'{path}: a pipe or device, which cannot be read twice; save it as a file first.'
            )
        return path.open('rb')
    except FileNotFoundError as error:
        raise AudioError(f'{path}: no such file; check the path and the folder it starts from.') from error
    except OSError as error:
        raise AudioError(f'{path}: cannot be opened ({error.strerror}); check its permissions.') from error


def _name_for_libsndfile(path: str | os.PathLike[str]) -> str | bytes:
    """A file name as bytes, which need not be UTF-8 text, where the system names files so."""
    return os.fsencode(path) if os.name == 'posix' else os.fspath(path)


def _decode(sound: Any, source: Source, start: int, stop: int) -> Wave:
    """[start, stop) at the recording's own rate, as mono; short, damaged or non-finite data is an error."""
    name = describe(source)
    try:
        wave = sound.take(start, stop - start)
    except soundfile.LibsndfileError as error:
        raise AudioError(f'{name}: damaged ({_reason(error)}); copy or record it again.') from error
    if len(wave) < stop - start:
        raise AudioError(
            f'{name}: damaged or cut short, the header claims {sound.frames} samples but decoding stopped '
            f'before sample {stop}; copy or record it again.'
        )
    mono = wave[:, 0]
    if wave.shape[1] > 1:
        with np.errstate(invalid='ignore'):  # inf - inf; told below
            # A product, since mean(axis=1) takes ten times longer.
            mono = wave @ np.full(wave.shape[1], 1 / wave.shape[1], np.float32)
    if not np.isfinite(mono).all():
        first = start + int(np.argmin(np.isfinite(mono)))
        raise AudioError(f'{name}: NaN or infinite samples, the first is number {first}; export it again.')
    loudest = max(float(mono.max()), -float(mono.min()))
    if loudest > LOUDEST:
        raise AudioError(f'{name}: samples of up to {loudest:.1e}, where ±1 is full scale; export it again.')
    return np.ascontiguousarray(mono)


def _read_resampled(sound: Any, source: Source, to_hz: int, start: int, stop: int) -> Wave:
    """[start, stop) at ``to_hz``: whole blocks of the ratio, with what the filter sees on both sides."""
    rate = sound.samplerate
    try:
        ratio = rate_ratio(rate, to_hz)
    except ValueError as error:  # nothing records at 10 Hz: the header is wrong
        raise AudioError(f'{describe(source)}: {error}') from error
    p, q = ratio.denominator, ratio.numerator  # p samples in, q samples out
    margin = margin_blocks(ratio)
    first = max(0, start // q - margin)
    last = min(sound.frames, (-(-stop // q) + margin) * p)
    if first * p >= last:  # only where an approximated ratio runs past the end
        first = max(0, last // p - margin)
    wave = resample(_decode(sound, source, first * p, last), p, q)
    part = wave[start - first * q : stop - first * q]
    return np.ascontiguousarray(np.pad(part, (0, stop - start - len(part))))


def _write(path: Path, wave: Wave, sample_rate: int, kind: str) -> None:
    if wave.size == 0 or not np.isfinite(wave).all():
        raise ValueError(f'{path}: refusing to write no samples, or NaN or infinite ones.')
    part = path.with_name(f'{path.name}.{os.getpid()}.part')
    try:
        samples = to_int16(wave)
        soundfile.write(_name_for_libsndfile(part), samples, sample_rate, format=kind, subtype='PCM_16')
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    return str(getattr(error, 'error_string', error)).rstrip('.')
