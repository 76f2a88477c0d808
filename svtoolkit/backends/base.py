"""What every part of a backend is: something fitted on embeddings, kept as arrays, tied to one model.

``Transform`` maps embeddings to embeddings, ``Backend`` scores them; ``Chain`` joins the two. Scores
are higher when two utterances are more alike. Scoring has two steps so that what depends on one
utterance is done once: ``prepare`` (per utterance) and ``compare`` (per pair). Enrolment from several
sessions pools their prepared rows.
"""

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.table import EmbeddingTable, replacing
from svtoolkit.errors import SvtoolkitError

Array = np.ndarray
PAIRS_PER_BLOCK = 8192  # 8192 pairs of 512 float64 numbers are 67 MB


class Trials(Protocol):
    """What a trial list must offer; ``svtoolkit.datasets.TrialList`` does."""

    ids: Sequence[str]
    enrol: Array
    test: Array
    label: Array | None


class Stored:
    """Something learnt that is kept as arrays.

    Subclasses take plain arguments, keep each under its own name, and list the attributes that
    ``fit`` fills in ``STATE``. ``fingerprint`` names the model of the embeddings fitted on; it is
    None before, and for what learns nothing.
    """

    STATE: tuple[str, ...] = ()
    fingerprint: str | None = None

    def config(self) -> dict:
        """The arguments it was made with and its ``type``, as a config takes them."""
        names = inspect.signature(type(self)).parameters
        return dict(type=type(self).__name__) | {name: getattr(self, name) for name in names}

    def state(self) -> dict[str, Array]:
        """What was learnt, as arrays."""
        self.require_fit()
        return {name: np.asarray(getattr(self, name)) for name in self.STATE}

    def load_state(self, state: Mapping[str, Array]) -> Self:
        """Take over what :meth:`state` gave.

        Raises:
            ValueError: keys are missing or left over.
        """
        if set(state) != set(self.STATE):
            raise ValueError(
                f'{type(self).__name__}: expected the arrays {sorted(self.STATE)}, got {sorted(state)}.'
            )
        for name in self.STATE:
            setattr(self, name, np.array(state[name]))
        return self

    def require_fit(self) -> None:
        """Raise unless everything in STATE was learnt."""
        if any(getattr(self, name, None) is None for name in self.STATE):
            raise SvtoolkitError(f'{type(self).__name__} is not fitted: call its fit, or load a saved one.')

    def save(self, path: str | Path) -> Path:
        """Write config, state and fingerprint to one ``.npz``; ``backends.load`` reads it."""
        state = {f'state.{name}': value for name, value in self.state().items()}
        head = json.dumps(dict(format=1, config=self.config(), fingerprint=self.fingerprint))
        with replacing(path) as handle:
            np.savez(handle, head=np.array(head), **state)  # type: ignore[arg-type]
        return Path(path)


class Part(Stored):
    """Learns from embeddings."""

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        """Learn from embeddings.

        Args:
            table: training embeddings, [N, D].
            speakers: N speaker names, in the table's order; supervised parts need them.
        """
        if self.STATE:
            self._fit(check_matrix(table.matrix).astype(np.float64), speakers)
            self.fingerprint = table.fingerprint
        return self

    def _fit(self, matrix: Array, speakers: Sequence[str] | None) -> None:
        raise NotImplementedError(f'{type(self).__name__} lists a STATE but does not learn it.')

    def adapt(self, table: EmbeddingTable) -> Self:
        """Move a fitted part to another domain with unlabelled embeddings; most parts stay as they are."""
        return self


class Transform(Part, ABC):
    """Maps embeddings to embeddings; float32 in gives float32 out, computed in float64."""

    def transform(self, matrix: Array) -> Array:
        """Map embeddings, [N, D] -> [N, K].

        Raises:
            ValueError: another D than fitted on, or NaN.
            SvtoolkitError: not fitted.
        """
        self.require_fit()
        return self._transform(check_matrix(matrix)).astype(matrix.dtype, copy=False)

    @abstractmethod
    def _transform(self, matrix: Array) -> Array:
        """The map itself; may return float64."""


class Backend(Part, ABC):
    """Scores pairs of embeddings."""

    symmetric = True  # score(a, b) == score(b, a)

    @abstractmethod
    def prepare(self, matrix: Array) -> Array:
        """What :meth:`compare` needs of each utterance, [N, D] -> [N, K]."""

    @abstractmethod
    def compare(self, enrol: Array, test: Array) -> Array:
        """Scores of all pairs of prepared rows, [E, K] and [T, K] -> [E, T]."""

    @abstractmethod
    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        """Scores of row i with row i, [n, K] and [n, K] -> [n]."""

    @abstractmethod
    def pool(self, prepared: Array) -> Array:
        """One prepared row for an enrolment of several sessions, [n, K] -> [K]."""

    def score(self, enrol: Array, test: Array) -> Array:
        """Scores of all pairs, [E, D] and [T, D] -> [E, T]."""
        return self.compare(self.prepare(enrol), self.prepare(test))

    def score_trials(
        self,
        table: EmbeddingTable,
        trials: Trials,
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Array:
        """Scores of a trial list, [n] float64, in memory for the unique utterances and one block.

        Args:
            table: embeddings of all utterances the list names.
            trials: names and index arrays.
            models: name in the list -> its enrolment utterances, for names that are no utterance
                but an enrolment of several sessions.
            speakers: name in the list -> speaker, where known; a score normalisation leaves an
                utterance's own speaker out of its cohort.

        Raises:
            FingerprintError: the table is of another model than the backend was fitted on.
            UnknownNameError: utterances without an embedding.
        """
        prepared = self.prepare_names(table, trials.ids, models, speakers)
        return self.score_prepared(prepared, np.asarray(trials.enrol), np.asarray(trials.test))

    def score_prepared(self, prepared: Array, enrol: Array, test: Array) -> Array:
        """Scores of index pairs into prepared rows, [U, K], [n], [n] -> [n] float64."""
        scores = np.empty(len(enrol))
        for start in range(0, len(scores), PAIRS_PER_BLOCK):
            block = slice(start, start + PAIRS_PER_BLOCK)
            scores[block] = self.compare_pairs(prepared[enrol[block]], prepared[test[block]])
        return scores

    def prepare_names(
        self,
        table: EmbeddingTable,
        names: Sequence[str],
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Array:
        """Prepared rows of utterances and multi-session enrolments, [len(names), K]; see score_trials."""
        table.check_model(self.fingerprint, type(self).__name__)
        models = models or {}
        single = [name for name in names if name not in models]
        if len(single) == len(names):
            return self.prepare(table.matrix[table.rows(names)])
        used = [name for name in names if name in models]
        empty = [name for name in used if not models[name]]
        if empty:
            raise ValueError(f"enrolment '{empty[0]}' names no utterances.")
        needed = list(dict.fromkeys([*single, *(utt for name in used for utt in models[name])]))
        place = {utt: row for row, utt in enumerate(needed)}
        rows = self.prepare(table.matrix[table.rows(needed)])
        return np.stack(
            [
                self.pool(rows[[place[utt] for utt in models[name]]]) if name in models else rows[place[name]]
                for name in names
            ]
        )


def check_matrix(matrix: Array, dim: int | None = None) -> Array:
    """Return a [N, D] matrix of finite numbers, or say what is wrong with it.

    Raises:
        ValueError: not two axes, another D than ``dim``, NaN or infinity.
    """
    if matrix.ndim != 2:
        raise ValueError(f'expected embeddings of shape [N, D], got {matrix.shape}.')
    if dim is not None and matrix.shape[1] != dim:
        raise ValueError(f'embeddings have {matrix.shape[1]} dimensions, but this part was fitted on {dim}.')
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise ValueError(
            f'{len(bad)} of {len(matrix)} embeddings hold NaN or infinity (first: row {bad[0]}).'
        )
    return matrix


def class_index(speakers: Sequence[str] | None, size: int, what: str) -> tuple[Array, Array]:
    """Speaker number of each row and rows per speaker, [N] and [S] int64.

    Raises:
        ValueError: no speakers, another number of them than rows, or fewer than 2 different ones.
    """
    if speakers is None:
        raise ValueError(f'{what} learns from labelled embeddings: pass speakers, one name per row.')
    if len(speakers) != size:
        raise ValueError(f'{what}: {len(speakers)} speakers for {size} embeddings.')
    _, index, counts = np.unique(np.asarray(speakers, dtype=np.str_), return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ValueError(f'{what} needs at least 2 speakers, got {len(counts)}.')
    return index, counts


def class_means(matrix: Array, index: Array, counts: Array) -> Array:
    """Mean row of every class, [N, D] -> [S, D] float64."""
    order = np.argsort(index, kind='stable')
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.add.reduceat(matrix[order].astype(np.float64), starts, axis=0) / counts[:, None]
