"""LibriSpeech (OpenSLR 12): read English, ``subset/speaker/chapter/speaker-chapter-number.flac``.

Panayotov et al. 2015, CC BY 4.0. The chapter is the column ``session``; gender comes from ``SPEAKERS.TXT``.
"""

from pathlib import Path

from svtoolkit.datasets.sources.openslr import Archive, fetch_archives
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.datasets.trial_making import make_trials
from svtoolkit.errors import unknown_name

# https://www.openslr.org/resources/12/md5sum.txt
MD5 = {
    'dev-clean': '42e2234ba48799c1f50f24a7926300a1',
    'dev-other': 'c8d0bcc9cca99d4f8b62fcc847357931',
    'test-clean': '32fa31d27d2e1cad72775fee3f4849a9',
    'test-other': 'fb5a50374b501bb3bac4815ee91d3135',
    'train-clean-100': '2a93770f6d5c6c964bc36631d331a522',
    'train-clean-360': 'c0e676e450a7ff2f54aeade5171606fa',
    'train-other-500': 'd1a0fd59409feb2c614ce4d30c387708',
}


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``librispeech_<subset>.tsv`` for each subset, and a trial list for each of dev and test.

    There is no official trial list: ``librispeech_test-clean.txt`` has all pairs of one speaker and 16
    impostors for each utterance.

    Args:
        source: the folder ``LibriSpeech``, or one above it.
        out: folder of the manifests.
        convert: make 16 kHz FLAC of other formats; the corpus is that already.
        jobs: processes.

    Raises:
        ManifestError: no recordings, or an utterance twice.
    """
    run = Preparation('librispeech', source, out, convert, jobs)
    files = list(walk(source))
    tables = [path for path in files if path.name == 'SPEAKERS.TXT']
    genders = _genders(tables[0]) if tables else {}
    if not tables:
        run.report.notes.append('no SPEAKERS.TXT: the column gender stays empty')
    recordings = run.open(
        Recording(
            path.stem,
            path,
            path.parts[-3],
            {'gender': genders.get(path.parts[-3], ''), 'session': path.parts[-2], 'set': path.parts[-4]},
        )
        for path in files
        if is_recording(path) and len(path.parts) > 3 and path.stem.startswith(f'{path.parts[-3]}-')
    )
    for subset in sorted({recording.details['set'] for recording in recordings}):
        name = f'librispeech_{subset}'
        rows = [recording for recording in recordings if recording.details['set'] == subset]
        manifest = run.write(f'{name}.tsv', rows)
        if subset.startswith(('dev', 'test')) and len({row.speaker for row in rows}) > 1:
            run.write_trials(f'{name}.txt', make_trials(manifest), manifest.utts)
    return run.report


def download(folder: Path, say: Say, subsets: tuple[str, ...] = tuple(MD5)) -> None:
    """Fetch subsets from OpenSLR 12 into ``folder``; all of them are 60 GB.

    Raises:
        UnknownNameError: no subset of that name.
        ManifestError: as ``fetch_archives``.
    """
    for subset in subsets:
        if subset not in MD5:
            raise unknown_name('subset of LibriSpeech', subset, MD5)
    fetch_archives([Archive(12, (f'{name}.tar.gz',), (MD5[name],)) for name in subsets], folder, say)


def _genders(path: Path) -> dict[str, str]:
    """Lines ``14   | F | train-clean-360  | 25.03 | Kristin LeMoine``; a semicolon begins a comment."""
    rows = [line.split('|') for line in path.read_text(encoding='utf-8').splitlines() if line[:1] != ';']
    return {row[0].strip(): row[1].strip().lower() for row in rows if len(row) > 2}
