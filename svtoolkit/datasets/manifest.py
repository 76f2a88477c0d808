"""Manifest: the list of recordings everything starts from, as columns.

One row is one utterance: a file, or the part of it from ``start`` to ``end``. Times are seconds,
nan where unknown; paths are kept as written and resolved against ``root``. Formats: list_formats.py.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from svtoolkit.datasets.columns import CategoryColumn, StringColumn
from svtoolkit.datasets.durations import DurationCache
from svtoolkit.datasets.list_formats import read_list
from svtoolkit.datasets.manifest_checks import file_faults, list_faults_of
from svtoolkit.errors import AudioError, ManifestError, list_faults

SUFFIXES = frozenset(
    (
        '.wav',
        '.flac',
        '.opus',
        '.ogg',
        '.oga',
        '.mp3',
        '.m4a',
        '.aac',
        '.mp4',
        '.webm',
        '.aif',
        '.aiff',
        '.au',
    )
)

Names = Iterable[str] | str | os.PathLike | None


@dataclass
class Manifest:
    """Recordings, their speakers and times; n rows.

    Attributes:
        utts: ids, all different.
        paths: files, as written in the list.
        speakers: speaker of each row, '' where the list names none.
        start: [n] s, nan = from the beginning of the file.
        end: [n] s, nan = to its end.
        durations: [n] s, length of the utterance, nan = unknown.
        extra: further columns of the list by name, such as gender.
        root: folder that relative paths start from.
        source: the list file ('' for none); measured durations are cached beside it.
        integer_labels: speakers are class numbers that the user gave and that must be kept.
        cache: durations that headers told.
    """

    utts: StringColumn
    paths: StringColumn
    speakers: CategoryColumn
    start: np.ndarray
    end: np.ndarray
    durations: np.ndarray
    extra: dict[str, StringColumn] = field(default_factory=dict)
    root: str = ''
    source: str = ''
    integer_labels: bool = False
    cache: DurationCache | None = field(default=None, repr=False, compare=False)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike,
        root: str | os.PathLike | None = None,
        audio_check: bool = False,
        check_files: bool = False,
        need_speakers: bool = True,
    ) -> 'Manifest':
        """Read and check a list in any format of list_formats.py.

        Args:
            path: the list, or a Kaldi folder.
            root: folder of relative paths; the list's own folder when left out.
            audio_check: also open every recording and compare its length with the list.
            check_files: also list the files that do not exist.
            need_speakers: a list without speakers is a fault.

        Raises:
            ManifestError: one message with every fault, each with file and line.
        """
        path = Path(path)
        raw = read_list(path)
        missing = [name for name in ('path', 'speaker') if name not in raw.columns]
        missing = [name for name in missing if name == 'path' or need_speakers]
        if missing:
            known = ', '.join([*raw.columns, *raw.seconds])
            raise ManifestError(
                f'{raw.file}: no column {" and no ".join(missing)}, found {known or "nothing"}.'
            )
        columns = dict(raw.columns)
        paths = columns.pop('path')
        empty = np.full(len(paths), np.nan)
        speakers = columns.pop('speaker', None)
        manifest = cls(
            utts=columns.pop('utt', paths),
            paths=paths,
            speakers=CategoryColumn.of(speakers if speakers is not None else [''] * len(paths)),
            start=raw.seconds.get('start', empty),
            end=raw.seconds.get('end', empty),
            durations=raw.seconds.get('duration', empty),
            extra=columns,
            root=str(root if root is not None else path if path.is_dir() else path.parent),
            source=str(path / 'wav.scp' if path.is_dir() else path),
            integer_labels=raw.integer_labels,
        )
        faults = raw.faults + list_faults_of(manifest, raw)
        if check_files or audio_check:
            faults += file_faults(manifest, raw, audio_check)
        if not faults and not len(manifest):
            faults = [f'{raw.file}: the list is empty']
        if faults:
            faults.sort(key=_line_number)
            raise ManifestError(list_faults(f'{path}: {len(faults)} faults:', faults))
        return manifest

    @classmethod
    def from_folder(cls, folder: str | os.PathLike) -> 'Manifest':
        """List a tree ``speaker/…/file``; the id of an utterance is its path below ``folder``.

        Raises:
            ManifestError: no recording is found, one lies in no speaker's folder, or a name cannot be listed.
        """
        folder = Path(folder)
        found = []
        for place, folders, files in os.walk(folder):
            folders.sort()
            names = sorted(name for name in files if Path(name).suffix.lower() in SUFFIXES)
            found += [(Path(place) / name).relative_to(folder).as_posix() for name in names]
        faults = [f"'{path}' lies in no speaker's folder" for path in found if '/' not in path]
        faults += filter(None, map(name_fault, found))
        if faults or not found:
            faults = faults or [f'no recordings ({", ".join(sorted(SUFFIXES))})']
            raise ManifestError(list_faults(f'{folder}: wanted a tree speaker/…/file:', faults))
        paths = StringColumn.of(found)
        empty = np.full(len(paths), np.nan)
        speakers = CategoryColumn.of(path.split('/', 1)[0] for path in found)
        return cls(paths, paths, speakers, empty, empty, empty, root=str(folder))

    @classmethod
    def join(cls, parts: Sequence['Manifest']) -> 'Manifest':
        """One list of several, in their order; further columns are dropped.

        Raises:
            ManifestError: an utterance is in two of them.
        """
        if len(parts) == 1:
            return parts[0]
        joined = cls(
            utts=StringColumn.of(chain.from_iterable(part.utts for part in parts)),
            paths=StringColumn.of(
                os.path.abspath(part.path(row)) for part in parts for row in range(len(part))
            ),
            speakers=CategoryColumn.of(chain.from_iterable(part.speakers for part in parts)),
            start=np.concatenate([part.start for part in parts]),
            end=np.concatenate([part.end for part in parts]),
            durations=np.concatenate([part.durations for part in parts]),
            source=parts[0].source,
        )
        twice = [f"utterance '{joined.utts[row]}'" for row, _ in joined.utts.repeats()]
        if twice:
            names = ', '.join(part.source for part in parts)
            raise ManifestError(list_faults(f'{names}: {len(twice)} utterances are in two lists:', twice))
        return joined

    def __len__(self) -> int:
        return len(self.utts)

    def path(self, row: int) -> str:
        """Where the recording of a row lies."""
        return os.path.join(self.root, self.paths[row])

    def select(
        self, include_speakers: Names = None, exclude_speakers: Names = None, utts: Names = None
    ) -> 'Manifest':
        """Keep some rows, in their order; each list is names, or a text file with one name a line.

        Raises:
            ManifestError: a name is not in the list, or no row is left.
        """
        keep = np.ones(len(self), bool)
        numbers = {name: code for code, name in enumerate(self.speakers.names)}
        if include_speakers is not None:
            keep &= np.isin(self.speakers.codes, self._codes(include_speakers, numbers, 'speaker'))
        if exclude_speakers is not None:
            keep &= ~np.isin(self.speakers.codes, self._codes(exclude_speakers, numbers, 'speaker'))
        if utts is not None:
            rows = {name: row for row, name in enumerate(self.utts)}
            wanted = np.zeros(len(self), bool)
            wanted[self._codes(utts, rows, 'utterance')] = True
            keep &= wanted
        if not keep.any():
            raise ManifestError(f'{self.source or self.root}: no utterance is left after the selection.')
        return self.take(np.flatnonzero(keep))

    def take(self, rows: np.ndarray) -> 'Manifest':
        """The rows with these numbers, in this order; [m] int."""
        return replace(
            self,
            utts=self.utts.take(rows),
            paths=self.paths.take(rows),
            speakers=self.speakers.take(rows),
            start=self.start[rows],
            end=self.end[rows],
            durations=self.durations[rows],
            extra={name: column.take(rows) for name, column in self.extra.items()},
        )

    def speaker_map(self) -> dict[str, int]:
        """Class number of each speaker, in order of first appearance; numbers the user gave are kept."""
        names = self.speakers.names
        if self.integer_labels and set(map(int, names)) == set(range(len(names))):
            return {name: int(name) for name in sorted(names, key=int)}
        return {name: label for label, name in enumerate(names)}

    def labels(self, speaker_map: Mapping[str, int]) -> np.ndarray:
        """Class number of each row, [n] int64.

        Raises:
            ManifestError: a speaker is not in ``speaker_map``.
        """
        unknown = [f"speaker '{name}'" for name in self.speakers.names if name not in speaker_map]
        if unknown:
            raise ManifestError(
                list_faults(
                    f'{self.source or self.root}: {len(unknown)} speakers have no class number:', unknown
                )
            )
        return np.array([speaker_map[name] for name in self.speakers.names], np.int64)[self.speakers.codes]

    def seconds(self, row: int) -> float:
        """Length of an utterance; its file is opened, once, when the list does not tell."""
        begin = 0.0 if np.isnan(self.start[row]) else float(self.start[row])
        if not np.isnan(self.end[row]):
            return float(self.end[row]) - begin
        if not np.isnan(self.durations[row]):
            return float(self.durations[row])
        if self.cache is None:
            self.cache = DurationCache(self.source)
        return self.cache.seconds(self.paths[row], self.path(row)) - begin

    def num_samples(self, row: int, sample_rate: int) -> int:
        """Length of an utterance in samples at ``sample_rate``."""
        return round(self.seconds(row) * sample_rate)

    def measure(self) -> None:
        """Take all durations from the files' headers instead of the list; cached in ``<list>.dur.json``.

        Raises:
            AudioError: a file cannot be opened; the message names all of them.
        """
        cache = self.cache = self.cache or DurationCache(self.source)
        begin = np.nan_to_num(self.start, nan=0.0)
        durations = np.empty(len(self))
        faults = []
        for row, name in enumerate(self.paths):
            try:
                whole = cache.seconds(name, os.path.join(self.root, name))
            except (AudioError, OSError) as error:
                faults.append(str(error))
                continue
            durations[row] = (whole if np.isnan(self.end[row]) else min(whole, self.end[row])) - begin[row]
        cache.save()
        if faults:
            raise AudioError(list_faults(f'{len(faults)} recordings cannot be opened:', faults))
        self.durations = durations

    def digest(self) -> str:
        """Short hash of ids and speakers; two lists with the same hash have the same rows."""
        state = hashlib.blake2b(digest_size=8)
        for part in (self.utts.buffer, self.utts.offsets, self.speakers.codes.astype(np.int32)):
            state.update(np.ascontiguousarray(part).tobytes())
        state.update('\n'.join(self.speakers.names).encode())
        return state.hexdigest()

    def write(self, path: str | os.PathLike) -> None:
        """Write as TSV with a header, complete or not at all; paths are made relative to its folder."""
        path = Path(path)
        move = os.path.relpath(self.root or '.', path.parent)
        times = {name: getattr(self, attribute) for name, attribute in
                 (('start', 'start'), ('end', 'end'), ('duration', 'durations'))}  # fmt: skip
        times = {name: column for name, column in times.items() if not np.isnan(column).all()}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'{path.name}.{os.getpid()}.part')
        with part.open('w', encoding='utf-8') as stream:
            stream.write('\t'.join(['utt', 'path', 'speaker', *times, *self.extra]) + '\n')
            texts = [
                ('' if np.isnan(t) else f'{t:.10g}' for t in column.tolist()) for column in times.values()
            ]
            moved = (os.path.normpath(os.path.join(move, name)) for name in self.paths)
            for row in zip(self.utts, moved, self.speakers, *texts, *self.extra.values(), strict=True):
                stream.write('\t'.join(row) + '\n')
        os.replace(part, path)

    def _codes(self, names: Names, numbers: Mapping[str, int], what: str) -> np.ndarray:
        wanted = read_names(names)
        strange = [f"{what} '{name}'" for name in wanted if name not in numbers]
        if strange:
            raise ManifestError(
                list_faults(
                    f'{self.source or self.root}: {len(strange)} of the names asked for are not in the list:',
                    strange,
                )
            )
        return np.array([numbers[name] for name in wanted], np.int64)


def read_names(names: Names) -> list[str]:
    """Names as given, or the lines of a text file when a path is given.

    Raises:
        ManifestError: the file does not exist.
    """
    if names is None:
        return []
    if not isinstance(names, str | os.PathLike):
        return list(names)
    try:
        lines = Path(names).read_text(encoding='utf-8').splitlines()
    except FileNotFoundError as error:
        raise ManifestError(f'{names}: no such list of names (one a line).') from error
    return [line.strip() for line in lines if line.strip()]


def name_fault(name: str) -> str:
    """Why a name cannot stand in a list of tabs and lines; '' where it can."""
    if '\t' in name or name.splitlines() != [name]:
        return f'{name!r}: a name with a tab or line break cannot stand in a list; rename it'
    try:
        name.encode()
    except UnicodeEncodeError:
        return f'{name!r}: a name that is not UTF-8 text cannot stand in a list; rename it'
    return ''


def _line_number(fault: str) -> int:
    found = re.search(r':(\d+): ', fault)
    return int(found.group(1)) if found else 0
