"""CN-Celeb 1 and 2 (OpenSLR 82): Chinese celebrities in eleven genres, one evaluation list.

Fan et al. 2020, Li et al. 2022. ``CN-Celeb_flac/{data,dev,eval}`` and ``CN-Celeb2_flac/data``. A file
``data/id00000/singing-01-002.flac`` gives the columns genre and session. Ids are paths without the ending:
``id00000/singing-01-002``, ``enroll/id00800-enroll``, ``test/id00800-singing-01-001``; the published lists
name ``.wav`` where the files are FLAC.
"""

from pathlib import Path

from svtoolkit.datasets.sources.openslr import Archive, fetch_archives
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.datasets.sources.trial_lists import read_fields, read_trials

ARCHIVES = (
    Archive(82, ('cn-celeb_v2.tar.gz',), ('7ab1b214028a7439e26608b2d5a0336c',)),
    Archive(
        82,
        ('cn-celeb2_v2.tar.gzaa', 'cn-celeb2_v2.tar.gzab', 'cn-celeb2_v2.tar.gzac'),
        ('4cdf738cff565ce35ad34274848659c3', '4ff59a7009b79ef7043498ad3882b81b',
         '3aa8e6e7f7ec4382f9926b1b31498228'),
    ),
)  # fmt: skip


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``cnceleb_dev.tsv`` (and ``cnceleb2_dev.tsv``), ``cnceleb_eval.tsv`` and ``cnceleb_eval.txt``.

    Development speakers are those of ``dev/dev.lst``, without it all that are not in the evaluation.

    Args:
        source: a folder that holds ``CN-Celeb_flac``, ``CN-Celeb2_flac`` or both, or one of them.
        out: folder of the manifests.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.

    Raises:
        ManifestError: no recordings, an utterance twice, or a damaged list.
    """
    run = Preparation('cnceleb', source, out, convert, jobs)
    files = list(walk(source))
    recordings = run.open(filter(None, map(_recording, filter(is_recording, files))))
    evaluation = [recording for recording in recordings if recording.details['set'] == 'eval']
    tested = {recording.speaker for recording in evaluation}
    lists = [path for path in files if path.parts[-2:] == ('dev', 'dev.lst')]
    named = {row[0] for path in lists for row in read_fields(path)}
    for prefix, second in (('cnceleb', False), ('cnceleb2', True)):
        dev = [
            recording for recording in recordings
            if recording.details['set'] == 'dev' and _is_second(recording.speaker) == second
            and recording.speaker not in tested and (second or not named or recording.speaker in named)
        ]  # fmt: skip
        if dev:
            run.write(f'{prefix}_dev.tsv', dev)
    if evaluation:
        run.write('cnceleb_eval.tsv', evaluation)
        keys = [path for path in files if path.parts[-3:] == ('eval', 'lists', 'trials.lst')]
        for path in keys:
            trials = read_trials(path, lambda name: f'enroll/{name}', lambda name: name.rsplit('.', 1)[0])
            run.write_trials('cnceleb_eval.txt', trials, (recording.utt for recording in evaluation))
        if not keys:
            run.report.notes.append('no eval/lists/trials.lst: no trial list is written')
    return run.report


def download(folder: Path, say: Say) -> None:
    """Fetch both parts from OpenSLR 82 into ``folder``; errors as ``fetch_archives``."""
    fetch_archives(ARCHIVES, folder, say)


def _recording(path: Path) -> Recording | None:
    folder = path.parts[-2]
    if 'data' in path.parts[-3:-2]:
        words = path.stem.split('-')
        details = {'set': 'dev', 'genre': words[0], 'session': '-'.join(words[:2])}
        return Recording(f'{folder}/{path.stem}', path, folder, details)
    if folder in ('enroll', 'test') and path.parts[-3:-2] == ('eval',):
        words = path.stem.split('-')
        genre = words[1] if folder == 'test' and len(words) > 1 else ''
        details = {'set': 'eval', 'genre': genre, 'session': '-'.join(words[1:3]) if genre else ''}
        return Recording(f'{folder}/{path.stem}', path, words[0], details)
    return None


def _is_second(speaker: str) -> bool:
    """Speakers of CN-Celeb2 count from id10000, those of CN-Celeb1 from id00000 to id00999."""
    return speaker.startswith('id1')
