"""Learn a calibration from labelled scores, and a threshold for verification or for a gallery."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit.backends import Chain, IsotonicCalibration, LogisticCalibration, Threshold
from svtoolkit.backends.base import Backend
from svtoolkit.backends.calibrate import Calibration
from svtoolkit.errors import ConfigError, ManifestError
from svtoolkit.evaluation.decisions import read_scores, tune
from svtoolkit.evaluation.embedding import user_faults
from svtoolkit.evaluation.job import Job
from svtoolkit.evaluation.scoring import check_both_kinds, extend, scoring_record
from svtoolkit.metrics.calibration import cllr, min_cllr
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.open_set import far_from_fpir, fpir_from_far
from svtoolkit.metrics.rates import act_dcf, bayes_threshold, min_dcf
from svtoolkit.metrics.slices import RULE_OF_30


@dataclass
class Source:
    """Labelled scores and how they were made.

    Attributes:
        scores: [n].
        label: [n] bool, both kinds.
        record: how the scores were made, in the keys a threshold is checked by.
        backend: what made them; None for scores of a file.
    """

    scores: np.ndarray
    label: np.ndarray
    record: dict[str, Any]
    backend: Backend | None = None


@dataclass
class Calibrated:
    """A fitted calibration with its figures.

    Attributes:
        calibration: fitted.
        threshold: on calibrated scores.
        figures: Cllr and costs before the words.
        chain: backend and calibration in one; None for scores of a file.
    """

    calibration: Calibration
    threshold: Threshold
    figures: dict[str, float] = field(default_factory=dict)
    chain: Chain | None = None

    def lines(self) -> list[str]:
        """What was learnt, in words."""
        point, figures = self.threshold, self.figures
        costs = ', '.join(
            f'prior {prior:g}: actual cost {figures[f"act {prior:g}"]:.3f}, least {figures[f"min {prior:g}"]:.3f}'
            for prior in (0.01, 0.05)
        )
        return [
            f'{point.n_pos} targets, {point.n_neg} non-targets: Cllr {figures["Cllr"]:.4f} bit, least '
            f'{figures["minCllr"]:.4f}; {costs} (on the trials it was learnt from)',
            f'threshold {point.value:.4f} ({point.criterion}): FAR {100 * point.FAR:.3f} %, FRR '
            f'{100 * point.FRR:.3f} %; by theory {bayes_threshold(0.01):.3f} for prior 0.01, '
            f'{bayes_threshold(0.05):.3f} for 0.05',
        ]

    def write(self, path: str | os.PathLike, chain_path: str | os.PathLike | None = None) -> list[str]:
        """Write calibration, threshold and, where asked for, the whole chain; returns what was written."""
        path = Path(path)
        self.calibration.save(path)
        beside = path.with_suffix('.threshold.json')
        self.threshold.write(beside)
        written = [f'written: {path}, {beside}']
        if chain_path is not None:
            if self.chain is None:
                raise ConfigError('scores of a file have no backend to save; score from embeddings instead.')
            self.chain.save(Path(chain_path))
            written.append(f'written: {chain_path}, a backend for "svtoolkit score --backend"')
        return written


def from_job(job: Job) -> Source:
    """Score a labelled list.

    Raises:
        ManifestError: no labels, or one kind of trial only.
        ConfigError: the backend is calibrated already.
    """
    trials = job.protocol.trials
    if trials.label is None:
        raise ManifestError(f"list '{job.protocol.name}' has no labels; a calibration learns from the truth.")
    check_both_kinds(job.protocol.name, trials)
    if isinstance(job.backend, Chain) and job.backend.calibration is not None:
        raise ConfigError('the backend is calibrated already; leave its calibration out to learn another.')
    return Source(job.scores(), trials.label, job.record, job.backend)


def from_scores(path: str | os.PathLike, fingerprint: str = '') -> Source:
    """Read a labelled score file; how it was made is told by the ``metrics.json`` beside it, if any.

    Raises:
        ManifestError: no labels, one kind of trial, or scores that are not finite.
    """
    trials, scores = read_scores(path)
    if trials.label is None:
        raise ManifestError(f'{path}: has no labels; a calibration learns from the truth.')
    check_both_kinds(str(path), trials)
    record: dict[str, Any] = dict(score_type='scores of a file', norm_mode='none', topn=None, cohort_hash='')
    record |= dict(fingerprint='', crops='')
    beside = Path(path).parent / 'metrics.json'
    if beside.is_file():
        with user_faults(str(beside)):
            record |= json.loads(beside.read_text(encoding='utf-8')).get('record', {})
    if fingerprint:
        record['fingerprint'] = fingerprint
    return Source(scores, trials.label, record)


def calibrate(
    source: Source,
    method: str = 'logistic',
    prior: float = 0.5,
    criterion: str = 'eer',
    p_target: float = 0.01,
) -> Calibrated:
    """Fit a calibration and tune a threshold on its output.

    Args:
        source: labelled scores of speakers the model was not trained on.
        method: ``logistic`` (two numbers) or ``isotonic`` (thousands of trials).
        prior: of a target, that errors are weighed by.
        criterion: of the threshold, see ``decisions.tune``.
        p_target: prior of a target, for the criterion ``min_dcf``.

    Raises:
        ConfigError: a prior outside 0 to 1, or no finite threshold meets the criterion.
    """
    with user_faults('calibration'):
        calibration = LogisticCalibration(prior) if method == 'logistic' else IsotonicCalibration()
        calibration.fit(source.scores, source.label, source.record['fingerprint'] or None)
    llr = calibration.llr(source.scores)
    chain = None
    if source.backend is not None:
        joined = extend(source.backend, calibration=calibration)
        chain = joined if isinstance(joined, Chain) else None
        record = scoring_record(joined, source.record['fingerprint'], source.record['crops'])
    else:
        record = source.record | dict(
            score_type=f'{source.record["score_type"]} + {type(calibration).__name__}'
        )
    curve = error_curve(llr, source.label)
    figures = {'Cllr': cllr(llr, source.label), 'minCllr': min_cllr(llr, source.label)}
    for known in (0.01, 0.05):
        figures[f'act {known:g}'] = act_dcf(llr, source.label, known)
        figures[f'min {known:g}'] = min_dcf(curve, known)[0]
    return Calibrated(calibration, tune(llr, source.label, record, criterion, p_target), figures, chain)


def for_gallery(size: int, fpir: float, label: np.ndarray) -> tuple[str, list[str]]:
    """The criterion a search of a gallery needs, and the arithmetic behind it.

    Args:
        size: enrolled people N.
        fpir: share of strangers that may be taken for one of them.
        label: [n] bool, of the trials at hand.

    Returns:
        ``far@x`` with 1 - (1 - x)^N = fpir, and lines for people.

    Raises:
        ConfigError: a rate outside 0 to 1.
    """
    if not 0 < fpir < 1:
        raise ConfigError(f'fpir={fpir}: use a fraction between 0 and 1, such as 0.01.')
    far = float(far_from_fpir(fpir, size))
    strangers = int(np.count_nonzero(~label))
    lines = [
        f'a gallery of {size}: one stranger in {1 / fpir:.0f} may be taken for somebody, so one comparison may err '
        f'in {far:.3g} (FPIR = 1 - (1 - FAR)^{size}, comparisons counted as independent)'
    ]
    lines += [f'FAR {rate:g} would give an FPIR of {fpir_from_far(rate, size):.3g}' for rate in (0.01, 0.001)]
    if far * strangers < RULE_OF_30:
        lines.append(
            f'warning: {strangers} non-target trials expect {far * strangers:.2g} errors at that rate; 30 are '
            f'needed to trust it, {RULE_OF_30 / far:.0f} trials'
        )
    return f'far@{far:.12g}', lines
