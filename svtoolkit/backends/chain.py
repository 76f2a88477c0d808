"""Join transforms, a scorer, a score normalisation and a calibration into one backend.

    Chain([Centre(), LDA(dim=100), LengthNorm(), PLDA(), ScoreNorm(mode='as1'), LogisticCalibration()])

``fit`` goes through the parts in order, each learning from what the ones before it give; the cohort of
a normalisation is kept in the space of the model. A calibration learns from scores: see ``calibrate``.
"""

from collections.abc import Mapping, Sequence

from typing_extensions import Self

from svtoolkit.backends.base import Array, Backend, Stored, Transform, Trials
from svtoolkit.backends.calibrate import Calibration
from svtoolkit.backends.score_norm import ScoreNorm
from svtoolkit.backends.table import EmbeddingTable


class Projected(Backend):
    """Transforms, then one scorer."""

    def __init__(self, transforms: Sequence[Transform], scorer: Backend) -> None:
        self.transforms = list(transforms)
        self.scorer = scorer
        self.symmetric = scorer.symmetric

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        self.fingerprint = table.fingerprint
        for transform in self.transforms:
            table = table.with_matrix(transform.fit(table, speakers).transform(table.matrix))
        self.scorer.fit(table, speakers)
        return self

    def adapt(self, table: EmbeddingTable) -> Self:
        for transform in self.transforms:
            table = table.with_matrix(transform.adapt(table).transform(table.matrix))
        self.scorer.adapt(table)
        return self

    def prepare(self, matrix: Array) -> Array:
        for transform in self.transforms:
            matrix = transform.transform(matrix)
        return self.scorer.prepare(matrix)

    def compare(self, enrol: Array, test: Array) -> Array:
        return self.scorer.compare(enrol, test)

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return self.scorer.compare_pairs(enrol, test)

    def pool(self, prepared: Array) -> Array:
        return self.scorer.pool(prepared)


class Chain(Backend):
    """Transforms, one scorer, then at most one ``ScoreNorm``, then at most one ``Calibration``.

    Args:
        parts: in this order.

    Raises:
        ValueError: parts in another order.
    """

    def __init__(self, parts: Sequence[Stored]) -> None:
        self.parts = list(parts)
        names = ' + '.join(type(part).__name__ for part in self.parts) or 'nothing'
        rest = list(self.parts)
        self.calibration: Calibration | None = None
        self.norm: ScoreNorm | None = None
        if rest and isinstance(rest[-1], Calibration):
            self.calibration = rest.pop()  # type: ignore[assignment]
        if rest and isinstance(rest[-1], ScoreNorm):
            self.norm = rest.pop()  # type: ignore[assignment]
        scorer = rest.pop() if rest else None
        if not isinstance(scorer, Backend) or isinstance(scorer, ScoreNorm):
            raise ValueError(
                f'a chain needs a scorer such as Cosine or PLDA after its transforms; got {names}.'
            )
        transforms = [part for part in rest if isinstance(part, Transform)]
        if len(transforms) < len(rest):
            raise ValueError(f'{names}: only transforms may stand before {type(scorer).__name__}.')
        self._core = Projected(transforms, scorer)
        self._scorer: Backend = self._core if self.norm is None else self.norm.bind(self._core)
        self.symmetric = scorer.symmetric

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        self._core.fit(table, speakers)
        self._scorer.fit(table, speakers)
        self.fingerprint = table.fingerprint
        return self

    def adapt(self, table: EmbeddingTable) -> Self:
        self._core.adapt(table)
        if self.norm is not None:
            self.norm.adapt(table)
        return self

    def calibrate(
        self,
        table: EmbeddingTable,
        trials: Trials,
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Self:
        """Fit the calibration at the chain's end on labelled trials; see ``score_trials``."""
        if self.calibration is None or trials.label is None:
            raise ValueError('calibrate needs a chain that ends in a calibration, and labelled trials.')
        table.check_model(self.fingerprint, 'the backend')
        prepared = self._scorer.prepare_names(table, trials.ids, models, speakers)
        scores = self._scorer.score_prepared(prepared, trials.enrol, trials.test)
        self.calibration.fit(scores, trials.label, table.fingerprint)
        return self

    def prepare(self, matrix: Array) -> Array:
        return self._scorer.prepare(matrix)

    def prepare_names(
        self,
        table: EmbeddingTable,
        names: Sequence[str],
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Array:
        table.check_model(self.fingerprint, 'the backend')
        if self.calibration is not None:  # the only part that knows its model where nothing else has learnt
            table.check_model(self.calibration.fingerprint or None, 'the calibration')
        return self._scorer.prepare_names(table, names, models, speakers)

    def compare(self, enrol: Array, test: Array) -> Array:
        return self._calibrated(self._scorer.compare(enrol, test))

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return self._calibrated(self._scorer.compare_pairs(enrol, test))

    def pool(self, prepared: Array) -> Array:
        return self._scorer.pool(prepared)

    def score_prepared(self, prepared: Array, enrol: Array, test: Array) -> Array:
        return self._calibrated(self._scorer.score_prepared(prepared, enrol, test))

    def _calibrated(self, scores: Array) -> Array:
        return scores if self.calibration is None else self.calibration.llr(scores)

    def config(self) -> dict:
        return dict(type='Chain', parts=[part.config() for part in self.parts])

    def state(self) -> dict[str, Array]:
        return {
            f'{place}.{name}': value
            for place, part in enumerate(self.parts)
            for name, value in part.state().items()
        }

    def load_state(self, state: Mapping[str, Array]) -> Self:
        for place, part in enumerate(self.parts):
            start = f'{place}.'
            part.fingerprint = self.fingerprint if part.STATE else None
            part.load_state(
                {name[len(start) :]: value for name, value in state.items() if name.startswith(start)}
            )
        self._core.fingerprint = self.fingerprint
        return self
