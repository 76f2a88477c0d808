"""Trial lists as corpora publish them, turned into ours: other ids, other words for the label."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError, list_faults

LABELS = {'1': True, 'target': True, 'tgt': True, '0': False, 'nontarget': False, 'imp': False}

Name = Callable[[str], str]


def read_trials(path: Path, enrol: Name, test: Name, label_first: bool = False) -> TrialList:
    """Read lines ``enrol test label`` (or ``label enrol test``); further fields are passed over.

    Args:
        path: the published list.
        enrol: id of ours for the corpus' enrolment name.
        test: id of ours for the corpus' test name.
        label_first: whether the label stands in front, as in VoxCeleb.

    Raises:
        ManifestError: empty, not text, or lines of another form; one message with all of them.
    """
    known: dict[str, int] = {}
    faults, codes, labels = [], [], []
    try:
        with path.open(encoding='utf-8-sig') as stream:
            for number, line in enumerate(stream, 1):
                fields = line.split()
                if not fields:
                    continue
                label = fields[0] if label_first else fields[2] if len(fields) > 2 else ''
                if len(fields) < 3 or label not in LABELS:
                    faults.append(f'{path}:{number}: {line.strip()!r}')
                    continue
                first, second = fields[1:3] if label_first else fields[:2]
                codes.append(known.setdefault(enrol(first), len(known)))
                codes.append(known.setdefault(test(second), len(known)))
                labels.append(LABELS[label])
    except UnicodeDecodeError as error:
        raise ManifestError(f'{path}: not UTF-8 text ({error}).') from error
    if faults:
        form = 'label enrol test' if label_first else 'enrol test label'
        raise ManifestError(list_faults(f'{path}: {len(faults)} lines are not "{form}":', faults))
    if not labels:
        raise ManifestError(f'{path}: the trial list is empty.')
    pairs = np.array(codes, np.int64).reshape(-1, 2)
    return TrialList(list(known), pairs[:, 0].copy(), pairs[:, 1].copy(), np.array(labels))


def read_fields(path: Path, least: int = 1) -> list[list[str]]:
    """Fields of each line of a text file, empty lines passed over.

    Raises:
        ManifestError: the file is missing or not text, or a line has fewer than ``least`` fields.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except FileNotFoundError as error:
        raise ManifestError(f'{path}: missing; unpack the corpus again.') from error
    except UnicodeDecodeError as error:
        raise ManifestError(f'{path}: not UTF-8 text ({error}).') from error
    rows = [line.split() for line in lines]
    faults = [f'{path}:{n}: {lines[n - 1]!r}' for n, row in enumerate(rows, 1) if row and len(row) < least]
    if faults:
        raise ManifestError(list_faults(f'{path}: lines with fewer than {least} fields:', faults))
    return [row for row in rows if row]
