"""VOiCES, as given out for the challenge of 2019: far-field speech in furnished rooms.

Richey et al. 2018, Nandwana et al. 2019. All recordings count once, under the stem of their name; a trial
list ``*trial-keys.lst`` has lines ``enrolment recording imp|tgt``, and ``*enroll.lst`` says which recording
an enrolment is. From names such as
``Lab41-SRI-VOiCES-rm1-babb-sp0032-ch021625-sg0005-mc01-stu-clo-dg090`` come speaker, room, distractor and
microphone; the evaluation set has other names, and the speakers of its recordings are not told.
"""

import re
from pathlib import Path

from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report
from svtoolkit.datasets.sources.trial_lists import read_fields, read_trials

HOME = (
    'VOiCES is given out at https://iqtlabs.github.io/voices/downloads/ (CC BY 4.0, from an S3 bucket by the '
    'AWS client): fetch it, unpack it, and give its folder without --download'
)
SPEAKER = re.compile(r'(?:^|-)(sp\d{4})(?:-|$)')


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``voices.tsv`` and, for each list of keys, ``voices_<its name>.txt``.

    A recording without a speaker in its name or folder is its own speaker in the manifest, as Kaldi does.

    Args:
        source: folder of recordings and lists, at any depth.
        out: folder of the manifests.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.

    Raises:
        ManifestError: no recordings, a stem twice, or a damaged list.
    """
    run = Preparation('voices', source, out, convert, jobs)
    files = list(walk(source))
    keys = [path for path in files if path.name.endswith('trial-keys.lst')]
    enrolments = {
        row[0]: Path(row[1]).stem
        for path in files
        if path.name.endswith('enroll.lst')
        for row in read_fields(path, least=2)
    }
    lists = {
        path: read_trials(
            path, lambda name: enrolments.get(name, Path(name).stem), lambda name: Path(name).stem
        )
        for path in keys
    }
    tried = {name for trials in lists.values() for name in trials.ids}
    spoken = [path for path in files if is_recording(path)
              and (path.stem in tried or _speaker(path) or 'sid_eval' in path.parts)]  # fmt: skip
    recordings = run.open(map(_recording, spoken))
    run.write('voices.tsv', recordings)
    nameless = sum(recording.speaker == recording.utt for recording in recordings)
    if nameless:
        run.report.notes.append(f'{nameless} recordings name no speaker; each counts as its own')
    for path, trials in lists.items():
        name = path.name.removesuffix('trial-keys.lst').strip('-._') or 'trials'
        run.write_trials(f'voices_{name}.txt', trials, (recording.utt for recording in recordings))
    if not keys:
        run.report.notes.append('no list *trial-keys.lst: no trial list is written')
    return run.report


def _speaker(path: Path) -> str:
    found = SPEAKER.search(path.stem) or SPEAKER.fullmatch(path.parts[-2])
    return found.group(1) if found else ''


def _recording(path: Path) -> Recording:
    words = path.stem.split('-')
    # Lab41 SRI VOiCES rm1 babb sp0032 ch021625 sg0005 mc01 …; the source itself is … VOiCES src sp0032 …
    placed = len(words) > 8 and words[3].startswith('rm')
    details = {
        'room': words[3] if placed else '',
        'distractor': words[4] if placed else '',
        'mic': words[8] if placed else '',
    }
    return Recording(path.stem, path, _speaker(path) or path.stem, details)
