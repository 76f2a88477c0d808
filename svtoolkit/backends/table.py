"""The embedding table: one vector per utterance, and the fingerprint of the model that made them.

Rows are embeddings as the model gave them (not centred, not normalised). A table is kept as one
``.npz``, or, when large, as ``.npy`` beside a ``.json`` with the names, which is then memory-mapped.
Nothing is ever unpickled.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from svtoolkit.errors import FingerprintError, UnknownNameError, list_faults

Array = np.ndarray


class EmbeddingTable:
    """Embeddings of named utterances.

    Args:
        ids: N utterance names, each once.
        matrix: [N, D]; kept as float32.
        fingerprint: of the model and front end; empty when unknown.

    Raises:
        ValueError: a name occurs twice, the sizes differ, or a row holds NaN or infinity.

    Example:
        >>> table = EmbeddingTable(['a', 'b'], np.eye(2))
        >>> table.rows(['b', 'a'])
        array([1, 0])
    """

    def __init__(self, ids: Sequence[str], matrix: Array, fingerprint: str = '') -> None:
        self.ids = [str(name) for name in ids]
        self.fingerprint = fingerprint
        mapped = isinstance(matrix, np.memmap)  # stays on disk; its rows are checked when they are used
        self.matrix = matrix if mapped else np.asarray(matrix, dtype=np.float32)
        if self.matrix.ndim != 2 or len(self.ids) != len(self.matrix):
            raise ValueError(
                f'{len(self.ids)} ids and a matrix of shape {self.matrix.shape}, want [{len(self.ids)}, D].'
            )
        if len(self._index) != len(self.ids):
            names, counts = np.unique(np.array(self.ids), return_counts=True)
            doubles: list[str] = names[counts > 1].tolist()
            raise ValueError(list_faults(f'{len(doubles)} utterance names occur twice:', doubles))
        if not mapped:
            bad = [self.ids[row] for row in np.flatnonzero(~np.isfinite(self.matrix).all(axis=1))]
            if bad:
                raise ValueError(list_faults(f'{len(bad)} embeddings hold NaN or infinity:', bad))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @property
    def dim(self) -> int:
        """Size of one embedding."""
        return self.matrix.shape[1]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def rows(self, ids: Iterable[str]) -> Array:
        """Row numbers of utterances, [n] int64.

        Raises:
            UnknownNameError: the table lacks some of them; all are listed.
        """
        ids = list(ids)
        rows = [self._index.get(name, -1) for name in ids]
        if -1 in rows:
            missing = sorted({name for name, row in zip(ids, rows) if row < 0})
            raise UnknownNameError(
                list_faults(
                    f'{len(missing)} of {len(set(ids))} utterances have no embedding here:',
                    missing,
                    limit=10,
                )
            )
        return np.array(rows, dtype=np.int64)

    def select(self, ids: Sequence[str]) -> 'EmbeddingTable':
        """The table of these utterances, in this order."""
        return EmbeddingTable(ids, np.asarray(self.matrix[self.rows(ids)]), self.fingerprint)

    def with_matrix(self, matrix: Array) -> 'EmbeddingTable':
        """The same utterances and model with other vectors, [N, K]."""
        return EmbeddingTable(self.ids, matrix, self.fingerprint)

    def check_model(self, fingerprint: str | None, what: str) -> None:
        """Refuse to meet an artefact of another model.

        Args:
            fingerprint: of the other artefact; None when it belongs to no model.
            what: its name, for the message.

        Raises:
            FingerprintError: it differs from the table's.
        """
        check_same_model(self.fingerprint, fingerprint, 'the embeddings', what)

    def save(self, path: str | Path) -> Path:
        """Write ``.npz``, or ``.npy`` with a ``.json`` beside it; a reader never sees half a file."""
        path = Path(path)
        if path.suffix == '.npz':
            with replacing(path) as handle:
                np.savez(
                    handle,
                    ids=np.array(self.ids, dtype=np.str_),
                    matrix=self.matrix,
                    fingerprint=np.array(self.fingerprint),
                )
        elif path.suffix == '.npy':
            with replacing(path) as handle:
                np.save(handle, self.matrix)
            with replacing(path.with_suffix('.json')) as handle:
                handle.write(json.dumps(dict(fingerprint=self.fingerprint, ids=self.ids)).encode())
        else:
            raise ValueError(f"{path}: an embedding table ends in .npz or .npy, not '{path.suffix}'.")
        return path

    @classmethod
    def load(cls, path: str | Path) -> 'EmbeddingTable':
        """Read what :meth:`save` wrote; a ``.npy`` is memory-mapped."""
        path = Path(path)
        if path.suffix == '.npy':
            names = json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))
            return cls(names['ids'], np.load(path, mmap_mode='r', allow_pickle=False), names['fingerprint'])
        with np.load(path, allow_pickle=False) as data:
            missing = {'ids', 'matrix', 'fingerprint'} - set(data.files)
            if missing:
                raise ValueError(f'{path}: not an embedding table, it lacks {", ".join(sorted(missing))}.')
            return cls(data['ids'].tolist(), data['matrix'], str(data['fingerprint']))


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing and rename it to ``path`` when all went well."""
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with open(temporary, 'wb') as handle:
            yield handle
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_same_model(left: str, right: str | None, left_what: str, right_what: str) -> None:
    """Raise FingerprintError unless both artefacts come from one model; None belongs to no model."""
    if right is not None and left != right:
        raise FingerprintError(
            f'{left_what} come from model {left or "(unknown)"!r}, but {right_what} belongs to model '
            f'{right or "(unknown)"!r}; make both with the same weights and front end.'
        )
