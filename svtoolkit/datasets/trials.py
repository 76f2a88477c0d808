"""Trial lists: which two utterances are compared, and whether one person speaks in both.

Read: ``label enrol test`` (VoxCeleb: 1 or target = same speaker), ``enrol test target|nontarget``
(Kaldi), ``enrol test`` without labels, and ``.csv`` with a header ``label,enrol,test``. Fields are
parted by tabs where a line has one (so ids may hold blanks), else by white space.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from svtoolkit.errors import ManifestError, list_faults

LABELS = {'1': True, '0': False, 'target': True, 'nontarget': False}
WORDS = ('target', 'nontarget')


@dataclass
class TrialList:
    """n pairs of utterances as index arrays.

    Attributes:
        ids: names of the utterances, each once, in order of first appearance.
        enrol: [n] int64 into ``ids``.
        test: [n] int64 into ``ids``.
        label: [n] bool, True for the same speaker; None where the list has no labels.
    """

    ids: list[str]
    enrol: np.ndarray
    test: np.ndarray
    label: np.ndarray | None = None

    @classmethod
    def read(cls, path: str | os.PathLike) -> 'TrialList':
        """Read a list of pairs; the first line decides which of the forms above it has.

        Raises:
            ManifestError: the file is missing or empty, or lines do not have the form of the first;
                one message with all of them.
        """
        path = Path(path)
        try:
            lines = path.read_text(encoding='utf-8-sig').splitlines()
        except FileNotFoundError as error:
            raise ManifestError(f'{path}: no such trial list.') from error
        except UnicodeDecodeError as error:
            raise ManifestError(f'{path}: not UTF-8 text ({error}).') from error
        is_csv = path.suffix == '.csv'
        rows = [
            line.split(',') if is_csv else line.split('\t') if '\t' in line else line.split()
            for line in lines
        ]
        numbers = [number for number, row in enumerate(rows, 1) if row not in ([], [''])]
        rows = [rows[number - 1] for number in numbers]
        if is_csv and rows and rows[0][0].strip() not in LABELS:  # a header
            numbers, rows = numbers[1:], rows[1:]
        if not rows:
            raise ManifestError(f'{path}: the trial list is empty.')
        form = _form(path, rows[0], numbers[0])
        width = len(form)
        where = form.index('label') if 'label' in form else None
        first, second = form.index('enrol'), form.index('test')
        bad = [i for i, row in enumerate(rows)
               if len(row) != width or (where is not None and row[where] not in LABELS)]  # fmt: skip
        if bad:
            faults = [f'{path}:{numbers[i]}: {lines[numbers[i] - 1]!r}' for i in bad]
            raise ManifestError(list_faults(f'{path}: {len(bad)} lines are not "{" ".join(form)}":', faults))
        known: dict[str, int] = {}
        names = chain.from_iterable((row[first], row[second]) for row in rows)
        codes = np.fromiter((known.setdefault(name, len(known)) for name in names), np.int64, 2 * len(rows))
        label = None
        if where is not None:
            label = np.fromiter((LABELS[row[where]] for row in rows), bool, len(rows))
        return cls(list(known), codes[0::2].copy(), codes[1::2].copy(), label)

    def __len__(self) -> int:
        return len(self.enrol)

    def subset(self, mask: np.ndarray) -> 'TrialList':
        """Some of the trials; utterances that no longer occur are forgotten.

        Args:
            mask: [n] bool, or the numbers of the trials to keep.
        """
        enrol, test = self.enrol[mask], self.test[mask]
        pairs = np.stack([enrol, test], axis=1).ravel()
        used, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(used), np.int64)
        rank[order] = np.arange(len(used))
        codes = rank[inverse]
        ids = [self.ids[code] for code in used[order].tolist()]
        return TrialList(
            ids, codes[0::2].copy(), codes[1::2].copy(), None if self.label is None else self.label[mask]
        )

    def write(self, path: str | os.PathLike) -> None:
        """Write as ``label enrol test`` (or ``enrol test``), complete or not at all.

        Parted by blanks, or by tabs when an id holds a blank.
        """
        path = Path(path)
        gap = '\t' if any(len(name.split()) != 1 for name in self.ids) else ' '
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'{path.name}.{os.getpid()}.part')
        labels = (
            [''] * len(self) if self.label is None else [f'{int(one)}{gap}' for one in self.label.tolist()]
        )
        rows = zip(labels, self.enrol.tolist(), self.test.tolist(), strict=True)
        with part.open('w', encoding='utf-8') as stream:
            stream.writelines(
                f'{label}{self.ids[enrol]}{gap}{self.ids[test]}\n' for label, enrol, test in rows
            )
        os.replace(part, path)


def _form(path: Path, row: Sequence[str], number: int) -> tuple[str, ...]:
    if len(row) == 2:
        return ('enrol', 'test')
    if len(row) == 3 and row[0] in LABELS:
        return ('label', 'enrol', 'test')
    if len(row) == 3 and row[2] in WORDS:
        return ('enrol', 'test', 'label')
    raise ManifestError(
        f'{path}:{number}: {" ".join(row)!r} is no trial; wanted "label enrol test" (label 0 or 1), '
        '"enrol test target|nontarget" or "enrol test".'
    )
