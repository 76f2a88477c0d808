"""Lists of recordings in the formats people have, all read into the same columns.

Read here, and told apart by name and first line:

- TSV with a header (``utt path speaker [start duration …]``; ``spk``, ``dur`` and ``file`` mean
  speaker, duration and path), CSV with the same header, JSON lines with the same keys, Parquet;
- two columns without a header: ``path<TAB>label``, or ``speaker path`` parted by a blank;
- Kaldi: a folder, or its ``wav.scp``, with ``utt2spk``, ``segments`` and ``utt2dur`` beside it.

Fields of two-column lists are parted at the first run of white space, so paths may hold blanks.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from svtoolkit.datasets.columns import StringBuilder, StringColumn
from svtoolkit.errors import ManifestError, MissingExtraError

ALIASES = {'spk': 'speaker', 'dur': 'duration', 'file': 'path'}
SECONDS = ('start', 'end', 'duration')

PIECE = 65536  # rows that are Python objects at a time

Row = tuple[int, Sequence[str]]
Piece = tuple[Sequence[int], Sequence[Sequence[str]]]


@dataclass
class RawList:
    """A list as it stands in its file: text columns, times in s, and where each row came from.

    Attributes:
        file: name for messages.
        columns: column name -> strings, all of one length.
        seconds: ``start``, ``end``, ``duration`` -> [n] float64, nan where empty.
        lines: [n] int64 line numbers.
        faults: lines that could not be read, as ``file:line: what``.
        integer_labels: the speakers are class numbers the user gave.
    """

    file: str
    columns: dict[str, StringColumn]
    lines: np.ndarray
    faults: list[str]
    seconds: dict[str, np.ndarray] = field(default_factory=dict)
    integer_labels: bool = False


def read_list(path: Path) -> RawList:
    """Read a list of recordings in any of the formats above.

    Raises:
        ManifestError: the file is missing, empty or not text, or no format fits it.
        MissingExtraError: Parquet without pyarrow.
    """
    if path.is_dir():
        return _read_kaldi(path / 'wav.scp')
    if not path.is_file():
        raise ManifestError(f'{path}: no such list of recordings.')
    try:
        if path.suffix in ('.parquet', '.pq'):
            raw = _read_parquet(path)
        elif path.suffix == '.scp':
            raw = _read_kaldi(path)
        elif path.suffix in ('.jsonl', '.json'):
            raw = _read_json_lines(path)
        else:
            raw = _read_text(path)
    except UnicodeDecodeError as error:
        raise ManifestError(f'{path}: not UTF-8 text ({error}); save the list as UTF-8.') from error
    return raw


def _read_text(path: Path) -> RawList:
    first = next(_lines(path), None)
    if first is None:
        raise ManifestError(f'{path}: the list is empty.')
    separator = ',' if path.suffix == '.csv' else '\t'
    names = [ALIASES.get(name.strip(), name.strip()) for name in first[1].split(separator)]
    if 'path' in names:
        return _read_table(path, separator, names)
    if separator == ',' or {'utt', 'speaker'} & set(names):
        raise ManifestError(f"{path}:1: no column 'path' in the header, found {', '.join(names)}.")
    if len(names) > 2:
        raise ManifestError(
            f"{path}:1: {len(names)} columns but no header that names 'path'; "
            'write "utt<TAB>path<TAB>speaker" as first line.'
        )
    return _read_pairs(path, label_last=len(names) == 2)


def _read_table(path: Path, separator: str, names: list[str]) -> RawList:
    faults: list[str] = []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ManifestError(f'{path}:1: column {", ".join(twice)} stands there twice.')

    def pieces() -> Iterator[Piece]:
        with path.open(encoding='utf-8-sig', newline='') as stream:
            reader = (
                csv.reader(stream)
                if separator == ','
                else (line.rstrip('\r\n').split('\t') for line in stream)
            )
            number = 1
            while rows := list(islice(reader, PIECE)):
                numbers: Sequence[int] = range(number, number + len(rows))
                number += len(rows)
                if numbers[0] == 1:  # the header
                    numbers, rows = numbers[1:], rows[1:]
                if set(map(len, rows)) - {len(names)}:
                    for line, row in zip(numbers, rows, strict=True):
                        if len(row) != len(names) and row not in ([], ['']):
                            faults.append(f'{path}:{line}: {len(row)} fields, the header has {len(names)}')
                    good = [i for i, row in enumerate(rows) if len(row) == len(names)]
                    numbers, rows = [numbers[i] for i in good], [rows[i] for i in good]
                yield numbers, rows

    return _gather(path, names, pieces(), faults)


def _read_pairs(path: Path, label_last: bool) -> RawList:
    faults: list[str] = []

    def rows() -> Iterator[Row]:
        for number, line in _lines(path):
            fields = line.split('\t') if label_last else line.split(None, 1)
            if len(fields) == 2:
                yield number, [fields[0].strip(), fields[1].strip()]
            else:
                wanted = '"path<TAB>label"' if label_last else '"speaker path"'
                faults.append(f'{path}:{number}: {line!r} is not {wanted}')

    raw = _gather(path, ['path', 'speaker'] if label_last else ['speaker', 'path'], _pieces(rows()), faults)
    labels = set(raw.columns['speaker']) if label_last else set()
    if labels and all(label.isascii() and label.isdigit() for label in labels):
        raw.integer_labels = True
        numbers = {int(label) for label in labels}
        gaps = sorted(set(range(max(numbers) + 1)) - numbers)[:5] if max(numbers) >= len(numbers) else []
        if gaps:
            faults.append(f'{path}: labels must run from 0 without gaps, missing {gaps} of 0…{max(numbers)}')
    return raw


def _read_json_lines(path: Path) -> RawList:
    faults: list[str] = []
    names: list[str] = []

    def rows() -> Iterator[Row]:
        for number, line in _lines(path):
            try:
                item = json.loads(line)
                item = {
                    ALIASES.get(key, key): '' if value is None else str(value) for key, value in item.items()
                }
            except (ValueError, AttributeError) as error:
                faults.append(f'{path}:{number}: not a JSON object ({error})')
                continue
            if not names:
                names.extend(item)
            strange = sorted(set(item) - set(names))
            if strange:
                faults.append(f'{path}:{number}: key {", ".join(strange)} is not in the first line')
                continue
            yield number, [item.get(name, '') for name in names]

    pieces = list(_pieces(rows()))  # the names are known once the first line has been read
    return _gather(path, names, pieces, faults)


def _read_kaldi(scp: Path) -> RawList:
    """``wav.scp`` with its neighbours; ``segments`` makes its lines the utterances."""
    folder = scp.parent
    if not scp.is_file():
        raise ManifestError(f'{folder}: no wav.scp in this folder, so it is not a Kaldi data folder.')
    faults: list[str] = []
    segments = folder / 'segments'
    recordings = _kaldi_map(scp, faults)
    for utt, (number, path) in list(recordings.items()):
        if path.endswith('|'):
            faults.append(
                f"{scp}:{number}: '{utt}' is a command ({path}); run it, and list the files it writes"
            )
    speakers = _kaldi_map(folder / 'utt2spk', faults) if (folder / 'utt2spk').is_file() else {}
    durations = _kaldi_map(folder / 'utt2dur', faults) if (folder / 'utt2dur').is_file() else {}
    names = ['utt', 'path', 'start', 'end', 'duration'] + (['speaker'] if speakers else [])
    listed = _kaldi_map(segments, faults) if segments.is_file() else recordings
    where = segments if segments.is_file() else scp

    def rows() -> Iterator[Row]:
        for utt, (number, value) in listed.items():
            start = end = ''
            path = value
            if where is segments:
                recording, start, end = (value.split() + ['', '', ''])[:3]
                if recording not in recordings:
                    faults.append(f"{segments}:{number}: recording '{recording}' is not in wav.scp")
                    continue
                path = recordings[recording][1]
            if speakers and utt not in speakers:
                faults.append(f"{where}:{number}: '{utt}' is not in utt2spk")
                continue
            duration = durations[utt][1] if utt in durations else ''
            yield number, [utt, path, start, end, duration] + ([speakers[utt][1]] if speakers else [])

    raw = _gather(where, names, _pieces(rows()), faults)
    faults += [f"{folder / 'utt2spk'}:{speakers[utt][0]}: '{utt}' is not in {where.name}"
               for utt in speakers if utt not in listed]  # fmt: skip
    return raw


def _kaldi_map(path: Path, faults: list[str]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for number, line in _lines(path):
        fields = line.split(None, 1)
        if len(fields) < 2:
            faults.append(f'{path}:{number}: {line!r} has no second field')
        elif fields[0] in found:
            faults.append(
                f"{path}:{number}: '{fields[0]}' stands there twice, first in line {found[fields[0]][0]}"
            )
        else:
            found[fields[0]] = (number, fields[1].strip())
    return found


def _read_parquet(path: Path) -> RawList:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError('pyarrow', 'parquet') from error
    table = pq.read_table(path)
    table = table.rename_columns([ALIASES.get(name, name) for name in table.column_names])
    columns, seconds = {}, {}
    for name in table.column_names:
        column = table.column(name)
        if name in SECONDS:
            seconds[name] = column.cast(pa.float64()).to_numpy()
            continue
        text = column.cast(pa.large_string()).fill_null('').combine_chunks()
        if isinstance(text, pa.ChunkedArray):  # a table without rows has no chunk to combine
            text = pa.array([], pa.large_string())
        _, offsets, data = text.buffers()
        ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
        columns[name] = StringColumn(np.frombuffer(data or b'', np.uint8), ends)
    return RawList(str(path), columns, np.arange(1, len(table) + 1), [], seconds)


def _gather(path: Path, names: list[str], pieces: Iterable[Piece], faults: list[str]) -> RawList:
    """Turn rows into columns piece by piece, so that only the packed columns stay in memory."""
    builders = [StringBuilder() for _ in names]
    lines = [np.zeros(0, np.int64)]
    for numbers, rows in pieces:
        lines.append(np.array(numbers, np.int64))
        for builder, values in zip(builders, zip(*rows, strict=True), strict=bool(rows)):
            builder.extend(values)
    raw = RawList(
        str(path),
        {name: builder.column() for name, builder in zip(names, builders, strict=True)},
        np.concatenate(lines),
        faults,
    )
    for name in SECONDS:
        if name in raw.columns:
            raw.seconds[name] = _parse_seconds(raw, name)
    return raw


def _parse_seconds(raw: RawList, name: str) -> np.ndarray:
    column = raw.columns.pop(name)
    try:
        return np.array([float(text or 'nan') for text in column])
    except ValueError:
        values = np.full(len(column), np.nan)
    for row, text in enumerate(column):
        try:
            values[row] = float(text or 'nan')
        except ValueError:
            raw.faults.append(f"{raw.file}:{raw.lines[row]}: {name} '{text}' is not a number of seconds")
    return values


def _pieces(rows: Iterator[Row]) -> Iterator[Piece]:
    while piece := list(islice(rows, PIECE)):
        yield [number for number, _ in piece], [row for _, row in piece]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; empty ones are passed over."""
    with path.open(encoding='utf-8-sig') as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line.strip('\r\n')
