"""Speakers in the Wild, and corpora laid out like it: enrolment lists, keys and audio of dev and eval.

McLaren et al. 2016. ``{dev,eval}/lists/enroll-core.lst`` has ``model audio/file.flac``;
``enroll-assist.lst`` adds start and end in s; ``{dev,eval}/keys/core-core.lst`` has
``model audio/file.flac imp|tgt``. Ids: ``dev/file`` for a whole file, ``dev/assist/model`` for a segment.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import SPHERE, Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report
from svtoolkit.datasets.sources.trial_lists import read_fields, read_trials
from svtoolkit.errors import ManifestError

HOME = (
    'Speakers in the Wild is handed out on request by SRI (sitw_poc@speech.sri.com): ask for it, unpack it, '
    'and give its folder without --download'
)
PARTS = ('dev', 'eval')


@dataclass
class _Part:
    """What the lists of dev or eval say.

    Attributes:
        name: ``dev`` or ``eval``.
        folder: where its lists, keys and audio lie.
        models: of each kind of enrolment (``core``, ``assist``): model -> ids of its utterances.
        recordings: id -> recording.
    """

    name: str
    folder: Path
    models: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)


def prepare(source: Path, out: Path, convert: bool = False, jobs: int = 1) -> Report:
    """Write ``sitw_dev.tsv`` and ``sitw_dev_core-core.txt`` and so on for every list of keys, dev and eval.

    The lists do not say who speaks in a test file, so a file that enrols nobody is its own speaker. A model
    that is enrolled with several segments is no pair of utterances: lists that use one are passed over.

    Args:
        source: folder that holds ``dev`` and ``eval``, or one of them.
        out: folder of the manifests.
        convert: make 16 kHz FLAC of other formats.
        jobs: processes.

    Raises:
        ManifestError: no lists, no recordings, or a damaged list.
    """
    run = Preparation('sitw', source, out, convert, jobs)
    folders = [path.parent for path in walk(source) if path.parts[-2:] == ('lists', 'enroll-core.lst')]
    parts = [_read_part(path.parent, run) for path in folders if path.parent.name in PARTS]
    if not parts:
        raise ManifestError(f'{source}: no dev/lists/enroll-core.lst and no eval/lists/enroll-core.lst.')
    opened = run.open(recording for part in parts for recording in part.recordings.values())
    for part in parts:
        known = [recording for recording in opened if recording.utt.split('/')[0] == part.name]
        run.write(f'sitw_{part.name}.tsv', known)
        for keys in sorted((part.folder / 'keys').glob('*-*.lst')):
            _write_keys(run, part, keys, {recording.utt for recording in known})
    return run.report


def _read_part(folder: Path, run: Preparation) -> _Part:
    part = _Part(folder.name, folder)
    owners: dict[str, set[str]] = defaultdict(set)
    for path in sorted((folder / 'lists').glob('enroll-*.lst')):
        kind = path.stem.removeprefix('enroll-')
        models: dict[str, list[str]] = defaultdict(list)
        part.models[kind] = models
        for row in read_fields(path, least=2):
            models[row[0]].append(_whole(part, row[1]) if len(row) < 4 else f'{part.name}/{kind}/{row[0]}')
            if len(row) < 4:
                owners[models[row[0]][-1]].add(row[0])
    for utt, file in _files(part, run):
        speaker = min(owners[utt]) if len(owners[utt]) == 1 else utt
        part.recordings[utt] = Recording(utt, file, speaker)
    for kind, models in part.models.items():
        for row in read_fields(folder / 'lists' / f'enroll-{kind}.lst', least=2):
            whole = part.recordings.get(_whole(part, row[1]))
            if len(row) >= 4 and len(models[row[0]]) == 1 and whole is not None:
                utt = models[row[0]][0]
                start, end = _seconds(row, folder / 'lists' / f'enroll-{kind}.lst')
                part.recordings[utt] = Recording(utt, whole.path, row[0], start=start, end=end)
    return part


def _files(part: _Part, run: Preparation) -> Iterator[tuple[str, Path]]:
    """Id and file of every recording of a part; a readable one wins over the SPHERE file beside it."""
    found: dict[str, Path] = {}
    for path in walk(part.folder):
        utt = _whole(part, path.as_posix())
        if is_recording(path) and (utt not in found or found[utt].suffix.lower() == SPHERE):
            found[utt] = path
    yield from found.items()


def _whole(part: _Part, name: str) -> str:
    return f'{part.name}/{Path(name).stem}'


def _seconds(row: list[str], path: Path) -> tuple[float, float]:
    try:
        return float(row[2]), float(row[3])
    except ValueError as error:
        raise ManifestError(f'{path}: {" ".join(row)!r}: start and end are not seconds.') from error


def _write_keys(run: Preparation, part: _Part, keys: Path, known: set[str]) -> None:
    name = f'sitw_{part.name}_{keys.stem}.txt'
    models = part.models.get(keys.stem.split('-')[0])
    if models is None:
        run.report.notes.append(f'{keys}: no list lists/enroll-{keys.stem.split("-")[0]}.lst; passed over')
        return
    trials = read_trials(keys, lambda model: model, lambda path: _whole(part, path))
    used = {trials.ids[code] for code in set(trials.enrol.tolist())}
    unknown = sorted(used - set(models))
    several = sorted(model for model in used & set(models) if len(models[model]) > 1)
    if unknown:
        raise ManifestError(f"{keys}: {len(unknown)} models are in no enrolment list, first '{unknown[0]}'.")
    if several:
        run.report.notes.append(
            f'{keys.name} of {part.name}: {len(several)} models have several segments; passed over'
        )
        return
    trials = read_trials(keys, lambda model: models[model][0], lambda path: _whole(part, path))
    run.write_trials(name, trials, known)
