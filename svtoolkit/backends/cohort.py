"""The cohort of a score normalisation: strangers, as embeddings of one model, with where they came from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, check_matrix, class_means
from svtoolkit.backends.length_norm import unit_rows
from svtoolkit.backends.table import EmbeddingTable, check_same_model, replacing


@dataclass(frozen=True)
class Cohort:
    """Embeddings of M strangers, in the space of the model (not centred, not projected).

    Attributes:
        matrix: [M, D] float32.
        speakers: M speaker names; empty where unknown.
        fingerprint: of the model.
        sources: the utterances or files it was made from.
    """

    matrix: Array
    speakers: tuple[str, ...]
    fingerprint: str = ''
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_matrix(self.matrix)
        if not len(self.matrix):
            raise ValueError('the cohort is empty.')
        if len(self.speakers) != len(self.matrix):
            raise ValueError(f'a cohort of {len(self.matrix)} embeddings with {len(self.speakers)} speakers.')

    def __len__(self) -> int:
        return len(self.matrix)

    @classmethod
    def from_table(cls, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        """Make a cohort of one mean vector per speaker, or of all utterances when speakers are unknown.

        The direction of a mean vector is the mean of the speaker's unit vectors; its length is the
        mean of their lengths, so that a centring that comes later still fits.

        Args:
            table: training embeddings of the model, without the speakers of any trial.
            speakers: N names in the table's order; None keeps utterances.
        """
        if speakers is None:
            return cls(np.asarray(table.matrix), ('',) * len(table), table.fingerprint, tuple(table.ids))
        if len(speakers) != len(table):
            raise ValueError(f'{len(speakers)} speakers for {len(table)} embeddings.')
        names, index, counts = np.unique(
            np.asarray(speakers, np.str_), return_inverse=True, return_counts=True
        )
        length = np.linalg.norm(table.matrix.astype(np.float64), axis=1, keepdims=True)
        direction = unit_rows(class_means(unit_rows(table.matrix), index, counts))
        matrix = (direction * class_means(length, index, counts)).astype(np.float32)
        return cls(matrix, tuple(names.tolist()), table.fingerprint, tuple(table.ids))

    def digest(self) -> str:
        """Short hash of vectors, speakers and model, for threshold files."""
        text = '\0'.join([self.fingerprint, *self.speakers]).encode()
        return hashlib.sha256(text + np.ascontiguousarray(self.matrix).tobytes()).hexdigest()[:16]

    def check_model(self, fingerprint: str | None, what: str = 'the embeddings') -> None:
        """Raise FingerprintError when the cohort was made with another model."""
        check_same_model(self.fingerprint, fingerprint, 'the cohort', what)

    def save(self, path: str | Path) -> Path:
        """Write one ``.npz``; a reader never sees half a file."""
        with replacing(path) as handle:
            np.savez(
                handle,
                cohort=np.asarray(self.matrix, dtype=np.float32),
                speakers=np.array(self.speakers, dtype=np.str_),
                fingerprint=np.array(self.fingerprint),
                sources=np.array(self.sources, dtype=np.str_),
            )
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            if 'cohort' not in data.files:
                raise ValueError(f'{path}: not a cohort file.')
            speakers, sources = tuple(data['speakers'].tolist()), tuple(data['sources'].tolist())
            return cls(data['cohort'], speakers, str(data['fingerprint']), sources)
