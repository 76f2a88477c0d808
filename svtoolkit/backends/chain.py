"""Join transforms, a scorer and a score normalisation into one backend.

    Chain([Centre(), LDA(dim=100), LengthNorm(), PLDA()])

``fit`` goes through the parts in order, each learning from what the ones before it give.
"""

from collections.abc import Mapping, Sequence

from typing_extensions import Self

from svtoolkit.backends.base import Array, Backend, Part, Transform
from svtoolkit.backends.table import EmbeddingTable


class Chain(Backend):
    """Transforms, then one scorer.

    Args:
        parts: any number of ``Transform``, then one ``Backend``.

    Raises:
        ValueError: parts in another order.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = list(parts)
        names = ' + '.join(type(part).__name__ for part in self.parts) or 'nothing'
        if not self.parts or not isinstance(self.parts[-1], Backend):
            raise ValueError(f'a chain ends in a scorer such as Cosine or PLDA; got {names}.')
        for part in self.parts[:-1]:
            if not isinstance(part, Transform):
                raise ValueError(
                    f'in {names}, {type(part).__name__} is no transform; only the last part scores.'
                )
        self.scorer: Backend = self.parts[-1]
        self.transforms: list[Transform] = self.parts[:-1]  # type: ignore[assignment]
        self.symmetric = self.scorer.symmetric

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> Self:
        for part in self.parts:
            part.fit(table, speakers)
            if isinstance(part, Transform):
                table = table.with_matrix(part.transform(table.matrix))
        self.fingerprint = table.fingerprint
        return self

    def adapt(self, table: EmbeddingTable) -> Self:
        for part in self.parts:
            part.adapt(table)
            if isinstance(part, Transform):
                table = table.with_matrix(part.transform(table.matrix))
        return self

    def prepare(self, matrix: Array) -> Array:
        for part in self.transforms:
            matrix = part.transform(matrix)
        return self.scorer.prepare(matrix)

    def compare(self, enrol: Array, test: Array) -> Array:
        return self.scorer.compare(enrol, test)

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return self.scorer.compare_pairs(enrol, test)

    def pool(self, prepared: Array) -> Array:
        return self.scorer.pool(prepared)

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
            part.load_state(
                {name[len(start) :]: value for name, value in state.items() if name.startswith(start)}
            )
            part.fingerprint = self.fingerprint if part.STATE else None
        return self
