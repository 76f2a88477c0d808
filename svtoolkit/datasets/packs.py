"""Packs: many waveforms in one memory-mapped file, so that a crop costs microseconds instead of a decode.

A pack is two files: ``noise.pack`` holds the samples of all items one after the other (int16, little-endian,
mono, 1.0 = 32768), ``noise.pack.tsv`` their names. The first line of the index is ``#`` and a JSON object
(``sample_rate num_samples version`` and what the writer adds), then come the header and one line an item:
``name kind offset length``, the last two in samples. Kinds (noise, music, babble, rir, …) are free words.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svtoolkit.audio import io
from svtoolkit.errors import AudioError, ManifestError, list_faults, unknown_name

Wave = NDArray[np.float32]

HEADER = 'name\tkind\toffset\tlength'
SAMPLE = np.dtype('<i2')
NAMES_COMPARED = 10_000  # looking for a name like the wrong one takes a millisecond for each hundred


class Pack:
    """Waveforms of a pack by number or name. Holds a path until it is used, so it travels to workers.

    Args:
        path: the sample file; its index lies beside it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._index: _Index | None = None
        self._samples: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {'path': self.path, '_index': None, '_samples': None}

    @property
    def sample_rate(self) -> int:
        """Of all items, in Hz."""
        return int(self.attributes['sample_rate'])

    @property
    def attributes(self) -> dict[str, Any]:
        """What the writer noted: ``sample_rate``, ``num_samples``, ``version`` and its own entries."""
        return self._opened().attributes

    @property
    def names(self) -> list[str]:
        """Name of each item, in the order of writing."""
        return self._opened().names

    @property
    def kinds(self) -> list[str]:
        """Kind of each item."""
        return self._opened().kinds

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Samples of each item."""
        return self._opened().lengths

    def of_kind(self, kind: str) -> NDArray[np.int64]:
        """Numbers of all items of a kind.

        Raises:
            UnknownNameError: the pack holds none.
        """
        found = np.flatnonzero(np.array(self.kinds) == kind)
        if len(found) == 0:
            raise unknown_name(f'kind in {self.path}', kind, self.kinds)
        return found

    def read(self, item: int | str, start: int = 0, num_samples: int | None = None) -> Wave:
        """Samples of an item.

        Args:
            item: its number (from 0) or name.
            start: first sample.
            num_samples: how many; None: to the end.

        Returns:
            [T] float32 in ±1, shorter than ``num_samples`` only where the item ends before.

        Raises:
            ManifestError: the pack's files are missing, damaged or do not belong together.
            UnknownNameError: no item of that name.
            IndexError: no item of that number.
            ValueError: ``start`` is not inside the item, or ``num_samples`` is below 1.
        """
        index = self._opened()
        number = index.number(item, self.path)
        length = int(index.lengths[number])
        if not 0 <= start < length or (num_samples is not None and num_samples < 1):
            raise ValueError(
                f"{self.path}: '{index.names[number]}' has {length} samples, not {num_samples} from {start}."
            )
        stop = length if num_samples is None else min(length, start + num_samples)
        if self._samples is None:
            self._samples = np.memmap(self.path, SAMPLE, mode='r').view(np.ndarray)  # faster to slice
        offset = int(index.offsets[number])
        wave = self._samples[offset + start : offset + stop].astype(np.float32)
        wave *= np.float32(1 / 32768)
        return wave

    def _opened(self) -> '_Index':
        if self._index is None:
            self._index = _Index(self.path)
        return self._index


class _Index:
    """The index file, read and checked against the size of the sample file."""

    def __init__(self, path: Path) -> None:
        place = index_path(path)
        try:
            lines = place.read_text(encoding='utf-8').splitlines()
            size = path.stat().st_size
        except OSError as error:
            raise ManifestError(
                f'{error.filename}: cannot be read ({error.strerror}); write the pack again.'
            ) from error
        try:
            self.attributes: dict[str, Any] = json.loads(lines[0].removeprefix('#'))
            if lines[1] != HEADER:
                raise ValueError(f'line 2 should be the header {HEADER.split()}')
            rows = [line.split('\t') for line in lines[2:]]
            self.names = [row[0] for row in rows]
            self.kinds = [row[1] for row in rows]
            self.offsets = np.array([row[2] for row in rows], np.int64)
            self.lengths = np.array([row[3] for row in rows], np.int64)
            total = int(self.attributes['num_samples'])
            end = int(self.offsets[-1] + self.lengths[-1])
        except (ValueError, KeyError, IndexError) as error:
            raise ManifestError(
                f'{place}: not the index of a pack ({error}); write the pack again.'
            ) from error
        if not size == total * SAMPLE.itemsize == end * SAMPLE.itemsize:
            raise ManifestError(
                f'{path}: {size} bytes, but its index tells of {total * SAMPLE.itemsize}; '
                f'the files do not belong together or one was cut short: write or copy the pack again.'
            )
        self._numbers: dict[str, int] | None = None

    def number(self, item: int | str, path: Path) -> int:
        """Number of an item by number or name."""
        if isinstance(item, str):
            if self._numbers is None:
                self._numbers = {name: number for number, name in enumerate(self.names)}
            if item not in self._numbers:
                raise unknown_name(f'item of {path}', item, self.names[:NAMES_COMPARED])
            return self._numbers[item]
        if not 0 <= item < len(self.names):
            raise IndexError(f'{path}: holds {len(self.names)} items, there is no number {item}.')
        return int(item)


def index_path(path: str | os.PathLike[str]) -> Path:
    """Where the index of a pack lies: its path and ``.tsv``."""
    return Path(f'{os.fspath(path)}.tsv')


def write_pack(
    path: str | os.PathLike[str],
    items: Iterable[tuple[str, str, Wave]],
    sample_rate: int,
    attributes: Mapping[str, Any] | None = None,
) -> Pack:
    """Write a pack; both files appear whole, or what was there before stays.

    Args:
        path: the sample file to write, such as ``noise.pack``.
        items: name (unique), kind and waveform [T] in ±1 of each; louder samples are clipped.
        sample_rate: of all waveforms, in Hz.
        attributes: further facts for the index (source, licence, …), as JSON can hold them.

    Raises:
        ValueError: no items, a name twice, a tab or line break in a name or kind, or bad samples.
    """
    path = Path(path)
    parts = [path.with_name(f'{path.name}.{os.getpid()}.part'), index_path(f'{path}.{os.getpid()}.part')]
    rows: list[tuple[str, str, int, int]] = []
    offset = 0
    try:
        with parts[0].open('wb') as stream:
            for name, kind, wave in items:
                _check_item(name, kind, wave)
                stream.write(io.to_int16(wave).astype(SAMPLE, copy=False).tobytes())
                rows.append((name, kind, offset, len(wave)))
                offset += len(wave)
            _check_names(path, rows)
            _flush(stream)
        with parts[1].open('w', encoding='utf-8', newline='\n') as index:
            facts = {'version': 1, **(attributes or {}), 'sample_rate': sample_rate, 'num_samples': offset}
            index.write(f'#{json.dumps(facts)}\n{HEADER}\n')
            index.writelines('\t'.join(map(str, row)) + '\n' for row in rows)
            _flush(index)
        os.replace(parts[0], path)
        os.replace(parts[1], index_path(path))
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return Pack(path)


def build_pack_from_files(
    path: str | os.PathLike[str],
    files: Iterable[tuple[str, str, str | os.PathLike[str]]],
    sample_rate: int,
    peak: float | None = None,
    parallel: int = 1,
    attributes: Mapping[str, Any] | None = None,
) -> Pack:
    """Read recordings and write them as a pack.

    Args:
        path: the sample file to write.
        files: name, kind and recording of each item.
        sample_rate: all are resampled to it, in Hz.
        peak: level the largest sample of each item gets (0.9 keeps the tails of soft room responses);
            None: levels stay.
        parallel: threads that decode.
        attributes: further facts for the index.

    Raises:
        AudioError: some recordings cannot be read; lists them.
        ValueError: as ``write_pack``.
    """
    faults: list[str] = []

    def load(entry: tuple[str, str, str | os.PathLike[str]]) -> tuple[str, str, Wave] | str:
        try:
            wave = io.read(entry[2], sample_rate)
        except AudioError as error:
            return str(error)
        loudest = float(np.abs(wave).max())
        return entry[0], entry[1], wave if not peak or not loudest else wave * np.float32(peak / loudest)

    def items() -> Iterator[tuple[str, str, Wave]]:
        entries = iter(files)
        with ThreadPoolExecutor(parallel) as pool:  # decoding leaves the interpreter lock free
            while batch := list(islice(entries, 8 * parallel)):
                for loaded in pool.map(load, batch):
                    if isinstance(loaded, str):
                        faults.append(loaded)
                    else:
                        yield loaded
        if faults:
            raise AudioError(list_faults(f'{path}: {len(faults)} recordings cannot be packed:', faults))

    return write_pack(path, items(), sample_rate, attributes)


def _check_item(name: str, kind: str, wave: Wave) -> None:
    if not name or any(character in name + kind for character in '\t\r\n'):
        raise ValueError(f'{name!r} ({kind!r}): no empty names, no tabs or line breaks.')
    if wave.ndim != 1 or len(wave) == 0 or not np.isfinite(wave).all():
        raise ValueError(
            f"'{name}': needs [T] finite samples, got shape {wave.shape} or NaN or infinite ones."
        )


def _check_names(path: Path, rows: list[tuple[str, str, int, int]]) -> None:
    if not rows:
        raise ValueError(f'{path}: no items to pack.')
    twice = [name for name, count in Counter(row[0] for row in rows).items() if count > 1]
    if twice:
        raise ValueError(list_faults(f'{path}: names must be unique, these come more than once:', twice))


def _flush(stream: Any) -> None:
    stream.flush()
    os.fsync(stream.fileno())
