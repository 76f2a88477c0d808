"""From recordings to manifests and trial lists: what all corpora share."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from svtoolkit.datasets.columns import CategoryColumn, StringColumn
from svtoolkit.datasets.manifest import Manifest, name_fault
from svtoolkit.datasets.sources.parallel import run_parallel
from svtoolkit.datasets.sources.recordings import Opened, Recording, Task, open_recording
from svtoolkit.datasets.sources.report import Report
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError, list_faults


class Preparation:
    """One run of ``prepare`` on one corpus; collects the report.

    Args:
        corpus: its name, also the folder of converted audio below ``OUT/audio``.
        source: the corpus as published.
        out: folder of the manifests; made if it is not there.
        convert: whether recordings of other formats become 16 kHz FLAC.
        jobs: processes that open and convert.

    Raises:
        ManifestError: ``source`` is no folder.
    """

    def __init__(self, corpus: str, source: Path, out: Path, convert: bool = False, jobs: int = 1) -> None:
        if not source.is_dir():
            raise ManifestError(f'{source}: no such folder; give the one that the corpus was unpacked to.')
        self.corpus = corpus
        self.source = source
        self.out = out
        self.convert = convert
        self.jobs = jobs
        self.report = Report()
        out.mkdir(parents=True, exist_ok=True)

    def below(self, path: Path) -> Path:
        """A path from the name of the source on: what lies above is the user's, and tells nothing."""
        return Path(self.source.resolve().name) / path.relative_to(self.source)

    def open(self, recordings: Iterable[Recording]) -> list[Recording]:
        """Open every recording, convert where asked; those that fail are faults and left out.

        Files that an earlier run left half written are removed: one run at a time on a folder.

        Raises:
            ManifestError: there are none, two have one id, or none can be opened.
        """
        recordings = list(recordings)
        if not recordings:
            raise ManifestError(
                f'{self.source}: holds no recordings of {self.corpus} in its published layout.'
            )
        self._check_ids(recordings)
        audio = self.out / 'audio' / self.corpus
        for left in audio.rglob('*.part') if self.convert and audio.is_dir() else ():
            left.unlink()
        paths = list(dict.fromkeys(recording.path for recording in recordings))  # segments share files
        faults = {path: name_fault(str(path)) for path in paths}
        self.report.faults += filter(None, faults.values())
        paths = [path for path in paths if not faults[path]]
        tasks = [Task(str(path), target) for path, target in zip(paths, self._targets(paths), strict=True)]
        opened = dict(zip(paths, run_parallel(open_recording, tasks, self.jobs), strict=True))
        self.report.faults += [result.fault for result in opened.values() if result.fault]
        if any(result.conversion_failed for result in opened.values()):
            self.report.usable = False
        good = [
            _opened(recording, opened[recording.path])
            for recording in recordings
            if not faults[recording.path] and not opened[recording.path].fault
        ]
        if not good:
            raise ManifestError(
                list_faults(f'{self.source}: none of the recordings can be opened:', self.report.faults)
            )
        self.report.speakers += len({recording.speaker for recording in good})
        self.report.utterances += len(good)
        self.report.hours += sum(recording.duration for recording in good) / 3600
        return good

    def write(self, name: str, recordings: Sequence[Recording]) -> Manifest:
        """Write a manifest; paths below its folder are relative to it, others absolute.

        Raises:
            ManifestError: the recordings have no rows, or different further columns.
        """
        if not recordings:
            raise ManifestError(f'{self.source}: holds no recordings for {name}.')
        columns = list(recordings[0].details)
        out = os.path.abspath(self.out)
        manifest = Manifest(
            utts=StringColumn.of(recording.utt for recording in recordings),
            paths=StringColumn.of(_written(recording.path, out) for recording in recordings),
            speakers=CategoryColumn.of(recording.speaker for recording in recordings),
            start=np.array([recording.start for recording in recordings]),
            end=np.array([recording.end for recording in recordings]),
            durations=np.array([round(recording.duration, 4) for recording in recordings]),
            extra={
                column: StringColumn.of(recording.details[column] for recording in recordings)
                for column in columns
            },
            root=out,
            source=str(self.out / name),
        )
        manifest.write(self.out / name)
        self.report.manifests.append(self.out / name)
        return manifest

    def write_trials(self, name: str, trials: TrialList, known: Iterable[str]) -> None:
        """Write a trial list, unless it names utterances that are not in the manifest.

        A list with trials left out is another protocol, so it is a fault, and nothing is written.

        Args:
            name: of the file.
            trials: ids are those of the manifest.
            known: all utterances that there are.
        """
        missing = sorted(set(trials.ids) - set(known))
        if missing:
            self.report.usable = False
            self.report.faults.append(
                f'{name} is not written: {len(missing)} of its {len(trials.ids)} utterances are not in '
                f"{self.source}, first '{missing[0]}'; add the recordings, or remove the list."
            )
            (self.out / name).unlink(missing_ok=True)
            return
        trials.write(self.out / name)
        self.report.manifests.append(self.out / name)

    def _targets(self, paths: Sequence[Path]) -> list[str | None]:
        if not self.convert:
            return [None] * len(paths)
        audio = self.out / 'audio' / self.corpus
        below = [path.relative_to(self.source) for path in paths]
        times = Counter(path.with_suffix('.flac') for path in below)
        # a.mp3 beside a.wav: both would become a.flac
        return [
            str(audio / (path.with_suffix('.flac') if times[path.with_suffix('.flac')] == 1
                         else path.with_name(f'{path.name}.flac')))
            for path in below
        ]  # fmt: skip

    def _check_ids(self, recordings: Sequence[Recording]) -> None:
        first: dict[str, Path] = {}
        twice = []
        for recording in recordings:
            if recording.utt in first:
                twice.append(f"'{recording.utt}': {first[recording.utt]} and {recording.path}")
            first.setdefault(recording.utt, recording.path)
        if twice:
            raise ManifestError(
                list_faults(
                    f'{self.source}: {len(twice)} utterances are there twice, as when two versions or formats '
                    'of the corpus lie in one folder; keep one:',
                    twice,
                )
            )


def _opened(recording: Recording, opened: Opened) -> Recording:
    begin = 0.0 if np.isnan(recording.start) else recording.start
    end = opened.duration if np.isnan(recording.end) else min(recording.end, opened.duration)
    return replace(recording, path=Path(opened.path), duration=end - begin)


def _written(path: Path, out: str) -> str:
    absolute = os.path.abspath(path)
    below = os.path.relpath(absolute, out)
    return absolute if below.startswith('..') else below
