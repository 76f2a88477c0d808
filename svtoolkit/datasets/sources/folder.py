"""Any folder ``speaker/…/file``: the shortest way from own recordings to a manifest."""

from pathlib import Path

from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report
from svtoolkit.errors import ManifestError, list_faults

HOME = 'a folder of your own has no public home; leave --download out'


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``manifest.tsv``; an utterance is called by its path below ``source``.

    Args:
        source: one folder for each speaker, at any depth below it the recordings.
        out: folder of the manifest.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.

    Raises:
        ManifestError: no recordings, or one lies in no speaker's folder.
    """
    run = Preparation('folder', source, out, convert, jobs)
    audio = out / 'audio' / 'folder'  # what an earlier conversion wrote, where OUT lies in SOURCE
    found = [path for path in walk(source) if is_recording(path) and audio not in path.parents]
    names = [path.relative_to(source).as_posix() for path in found]
    loose = [f"'{name}' lies in no speaker's folder" for name in names if '/' not in name]
    if loose:
        raise ManifestError(list_faults(f'{source}: wanted a tree speaker/…/file:', loose))
    recordings = [
        Recording(name, path, name.split('/', 1)[0]) for name, path in zip(names, found, strict=True)
    ]
    run.write('manifest.tsv', run.open(recordings))
    return run.report
