"""``threshold.json``: one decision threshold, what it costs, and the scoring it belongs to.

A number tuned on one scoring (model, backend, normalisation, cohort, crops) means nothing on another, so
a threshold is checked before it is used. Rates are fractions; accept when ``score >= value``.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from typing_extensions import Self

from svtoolkit.backends.base import Backend
from svtoolkit.backends.chain import Chain
from svtoolkit.backends.score_norm import ScoreNorm
from svtoolkit.backends.table import replacing
from svtoolkit.errors import ConfigError, FingerprintError, list_faults


@dataclass(frozen=True)
class Threshold:
    """A decision threshold.

    Attributes:
        criterion: how it was chosen, such as ``eer`` or ``far@0.01``.
        value: accept scores at or above it.
        FAR, FRR: false acceptances and rejections at it, on the list it was tuned on.
        EER, minDCF: of that list.
        n_pos, n_neg: its target and non-target trials.
        score_type: the parts that score, such as ``Centre + Cosine``.
        norm_mode: of the score normalisation; ``none`` without one.
        topn: of an adaptive normalisation.
        cohort_hash: ``Cohort.digest`` of its cohort; empty without one.
        fingerprint: of the model.
        crops: how utterances were cut, in words; empty for whole ones.
    """

    criterion: str
    value: float
    FAR: float
    FRR: float
    EER: float
    minDCF: float
    n_pos: int
    n_neg: int
    score_type: str
    norm_mode: str = 'none'
    topn: int | None = None
    cohort_hash: str = ''
    fingerprint: str = ''
    crops: str = ''

    def __post_init__(self) -> None:
        bad = [
            name
            for name in ('value', 'FAR', 'FRR', 'EER', 'minDCF')
            if not math.isfinite(getattr(self, name))
        ]
        if bad:
            raise ValueError(
                f'threshold ({self.criterion}): {", ".join(bad)} is not finite; an infinite threshold '
                'rejects everybody, tune it on more trials or with a looser criterion.'
            )

    def check(self, scoring: dict[str, Any]) -> None:
        """Refuse to decide about scores made another way.

        Args:
            scoring: what :func:`scoring_record` says of the backend at hand.

        Raises:
            FingerprintError: another model or cohort.
            ConfigError: another score type, normalisation or crop; everything that differs is listed.
        """
        faults = [
            f'{name} is {scoring[name]!r} here, the threshold was tuned with {getattr(self, name)!r}'
            for name in SCORING
            if scoring[name] != getattr(self, name)
        ]
        if faults:
            foreign = any(scoring[name] != getattr(self, name) for name in ('fingerprint', 'cohort_hash'))
            kind = FingerprintError if foreign else ConfigError
            raise kind(list_faults('this threshold belongs to another scoring; tune a new one:', faults))

    def write(self, path: str | Path) -> Path:
        """Write the JSON file; a reader never sees half of it."""
        with replacing(path) as handle:
            handle.write((json.dumps(asdict(self), indent=1) + '\n').encode())
        return Path(path)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises:
            ConfigError: not JSON, or keys are missing or unknown.
        """
        try:
            content = json.loads(Path(path).read_text(encoding='utf-8'))
        except ValueError as error:
            raise ConfigError(f'{path}: not a threshold file: {error}') from error
        known = {field.name for field in fields(cls)}
        if not isinstance(content, dict) or set(content) != known:
            found = sorted(content) if isinstance(content, dict) else type(content).__name__
            raise ConfigError(
                f'{path}: not a threshold file: it should hold {sorted(known)}, it holds {found}.'
            )
        return cls(**content)


SCORING = ('score_type', 'norm_mode', 'topn', 'cohort_hash', 'fingerprint', 'crops')


def scoring_record(backend: Backend, fingerprint: str = '', crops: str = '') -> dict[str, Any]:
    """How a backend scores, in the keys a :class:`Threshold` is checked by.

    Args:
        backend: a fitted backend.
        fingerprint: of the model whose embeddings it scores; left out, the backend's own.
        crops: how utterances are cut, in words.
    """
    norm = backend.norm if isinstance(backend, Chain) else None
    parts = backend.parts if isinstance(backend, Chain) else [backend]
    names = [type(part).__name__ for part in parts if not isinstance(part, ScoreNorm)]
    record: dict[str, Any] = dict(score_type=' + '.join(names), norm_mode='none', topn=None, cohort_hash='')
    if norm is not None and norm.mode != 'none':
        adaptive = norm.mode.startswith('a')
        record |= dict(
            norm_mode=norm.mode, topn=norm.topn if adaptive else None, cohort_hash=norm.cohort.digest()
        )
    return record | dict(fingerprint=fingerprint or backend.fingerprint or '', crops=crops)
