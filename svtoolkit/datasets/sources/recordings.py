"""Recordings of a corpus on disk: find them, open each once, convert where asked.

Converted recordings are 16 kHz mono 16-bit FLAC below ``OUT/audio``. Each appears whole or not at all, and
one that is there and can be opened is not made again, so a conversion that was broken off goes on.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from svtoolkit.audio import io
from svtoolkit.datasets.manifest import SUFFIXES
from svtoolkit.errors import AudioError, MissingExtraError

SAMPLE_RATE = 16000
SPHERE = '.sph'
LOSSLESS = ('.wav', '.flac')


@dataclass(frozen=True, slots=True)  # a million of them in VoxCeleb2
class Recording:
    """One utterance of a corpus.

    Attributes:
        utt: its id, as the corpus' trial lists shall name it.
        path: the file.
        speaker: who speaks.
        details: further columns of the manifest, such as gender.
        start: s, nan = from the beginning.
        end: s, nan = to the end.
        duration: s, nan = not yet measured.
    """

    utt: str
    path: Path
    speaker: str
    details: dict[str, str] = field(default_factory=dict)
    start: float = float('nan')
    end: float = float('nan')
    duration: float = float('nan')


class Task(NamedTuple):
    """Open ``path``; convert it to ``target`` first when that is given and the format is another."""

    path: str
    target: str | None


class Opened(NamedTuple):
    """Where the recording lies now and its length in s; ``fault`` is not empty where that failed."""

    path: str
    duration: float
    fault: str
    conversion_failed: bool = False


def walk(folder: Path) -> Iterator[Path]:
    """All files below a folder, sorted, through links to other disks, each folder once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(files):
            if not name.startswith('.'):  # ._x.wav: what macOS leaves in archives
                yield Path(place, name)


def is_recording(path: Path) -> bool:
    """Whether a file's name ends like that of a recording, SPHERE included."""
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or suffix == SPHERE


def open_recording(task: Task) -> Opened:
    """Read the header of a recording, after converting it where that is asked for."""
    path = Path(task.path)
    try:
        if task.target is None or _is_ready(path):
            return Opened(task.path, io.probe(path).duration, '')
    except (AudioError, MissingExtraError) as error:
        return Opened(task.path, float('nan'), _explain(path, error))
    target = Path(task.target)
    if target.is_file():
        try:
            return Opened(task.target, io.probe(target).duration, '')
        except AudioError:  # cut short when the machine went down: made again
            target.unlink()
    try:
        wave = io.read(path, SAMPLE_RATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        io.write_flac(target, wave, SAMPLE_RATE)
    except (AudioError, MissingExtraError, OSError) as error:
        return Opened(task.path, float('nan'), _explain(path, error), conversion_failed=True)
    return Opened(task.target, len(wave) / SAMPLE_RATE, '')


def _is_ready(path: Path) -> bool:
    """Whether a recording is lossless 16 kHz mono already, so that converting it gains nothing."""
    if path.suffix.lower() not in LOSSLESS:
        return False
    info = io.probe(path)
    return info.sample_rate == SAMPLE_RATE and info.num_channels == 1


def _explain(path: Path, error: Exception) -> str:
    if path.suffix.lower() == SPHERE:
        return (
            f'{path}: a NIST SPHERE file that cannot be read; convert it to FLAC or WAV beside it, '
            'with "sox in.sph out.flac" or sph2pipe.'
        )
    return str(error)
