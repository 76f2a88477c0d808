"""Trial lists and enrolment maps of the public protocols, all read into one form.

| protocol | trials | enrolment |
| --- | --- | --- |
| VoxCeleb1-O, -E, -H (original, cleaned), VoxSRC | ``label path path``, or ``path path`` (blind) | one file |
| CN-Celeb | ``model path label`` (``trials.lst``) | ``enroll.lst``, or ``enroll.map`` with several files |
| SITW core, VOiCES | ``model path tgt|imp`` | ``model path`` |
| SRE | TSV with a header (``modelid segmentid side targettype``), or Kaldi's ``model utt target`` | TSV, or ``model utt utt …`` |
| so762 | ``label utt utt`` | one file |

A model is a name that stands for one or more utterances; SRE's three-session models become three.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError, list_faults, unknown_name

LABELS = {
    **dict.fromkeys(('1', 'target', 'tgt', 'true'), True),
    **dict.fromkeys(('0', 'nontarget', 'imp', 'imposter', 'impostor', 'false'), False),
}
HEADINGS = {
    'enrol': ('enrol', 'enroll', 'modelid', 'audio_1', 'audio1', 'enrolid'),
    'test': ('test', 'segmentid', 'segment', 'audio_2', 'audio2', 'testid'),
    'label': ('label', 'targettype', 'key', 'target'),
}
# trials of (original, cleaned) lists, as the corpus' home page publishes them
VOXCELEB_SIZES = {'vox1-o': (37720, 37611), 'vox1-e': (581480, 579818), 'vox1-h': (552536, 550894)}
PROTOCOLS = (*VOXCELEB_SIZES, 'voxsrc', 'cnceleb', 'voices', 'sitw', 'sre', 'so762', 'plain')
NEEDS_ENROLMENT = ('cnceleb', 'sitw', 'sre')
VOXCELEB_SPEAKER = re.compile(r'(id\d{5})/')


@dataclass
class Protocol:
    """A trial list and what its names stand for.

    Attributes:
        name: of the protocol, with ``(original)`` or ``(cleaned)`` for VoxCeleb1.
        trials: the list; its ids are utterances or models.
        models: model -> its enrolment utterances; empty where every name is an utterance.
    """

    name: str
    trials: TrialList
    models: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def utterances(self) -> list[str]:
        """Every recording needed, each once, in order of first use."""
        needed = (self.models.get(name, (name,)) for name in self.trials.ids)
        return list(dict.fromkeys(utt for utts in needed for utt in utts))


def read_protocol(
    path: str | os.PathLike, enrol: str | os.PathLike | None = None, name: str = 'plain'
) -> Protocol:
    """Read a trial list of a protocol.

    Args:
        path: the list.
        enrol: enrolment map, for lists that name models.
        name: one of PROTOCOLS; ``plain`` takes any of the forms above and checks no size.

    Raises:
        UnknownNameError: another protocol.
        ManifestError: a bad line, a missing enrolment map, a model the map lacks, or a VoxCeleb1 list
            that is neither the original nor the cleaned one.
    """
    if name not in PROTOCOLS:
        raise unknown_name('protocol', name, PROTOCOLS)
    if enrol is None and name in NEEDS_ENROLMENT:
        raise ManifestError(f'{path}: the lists of {name} name models; give their enrolment map too.')
    trials = read_trials(path)
    if name in VOXCELEB_SIZES:
        name = f'{name} ({_edition(path, name, len(trials))})'
    if enrol is None:
        return Protocol(name, trials)
    models = read_enrolments(enrol)
    used = {trials.ids[number] for number in np.unique(trials.enrol).tolist()}
    missing = sorted(used - set(models))
    if missing:
        raise ManifestError(
            list_faults(f'{path}: {len(missing)} of {len(used)} models are not in {enrol}:', missing, 10)
        )
    return Protocol(name, trials, {model: models[model] for model in trials.ids if model in used})


def read_trials(path: str | os.PathLike) -> TrialList:
    """Read pairs in any of the forms above; label first, last, or not at all.

    Raises:
        ManifestError: missing or empty, or lines that differ from the first one; all of them are named.
    """
    path = Path(path)
    lines = _lines(path)
    head = _cells(path, lines[0][1])
    columns = {
        key: i for i, cell in enumerate(head) for key, names in HEADINGS.items() if cell.lower() in names
    }
    if {'enrol', 'test'} <= set(columns):
        lines = lines[1:]
    elif path.suffix == '.csv' and head[0] not in LABELS and lines[1:]:
        columns, lines = dict(enrol=0, test=1), lines[1:]  # the loop's test lists: first two columns
    else:
        columns = _columns(path, head)
    last = max(columns.values())
    names: dict[str, int] = {}
    enrol, test, labels, faults = [], [], [], []
    for number, line in lines:
        row = _cells(path, line)
        label = row[columns['label']].lower() if 'label' in columns and len(row) > last else None
        if len(row) <= last or ('label' in columns and label not in LABELS):
            faults.append(f'{path}:{number}: {line!r}')
            continue
        enrol.append(names.setdefault(row[columns['enrol']], len(names)))
        test.append(names.setdefault(row[columns['test']], len(names)))
        labels.append(LABELS[label] if label is not None else False)
    if faults:
        form = ' '.join(sorted(columns, key=columns.__getitem__))
        raise ManifestError(list_faults(f'{path}: {len(faults)} lines are not "{form}":', faults))
    if not enrol:
        raise ManifestError(f'{path}: the trial list is empty.')
    truth = np.array(labels, bool) if 'label' in columns else None
    return TrialList(list(names), np.array(enrol, np.int64), np.array(test, np.int64), truth)


def read_enrolments(path: str | os.PathLike) -> dict[str, tuple[str, ...]]:
    """Read model -> utterances: one utterance a line (repeated models), or several in one line.

    Cut marks of SITW's assisted lists (two numbers after the path) are refused: put ``start`` and
    ``end`` into a manifest instead.

    Raises:
        ManifestError: missing, empty, a line with one name only, or cut marks.
    """
    path = Path(path)
    models: dict[str, list[str]] = {}
    faults = []
    lines = _lines(path)
    head = [cell.lower() for cell in _cells(path, lines[0][1])]
    is_table = len(head) > 1 and head[0] in HEADINGS['enrol'] and head[1] in HEADINGS['test']
    for number, line in lines[is_table:]:
        row = _cells(path, line)
        utts = row[1:2] if is_table else row[1:]
        if not utts:
            faults.append(f'{path}:{number}: {line!r} names no utterance')
        elif any(re.fullmatch(r'\d+\.\d+', utt) for utt in utts):
            faults.append(f'{path}:{number}: {line!r} has cut marks; use a manifest with start and end')
        models.setdefault(row[0], []).extend(utts)
    if faults:
        raise ManifestError(list_faults(f'{path}: {len(faults)} faults in the enrolment map:', faults))
    return {model: tuple(dict.fromkeys(utts)) for model, utts in models.items()}


def speakers_of(
    protocol: Protocol, manifest_speakers: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """Speaker of every name in a list, models included; None where they cannot be told.

    From the manifest when it knows every utterance; else from VoxCeleb paths (``id10270/…``).
    """
    utts = protocol.utterances()
    if manifest_speakers is not None and all(manifest_speakers.get(utt) for utt in utts):
        known = dict(manifest_speakers)
    else:
        found = {utt: VOXCELEB_SPEAKER.search(utt) for utt in utts}
        if not all(found.values()):
            return None
        known = {utt: match.group(1) for utt, match in found.items() if match}
    return {name: known[protocol.models.get(name, (name,))[0]] for name in protocol.trials.ids}


def check_leak(trained: Iterable[str], tested: Iterable[str], what: str = 'the training list') -> None:
    """Refuse trials whose speakers a model, cohort or calibration has learnt from.

    Args:
        trained: speakers of the list that was learnt from.
        tested: speakers of the trials.
        what: the former, for the message.

    Raises:
        ManifestError: some are in both; they are named.
    """
    both = sorted(set(trained) & set(tested) - {''})
    if both:
        raise ManifestError(
            list_faults(
                f'{len(both)} speakers of the trials are also in {what}, so the error rates would be too low; '
                'take them out of one of both (or say that equal names are different people):',
                both,
            )
        )


def _edition(path: str | os.PathLike, name: str, count: int) -> str:
    original, cleaned = VOXCELEB_SIZES[name]
    if count not in (original, cleaned):
        raise ManifestError(
            f'{path}: {count} trials, but {name} has {original} (original) or {cleaned} (cleaned); '
            'fetch the list again, or read it as plain.'
        )
    return 'original' if count == original else 'cleaned'


def _columns(path: Path, row: Sequence[str]) -> dict[str, int]:
    if len(row) == 2:
        return dict(enrol=0, test=1)
    if len(row) >= 3 and row[0].lower() in LABELS and row[2].lower() not in LABELS:
        return dict(label=0, enrol=1, test=2)
    if len(row) == 3 and row[2].lower() in LABELS:
        return dict(enrol=0, test=1, label=2)
    raise ManifestError(
        f'{path}: {" ".join(row)!r} is no trial; wanted "label enrol test", "enrol test label" or '
        f'"enrol test", label one of {", ".join(sorted(LABELS))}.'
    )


def _cells(path: Path, line: str) -> list[str]:
    if path.suffix == '.csv':
        return [cell.strip() for cell in next(csv.reader([line]))]
    return line.split('\t') if '\t' in line else line.split()


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise ManifestError(f'{path}: cannot be read ({error.strerror}).') from error
    except UnicodeDecodeError as error:
        raise ManifestError(f'{path}: not UTF-8 text ({error}).') from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ManifestError(f'{path}: the list is empty.')
    return lines
