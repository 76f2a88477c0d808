"""Put a scoring together and run it over a list, with every fault of the input named first."""

import ast
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit import backends
from svtoolkit.backends import Chain, Cohort, EmbeddingTable, ScoreNorm
from svtoolkit.backends.base import Backend, Stored
from svtoolkit.backends.calibrate import Calibration
from svtoolkit.backends.norm import MODES
from svtoolkit.backends.table import check_same_model
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, ManifestError, SvtoolkitError, list_faults, unknown_name
from svtoolkit.evaluation.embedding import check_archive, user_faults
from svtoolkit.registry import BACKENDS

TOP_N = 300  # Matejka et al. 2017: flat between 200 and 500


def registered() -> dict[str, type]:
    """Every backend there is, plug-ins included, by name."""
    return {name: BACKENDS.get(name) for name in BACKENDS.names()}


def read_backend(text: str | os.PathLike) -> Stored:
    """A backend as people write it.

    Args:
        text: a saved backend (``.npz``), a config (``.json``: one dict or a list of them), or names joined
            by ``+``, such as ``Centre+LDA(dim=100)+LengthNorm+PLDA``.

    Raises:
        ConfigError: a damaged or foreign file, or arguments a part does not take.
        UnknownNameError: no such part.
    """
    path = Path(text)
    if path.suffix == '.npz':
        check_archive(path)
        with user_faults(f'{path}'):
            return backends.load(path, registered())
    if path.suffix == '.json':
        with user_faults(f'{path}'):
            config = json.loads(path.read_text(encoding='utf-8'))
            return backends.build(config, registered())
    known = registered()
    parts = [_part(part.strip()) for part in re.split(r'\+(?![^(]*\))', str(text))]
    for part in parts:
        if part['type'] not in known:
            hint = 'Join parts by +, or name a .json or .npz file.'
            raise unknown_name('backend', part['type'], known, hint=hint)
    with user_faults(f'backend {text}'):
        return backends.build(parts[0] if len(parts) == 1 else parts, known)


def extend(
    backend: Stored,
    cohort: Cohort | None = None,
    norm: str | None = None,
    topn: int | None = None,
    calibration: Calibration | None = None,
) -> Backend:
    """A fitted backend with a score normalisation and a calibration behind it.

    Args:
        backend: what scores; a chain may already end in a calibration.
        cohort: of the normalisation.
        norm: its mode, such as ``as1``; left out with a cohort: ``as1``.
        topn: nearest cohort entries of an adaptive mode; left out: 300, or the cohort if that is smaller.
        calibration: fitted.

    Raises:
        ConfigError: a mode without a cohort, more ``topn`` than the cohort has entries, or no scorer.
        FingerprintError: the cohort or calibration is of another model.
    """
    parts = list(backend.parts) if isinstance(backend, Chain) else [backend]
    fitted = backend.fingerprint
    if norm not in (None, 'none') and cohort is None:
        raise ConfigError(f'score normalisation {norm} needs a cohort: make one with "svtoolkit cohort".')
    if norm is not None and norm not in MODES:
        raise unknown_name('score normalisation', norm, MODES)
    if cohort is not None and norm != 'none':
        mode = norm or 'as1'
        if topn is not None and topn > len(cohort):
            raise ConfigError(
                f'topn={topn}, but the cohort has {len(cohort)} entries: use 1 to {len(cohort)}, or the mode '
                f'"{mode.removeprefix("a").rstrip("12") or "s"}" for all of them.'
            )
        if any(isinstance(part, ScoreNorm) for part in parts):
            raise ConfigError('the backend already ends in a score normalisation; leave out the cohort.')
        with user_faults('score normalisation'):
            step = ScoreNorm(mode, topn=topn if topn is not None else min(TOP_N, len(cohort)))
        place = len(parts) - isinstance(parts[-1], Calibration)
        parts.insert(place, step)
    if calibration is not None:
        if isinstance(parts[-1], Calibration):
            raise ConfigError('the backend already ends in a calibration; leave out the other one.')
        parts.append(calibration)
    with user_faults('backend'):
        chain = Chain(parts)
    chain.fingerprint = fitted
    if cohort is not None and norm != 'none' and chain.norm is not None:
        cohort.check_model(fitted, 'the backend')
        chain.norm.use(cohort)
    if chain.calibration is not None and fitted and chain.calibration.fingerprint not in (None, '', fitted):
        check_same_model(fitted, chain.calibration.fingerprint, 'the scores', 'the calibration')
    return chain


def require_fit(backend: Stored) -> None:
    """Raise unless every part has learnt what it needs.

    Raises:
        ConfigError: names the parts, and says how they learn.
    """
    parts = backend.parts if isinstance(backend, Chain) else [backend]
    missing = [type(part).__name__ for part in parts if _unfitted(part)]
    if missing:
        raise ConfigError(
            f'{", ".join(missing)} learn from embeddings of a training list that nobody named: give one to fit on '
            '(--fit), or a saved backend.'
        )


def score_list(
    name: str,
    table: EmbeddingTable,
    trials: TrialList,
    backend: Backend,
    models: Mapping[str, Sequence[str]] | None = None,
    speakers: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Scores of a list, [n] float64, all finite.

    Args:
        name: of the list, for messages.
        table: one embedding per utterance.
        trials: what to score.
        backend: fitted.
        models: name in the list -> its enrolment utterances.
        speakers: name in the list -> speaker; a score normalisation leaves these out of its cohort.

    Raises:
        ManifestError: utterances without an embedding.
        FingerprintError: embeddings, backend and cohort are not of one model.
        ConfigError: the embeddings do not fit the backend, cohort scores that do not vary, or scores
            that are not finite.
    """
    models = models or {}
    needed = dict.fromkeys(utt for one in trials.ids for utt in models.get(one, (one,)))
    missing = [utt for utt in needed if utt not in table]
    if missing:
        raise ManifestError(
            list_faults(
                f"list '{name}': {len(missing)} of {len(needed)} utterances have no embedding:", missing, 10
            )
        )
    with user_faults(f"list '{name}'"):
        if isinstance(backend, Chain) and backend.norm is not None and backend.norm.mode != 'none':
            scores = _normalised(name, table, trials, backend, models, speakers)
        else:
            # the trials' names are read only; a list is as good as a sequence
            scores = backend.score_trials(table, trials, models, speakers)  # type: ignore[arg-type]
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        named = [
            f'{trials.ids[trials.enrol[row]]} {trials.ids[trials.test[row]]}: {scores[row]}' for row in bad
        ]
        raise ConfigError(
            list_faults(f"list '{name}': {len(bad)} of {len(scores)} scores are not finite:", named, 10)
        )
    return scores


def check_both_kinds(name: str, trials: TrialList) -> None:
    """Refuse a labelled list that has one kind of trial only.

    Raises:
        ManifestError: it has no targets, or no non-targets.
    """
    if trials.label is None:
        return
    targets = int(np.count_nonzero(trials.label))
    if targets in (0, len(trials)):
        missing = 'target (same-speaker)' if targets == 0 else 'non-target (different-speaker)'
        raise ManifestError(
            f"list '{name}': all {len(trials)} trials are of one kind, no {missing} ones; error rates need both."
        )


def scoring_record(backend: Backend, fingerprint: str, crops: str = '') -> dict[str, Any]:
    """How scores were made, in the keys a threshold is checked by; see ``backends.scoring_record``."""
    return backends.scoring_record(backend, fingerprint, crops)


def _normalised(
    name: str,
    table: EmbeddingTable,
    trials: TrialList,
    chain: Chain,
    models: Mapping[str, Sequence[str]],
    speakers: Mapping[str, str] | None,
) -> np.ndarray:
    """Scores of a chain with a normalisation, refusing deviations of zero (the floor would hide them)."""
    norm = chain.norm
    if norm is None:
        raise SvtoolkitError('a chain without score normalisation came to be normalised.')
    prepared = chain.prepare_names(table, trials.ids, models, speakers)
    found = norm.measure(prepared, np.asarray(trials.enrol), np.asarray(trials.test))
    sides = []
    if norm.mode not in ('t', 'at'):
        sides.append((trials.enrol, found.enrol_std))
    if norm.mode not in ('z', 'az'):
        sides.append((trials.test, found.test_std))
    flat = sorted({int(row) for side, std in sides for row in side[std <= norm.sigma_floor].tolist()})
    if flat:
        raise ConfigError(
            list_faults(
                f"list '{name}': the cohort scores of {len(flat)} utterances do not vary (sigma = 0), so they cannot "
                f'be normalised; the {len(norm.cohort)} cohort entries are alike, or too few are taken:',
                [trials.ids[row] for row in flat],
                10,
            )
        )
    scores = found.scores
    return scores if chain.calibration is None else chain.calibration.llr(scores)


def _part(text: str) -> dict[str, Any]:
    """``LDA(dim=100)`` as a config; values are Python literals."""
    name, bracket, _ = text.partition('(')
    if not bracket:
        return dict(type=name)
    try:
        call = ast.parse(text, mode='eval').body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        values = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f'backend {text}: write the arguments as {name}(key=value).') from error
    return dict(type=name, **values)


def _unfitted(part: Stored) -> bool:
    return any(getattr(part, name, None) is None for name in part.STATE)
