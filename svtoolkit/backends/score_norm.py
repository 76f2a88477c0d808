"""Score normalisation as the last step of a chain: any scorer, any mode of ``norm``.

What depends on one utterance (mean and deviation of its cohort scores, or its nearest cohort entries)
is made once per utterance by blocked products and travels as extra columns of its prepared row; a
trial then costs one inner product and four numbers. AS2 crosses the two sides, so its statistics are
made per trial, by gathering from blocks of cohort scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import Self

from svtoolkit.backends.base import Array, Backend, Trials
from svtoolkit.backends.cohort import Cohort
from svtoolkit.backends.norm import MODES, as_norm, cohort_statistics, drop_outliers, nearest, z_norm
from svtoolkit.backends.table import EmbeddingTable
from svtoolkit.errors import SvtoolkitError, unknown_name

BLOCK = 2**22  # cohort scores held at a time: 16 MB in float32


@dataclass(frozen=True)
class NormScores:
    """Normalised scores with what they came from, each [n]; the statistics serve as quality measures.

    Attributes:
        scores: normalised.
        raw: before.
        enrol_mean, enrol_std, test_mean, test_std: of the cohort scores used on each side; for ZT
            and TZ the second norm's side holds statistics of normalised cohort scores.
        num_masked: cohort entries left out as the utterance's own speaker, over unique utterances.
    """

    scores: Array
    raw: Array
    enrol_mean: Array
    enrol_std: Array
    test_mean: Array
    test_std: Array
    num_masked: int


class ScoreNorm(Backend):
    """Z, T, S, ZT, TZ, AS1, AS2, AZ or AT norm of the scores of the parts before it in a chain.

    ``fit`` makes the cohort from the training embeddings, one mean vector per speaker; ``use`` or
    ``cohort_file`` take a ready one. The cohort is kept in the space of the model and goes through
    the chain like any utterance.

    Args:
        mode: one of ``none z t s zt tz as1 as2 az at``.
        topn: nearest cohort entries of the adaptive modes (a-); more than the cohort takes all of it.
        ddof: 0 for the deviation of the cohort itself, 1 for the unbiased one.
        sigma_floor: smallest deviation divided by.
        outlier_sigma: leave out cohort scores further from their mean than this many deviations.
        exclude_same_speaker: leave out the utterance's own speaker, where speakers are given.
        cohort_file: a saved ``Cohort``, read by ``fit`` instead of making one.

    Raises:
        UnknownNameError: no such mode.
        ValueError: topn, ddof, sigma_floor or outlier_sigma out of range.
    """

    STATE = ('matrix', 'speakers', 'sources')
    matrix: Array  # [M, D]
    speakers: Array  # [M] str
    sources: Array  # [any] str

    def __init__(
        self,
        mode: str = 'as1',
        topn: int = 300,
        ddof: int = 0,
        sigma_floor: float = 1e-6,
        outlier_sigma: float | None = None,
        exclude_same_speaker: bool = True,
        cohort_file: str | None = None,
    ) -> None:
        if mode not in MODES:
            raise unknown_name('score normalisation', mode, MODES)
        if topn < 1:
            raise ValueError(f'topn={topn}: use 1 or more.')
        if ddof not in (0, 1) or sigma_floor <= 0:
            raise ValueError(f'ddof={ddof}, sigma_floor={sigma_floor}: ddof is 0 or 1, the floor above 0.')
        if outlier_sigma is not None and outlier_sigma <= 1:
            raise ValueError(f'outlier_sigma={outlier_sigma}: use more than 1, such as 4.')
        self.mode = mode
        self.topn = topn
        self.ddof = ddof
        self.sigma_floor = sigma_floor
        self.outlier_sigma = outlier_sigma
        self.exclude_same_speaker = exclude_same_speaker
        self.cohort_file = cohort_file
        self._scorer: Backend | None = None
        self._prepared: Array | None = None

    def bind(self, scorer: Backend) -> Self:
        """Name the backend whose scores are normalised; a chain does this."""
        self._scorer = scorer
        self._prepared = None
        return self

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        """Take the cohort from ``cohort_file``, or make one of these embeddings.

        Raises:
            FingerprintError: the cohort file is of another model.
        """
        cohort = Cohort.load(self.cohort_file) if self.cohort_file else Cohort.from_table(table, speakers)
        cohort.check_model(table.fingerprint)
        return self.use(cohort)

    def use(self, cohort: Cohort) -> Self:
        """Take a ready cohort.

        Raises:
            FingerprintError: the chain was fitted on another model.
        """
        if self._scorer is not None:
            cohort.check_model(self._scorer.fingerprint, 'the scorer')
        self.matrix = np.asarray(cohort.matrix)
        self.speakers = np.array(cohort.speakers, dtype=np.str_)
        self.sources = np.array(cohort.sources, dtype=np.str_)
        self.fingerprint = cohort.fingerprint
        self._prepared = None
        return self

    def adapt(self, table: EmbeddingTable) -> Self:
        self._prepared = None  # the parts before it have moved
        return self

    def load_state(self, state: Mapping[str, Array]) -> Self:
        self._prepared = None
        return super().load_state(state)

    @property
    def cohort(self) -> Cohort:
        """The cohort in use."""
        self.require_fit()
        return Cohort(
            self.matrix,
            tuple(self.speakers.tolist()),
            self.fingerprint or '',
            tuple(self.sources.tolist()),
        )

    @property
    def scorer(self) -> Backend:
        """The backend whose scores are normalised."""
        if self._scorer is None:
            raise SvtoolkitError('ScoreNorm scores nothing by itself: put it after a scorer in a chain.')
        return self._scorer

    def prepare(self, matrix: Array) -> Array:
        return self._with_statistics(self.scorer.prepare(matrix), None)

    def prepare_names(
        self,
        table: EmbeddingTable,
        names: Sequence[str],
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Array:
        table.check_model(self.fingerprint, 'the cohort')
        prepared = self.scorer.prepare_names(table, names, models)
        return self._with_statistics(prepared, self._owners(names, speakers))

    def pool(self, prepared: Array) -> Array:
        base, _ = self._split(prepared)
        return self._with_statistics(self.scorer.pool(base)[None], None)[0]

    def _owners(self, names: Sequence[str], speakers: Mapping[str, str] | None) -> Array | None:
        if speakers is None or not self.exclude_same_speaker:
            return None
        return np.array([speakers.get(name, '') for name in names], dtype=np.str_)

    def _with_statistics(self, prepared: Array, owners: Array | None) -> Array:
        """Append this mode's columns to prepared rows; see :meth:`_split`."""
        self.require_fit()
        if self.mode == 'none':
            return np.column_stack([prepared, np.tile([0.0, 1.0, 0.0, 1.0], (len(prepared), 1))])
        cohort = self._prepared_cohort()
        width = 1 + min(self.topn, len(cohort)) if self.mode == 'as2' else 4
        extra = np.empty((len(prepared), width), dtype=prepared.dtype)
        cohort_mean, cohort_std = self._cohort_on_itself() if self.mode in ('zt', 'tz') else (0.0, 1.0)
        known = self._owner_numbers(owners, len(prepared))
        for rows in self._blocks(len(prepared)):
            enrol = self._against_cohort(prepared[rows], known[rows], 'enrol')
            test = (
                enrol if self.scorer.symmetric else self._against_cohort(prepared[rows], known[rows], 'test')
            )
            if self.mode == 'as2':
                extra[rows, 0] = known[rows]
                extra[rows, 1:] = nearest(enrol, self.topn)
                continue
            topn = self.topn if self.mode in ('as1', 'az', 'at') else None
            if self.mode == 'tz':
                enrol = z_norm(enrol, cohort_mean, cohort_std)
            if self.mode == 'zt':
                test = z_norm(test, cohort_mean, cohort_std)
            extra[rows, :2] = np.stack(self._statistics(enrol, topn), axis=1)
            extra[rows, 2:] = extra[rows, :2]
            if test is not enrol:
                extra[rows, 2:] = np.stack(self._statistics(test, topn), axis=1)
        return np.concatenate([prepared, extra], axis=1)

    def _split(self, prepared: Array) -> tuple[Array, Array]:
        """Prepared rows of the scorer, and this mode's columns.

        These are mean and deviation as enrolment, mean and deviation as test; for AS2 the own
        speaker's number and the nearest cohort indices (by scores as enrolment), ascending, -1 for none.
        """
        width = 1 + min(self.topn, len(self.matrix)) if self.mode == 'as2' else 4
        return prepared[:, :-width], prepared[:, -width:]

    def _prepared_cohort(self) -> Array:
        if self._prepared is None:
            self._prepared = self.scorer.prepare(self.cohort.matrix)
        return self._prepared

    def _cohort_on_itself(self) -> tuple[Array, Array]:
        """Mean and deviation of every cohort entry's scores against the other entries, [M] each."""
        cohort = self._prepared_cohort()
        known = self._owner_numbers(self.speakers if self.exclude_same_speaker else None, len(cohort))
        role = 'enrol' if self.mode == 'zt' else 'test'
        mean, std = np.empty(len(cohort)), np.empty(len(cohort))
        for rows in self._blocks(len(cohort)):
            scores = self._against_cohort(cohort[rows], known[rows], role)
            scores[np.arange(len(scores)), np.arange(len(cohort))[rows]] = -np.inf
            mean[rows], std[rows] = self._statistics(scores, None)
        return mean, std

    def _owner_numbers(self, owners: Array | None, size: int) -> Array:
        """Number of each owner among the cohort's speakers, [U]; -1 for a stranger."""
        if owners is None:
            return np.full(size, -1)
        names = np.unique(self.speakers)
        place = np.minimum(np.searchsorted(names, owners), len(names) - 1)
        return np.where((names[place] == owners) & (owners != ''), place, -1)

    def _against_cohort(self, prepared: Array, known: Array, role: str) -> Array:
        """Scores against the cohort, [B, M]; -inf for the own speaker and for outliers."""
        cohort = self._prepared_cohort()
        if prepared.shape[1] != cohort.shape[1]:
            raise ValueError(f'{prepared.shape[1]} dimensions meet a cohort of {cohort.shape[1]}.')
        scorer = self.scorer
        scores = scorer.compare(prepared, cohort) if role == 'enrol' else scorer.compare(cohort, prepared).T
        if (known >= 0).any():
            _, cohort_number = np.unique(self.speakers, return_inverse=True)
            scores = np.where(known[:, None] == cohort_number, -np.inf, scores)
        return scores if self.outlier_sigma is None else drop_outliers(scores, self.outlier_sigma)

    def _statistics(self, scores: Array, topn: int | None) -> tuple[Array, Array]:
        return cohort_statistics(scores, topn, self.ddof, self.sigma_floor)

    def _blocks(self, size: int) -> list[slice]:
        step = max(1, BLOCK // len(self._prepared_cohort()))
        return [slice(start, start + step) for start in range(0, size, step)]

    def compare(self, enrol: Array, test: Array) -> Array:
        if self.mode == 'as2':
            pairs = np.indices((len(enrol), len(test))).reshape(2, -1)
            prepared = np.concatenate([enrol, test])
            return self.score_prepared(prepared, pairs[0], pairs[1] + len(enrol)).reshape(len(enrol), -1)
        (enrol, left), (test, right) = self._split(enrol), self._split(test)
        left, right = left.T[:, :, None], right.T[:, None, :]
        return self._combine(self.scorer.compare(enrol, test), *left[:2], *right[2:])

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        if self.mode == 'as2':
            index = np.arange(len(enrol))
            return self.score_prepared(np.concatenate([enrol, test]), index, index + len(enrol))
        (enrol, left), (test, right) = self._split(enrol), self._split(test)
        return self._combine(self.scorer.compare_pairs(enrol, test), *left.T[:2], *right.T[2:])

    def score_prepared(self, prepared: Array, enrol: Array, test: Array) -> Array:
        return self.measure(prepared, enrol, test).scores

    def measure(self, prepared: Array, enrol: Array, test: Array) -> NormScores:
        """Normalised scores of index pairs into prepared rows, with raw scores and statistics."""
        base, extra = self._split(prepared)
        raw = self.scorer.score_prepared(base, enrol, test)
        if self.mode == 'as2':
            left = self._crossed(base, extra, enrol, test, 'enrol')
            right = self._crossed(base, extra, test, enrol, 'test')
        else:
            columns = extra.T.astype(np.float64)
            left, right = columns[:2, enrol], columns[2:, test]
        return NormScores(self._combine(raw, *left, *right), raw, *left, *right, 0)

    def measure_trials(
        self,
        table: EmbeddingTable,
        trials: Trials,
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> NormScores:
        """As ``score_trials``, with raw scores, statistics and the count of masked cohort entries."""
        prepared = self.prepare_names(table, trials.ids, models, speakers)
        result = self.measure(prepared, trials.enrol, trials.test)
        owners = self._owner_numbers(self._owners(trials.ids, speakers), len(prepared))
        _, counts = np.unique(self.speakers, return_counts=True)
        masked = int(counts[owners[owners >= 0]].sum())
        return NormScores(**(vars(result) | dict(num_masked=masked)))

    def _combine(
        self, raw: Array, enrol_mean: Array, enrol_std: Array, test_mean: Array, test_std: Array
    ) -> Array:
        if self.mode == 'none':
            return raw
        if self.mode in ('z', 'az'):
            return z_norm(raw, enrol_mean, enrol_std)
        if self.mode in ('t', 'at'):
            return z_norm(raw, test_mean, test_std)
        if self.mode == 'zt':
            return z_norm(z_norm(raw, enrol_mean, enrol_std), test_mean, test_std)
        if self.mode == 'tz':
            return z_norm(z_norm(raw, test_mean, test_std), enrol_mean, enrol_std)
        return as_norm(raw, (enrol_mean, enrol_std), (test_mean, test_std))

    def _crossed(
        self, base: Array, extra: Array, owner: Array, other: Array, role: str
    ) -> tuple[Array, Array]:
        """AS2: statistics of the owner's cohort scores over the other's nearest entries, [n] each."""
        known, near = extra[:, 0].astype(np.int64), extra[:, 1:].astype(np.int32)
        mean, std = np.empty(len(owner)), np.empty(len(owner))
        order = np.argsort(owner, kind='stable')
        unique, start = np.unique(owner[order], return_index=True)
        stop = np.append(start[1:], len(order))
        for rows in self._blocks(len(unique)):
            scores = self._against_cohort(base[unique[rows]], known[unique[rows]], role)
            trials = order[start[rows][0] : stop[rows][-1]]
            local = np.searchsorted(unique[rows], owner[trials])
            step = max(1, BLOCK // near.shape[1])
            for begin in range(0, len(trials), step):
                part = trials[begin : begin + step]
                columns = near[other[part]]
                picked = scores[local[begin : begin + step, None], columns]
                picked = np.where(columns < 0, -np.inf, picked)
                mean[part], std[part] = self._statistics(picked, None)
        return mean, std
