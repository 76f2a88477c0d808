"""speechocean762 (OpenSLR 101): English read by Mandarin speakers, with a split by voice and trial lists.

Zhang et al. 2021, CC BY 4.0. The corpus' own two halves share voices, so it is split anew: see
``so762_split.py``. Published layout: ``WAVE/SPEAKER0001/000010011.WAV`` and, in ``train`` and ``test``,
``wav.scp``, ``utt2spk``, ``spk2gender`` and ``spk2age``.
"""

import os
import shutil
from pathlib import Path

from svtoolkit.datasets.sources.openslr import Archive, fetch_archives
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, walk
from svtoolkit.datasets.sources.report import Report, Say
from svtoolkit.datasets.sources.so762_split import DEV, dev_trials, hard_trials, part_of, random_trials
from svtoolkit.datasets.sources.trial_lists import read_fields
from svtoolkit.datasets.sources.unpack import move_into
from svtoolkit.errors import ManifestError, list_faults

ARCHIVES = (Archive(101, ('speechocean762.tar.gz',), ('',)),)  # OpenSLR tells no checksum


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``train.tsv``, ``test.tsv``, ``dev_speakers.txt`` and ``trials_{dev,random,hard}.txt``.

    Args:
        source: the folder ``speechocean762``, or one above it.
        out: folder of the lists.
        convert: make 16 kHz FLAC of other formats; the corpus is 16 kHz WAV.
        jobs: processes.

    Raises:
        ManifestError: the published lists are missing or damaged, or no recording of them is there.
    """
    homes = [path.parents[1] for path in walk(source) if path.parts[-2:] == ('train', 'wav.scp')]
    if not homes:
        raise ManifestError(
            f'{source}: no train/wav.scp; give the folder that speechocean762 was unpacked to.'
        )
    run = Preparation('so762', homes[0], out, convert, jobs)
    listed = _read_lists(homes[0])
    missing = [f'{recording.path}: no such file' for recording in listed if not recording.path.is_file()]
    run.report.faults += missing
    recordings = run.open(recording for recording in listed if recording.path.is_file())
    parts = {name: [r for r in recordings if part_of(r.speaker) == name] for name in ('train', 'test')}
    train, test = (run.write(f'{name}.tsv', rows) for name, rows in parts.items())
    there = [name for name in DEV if name in set(train.speakers)]
    if len(there) < 2:
        raise ManifestError(
            f'{source}: fewer than two of the development voices ({", ".join(DEV)}) are there.'
        )
    names = out / 'dev_speakers.txt'
    part = names.with_name(f'{names.name}.{os.getpid()}.part')
    part.write_text('\n'.join(there) + '\n', encoding='utf-8')
    os.replace(part, names)
    run.report.manifests.append(names)
    run.write_trials('trials_dev.txt', dev_trials(train.select(include_speakers=there)), train.utts)
    run.write_trials('trials_random.txt', random_trials(test), test.utts)
    run.write_trials('trials_hard.txt', hard_trials(test), test.utts)
    return run.report


def download(folder: Path, say: Say) -> None:
    """Fetch the corpus from OpenSLR 101 and prepare it in ``folder``; ``train.tsv`` appears last.

    What has come by the time a transfer breaks off lies in ``FOLDER.part`` and is used the next time.

    Raises:
        ManifestError: the host cannot be reached (within seconds), the archive is damaged or incomplete.
        OSError: the disk is full or read-only.
    """
    building = folder.with_name(f'{folder.name}.part')
    started = not building.exists()
    try:
        fetch_archives(ARCHIVES, building, say)
    except ManifestError:
        store = building / '.download'
        if started and not any(path.suffix == '.part' for path in store.glob('*')):
            shutil.rmtree(building, ignore_errors=True)  # not a byte came
        raise
    report = prepare(building, building)
    if report.faults or not report.usable:
        raise ManifestError(list_faults(f'{building}: the corpus is not whole:', report.faults))
    folder.mkdir(parents=True, exist_ok=True)
    last = building / 'train.tsv'
    waiting = building.with_name(f'{folder.name}.train.tsv')
    os.replace(last, waiting)
    shutil.rmtree(building / '.download', ignore_errors=True)
    move_into(building, folder)
    os.replace(waiting, folder / 'train.tsv')
    shutil.rmtree(building)


def _read_lists(home: Path) -> list[Recording]:
    """All utterances of the voices that are used, sorted by id."""
    rows = []
    for half in ('train', 'test'):
        folder = home / half
        facts = [dict(row[:2] for row in read_fields(folder / name, least=2))
                 for name in ('utt2spk', 'spk2gender', 'spk2age')]  # fmt: skip
        speakers, genders, ages = facts
        for utt, path, *_ in read_fields(folder / 'wav.scp', least=2):
            speaker = speakers.get(utt, '')
            if not speaker or speaker not in genders or speaker not in ages:
                raise ManifestError(f"{folder}: utt2spk, spk2gender and spk2age do not cover '{utt}'.")
            if part_of(speaker) != 'dropped':
                details = {'gender': genders[speaker].lower(), 'age': ages[speaker]}
                rows.append(Recording(utt, home / path, speaker, details))
    return sorted(rows, key=lambda recording: recording.utt)
