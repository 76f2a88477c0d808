"""VoxCeleb 1 and 2: trees ``id10270/5r0dWxy17C8/00001.{wav,m4a,flac}``, official trial lists and speakers.

Nagrani et al. 2017, Chung et al. 2018. An utterance is called ``id10270/5r0dWxy17C8/00001.wav`` as in the
official trial lists, whatever its file ends with. The video is the column ``session``.
"""

import re
from pathlib import Path

from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report
from svtoolkit.datasets.sources.trial_lists import read_trials
from svtoolkit.errors import ManifestError

HOME = (
    'VoxCeleb is handed out on request: fill in the form at https://mm.kaist.ac.kr/datasets/voxceleb/ (trial '
    'lists and speaker tables are free at https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/), unpack it, '
    'and give its folder without --download'
)
SPEAKER = re.compile(r'id\d{5}')
# Official list -> ours: VoxCeleb1-O, -E (entire), -H (hard), each as first published and cleaned.
TRIALS = {
    'veri_test.txt': 'vox1_O.txt', 'veri_test2.txt': 'vox1_O_cleaned.txt',
    'list_test_all.txt': 'vox1_E.txt', 'list_test_all2.txt': 'vox1_E_cleaned.txt',
    'list_test_hard.txt': 'vox1_H.txt', 'list_test_hard2.txt': 'vox1_H_cleaned.txt',
}  # fmt: skip
# VoxCeleb1: the 40 speakers whose names begin with E are the test set (Nagrani et al. 2017, section 5).
VOX1_TEST = frozenset(f'id{number}' for number in range(10270, 10310))


def prepare_voxceleb1(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """VoxCeleb1: ``vox1.tsv``, ``vox1_dev.tsv``, ``vox1_test.tsv`` and the official trial lists found.

    Args:
        source: folder above the speakers' folders, at any depth; trial lists and ``vox1_meta.csv`` in it.
        out: folder of the manifests.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.

    Raises:
        ManifestError: no recordings, an utterance twice, or a damaged list.
    """
    run = Preparation('voxceleb1', source, out, convert, jobs)
    files = list(walk(source))
    recordings = run.open(_recordings(run, files, 1))
    run.write('vox1.tsv', recordings)
    _write_sets(run, 'vox1', recordings)
    lists = [path for path in files if path.name.removesuffix('.txt') + '.txt' in TRIALS]
    for path in lists:
        trials = read_trials(path, _utterance, _utterance, label_first=True)
        name = TRIALS[path.name.removesuffix('.txt') + '.txt']
        run.write_trials(name, trials, (recording.utt for recording in recordings))
    if not lists:
        run.report.notes.append(
            f'no official trial list ({", ".join(TRIALS)}) lies in {source}; they are free at '
            'https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/'
        )
    return run.report


def prepare_voxceleb2(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """VoxCeleb2: ``vox2_dev.tsv`` and, where they are there, the test speakers as ``vox2_test.tsv``.

    Args and errors: as ``prepare_voxceleb1``, with ``vox2_meta.csv``.
    """
    run = Preparation('voxceleb2', source, out, convert, jobs)
    _write_sets(run, 'vox2', run.open(_recordings(run, list(walk(source)), 2)))
    return run.report


def _recordings(run: Preparation, files: list[Path], corpus: int) -> list[Recording]:
    tables = [path for path in files if path.name == f'vox{corpus}_meta.csv']
    facts = _read_meta(tables[0]) if tables else {}
    if not tables:
        run.report.notes.append(f'no vox{corpus}_meta.csv: the column gender stays empty')
    unknown: set[str] = set()
    rows = []
    for path in files:
        speaker = path.parts[-3] if len(path.parts) > 2 else ''
        if not is_recording(path) or not SPEAKER.fullmatch(speaker):
            continue
        gender, part = facts.get(speaker, ('', ''))
        part = part or _set_of(run.below(path), speaker, corpus)
        if not part:
            unknown.add(speaker)
        details = {'gender': gender, 'session': path.parts[-2], 'set': part or 'dev'}
        rows.append(Recording(_utterance(path.as_posix()), path, speaker, details))
    if unknown:
        run.report.faults.append(
            f'{len(unknown)} speakers lie neither in a folder dev nor test and no vox{corpus}_meta.csv names '
            'them; counted as dev: put the table beside the recordings and prepare again'
        )
    return rows


def _set_of(path: Path, speaker: str, corpus: int) -> str:
    for folder in reversed(path.parts[:-3]):
        words = folder.lower().split('_')  # vox1_dev_wav
        if 'dev' in words or 'test' in words:
            return 'dev' if 'dev' in words else 'test'
    if corpus == 1:
        return 'test' if speaker in VOX1_TEST else 'dev'
    return ''


def _write_sets(run: Preparation, prefix: str, recordings: list[Recording]) -> None:
    for part in ('dev', 'test'):
        chosen = [recording for recording in recordings if recording.details['set'] == part]
        if chosen:
            run.write(f'{prefix}_{part}.tsv', chosen)


def _utterance(path: str) -> str:
    """``anything/id10270/5r0dWxy17C8/00001.m4a`` -> ``id10270/5r0dWxy17C8/00001.wav``."""
    return '/'.join(path.split('/')[-3:]).rsplit('.', 1)[0] + '.wav'


def _read_meta(path: Path) -> dict[str, tuple[str, str]]:
    """Speaker -> gender and set; vox1 has tabs, vox2 commas, and blanks around the fields."""
    lines = path.read_text(encoding='utf-8-sig', errors='replace').splitlines()
    tables = [[field.strip() for field in re.split(r'[\t,]', line)] for line in lines if line.strip()]
    header = [name.lower() for name in tables[0]] if tables else []
    if 'gender' not in header or 'set' not in header:
        raise ManifestError(f'{path}:1: no columns Gender and Set in {header}; take the official table.')
    gender, part = header.index('gender'), header.index('set')
    rows = {}
    for row in tables[1:]:
        # The first column that looks like a speaker: vox2 names VoxCeleb2 and VGGFace2 ids.
        speaker = next((field for field in row if SPEAKER.fullmatch(field)), '')
        if speaker and len(row) == len(header):
            rows[speaker] = (row[gender].lower(), row[part].lower())
    return rows
