"""Score a trial list with a backend and write everything about it into one folder."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit.backends import EmbeddingTable, Threshold
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError
from svtoolkit.evaluation.decisions import read_scores, tune, write_results
from svtoolkit.evaluation.embedding import user_faults
from svtoolkit.evaluation.plots import plot_det
from svtoolkit.evaluation.scoring import check_both_kinds, score_list, scoring_record
from svtoolkit.metrics.rates import prior_key
from svtoolkit.metrics.summary import summarise
from svtoolkit.metrics.thresholds import rates_at

PRIORS = (0.01, 0.05)


@dataclass
class Evaluation:
    """One trial list, scored.

    Attributes:
        name: of the list.
        trials: the list.
        scores: [n] float64, higher = more alike.
        summary: metrics as fractions, intervals under ``ci``; empty for a list without labels.
        fingerprint: of the model that made the embeddings.
        scoring: the backend in words, such as ``Centre + Cosine``.
        config: text of the config it was run with.
        threshold: tuned on this list, or brought along; None for a list without labels.
        record: how the scores were made, in the keys a threshold is checked by.
        fixed: FAR and FRR at a threshold that was brought along; empty when it was tuned here.
        speakers: name in the list -> speaker, where known.
        models: name in the list -> its enrolment utterances, where it is no utterance.
        manifests: lists of the recordings, for slices and for listening.
    """

    name: str
    trials: TrialList
    scores: np.ndarray
    summary: dict
    fingerprint: str = ''
    scoring: str = ''
    config: str = field(default='', repr=False)
    threshold: Threshold | None = None
    record: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    speakers: dict[str, str] = field(default_factory=dict, repr=False)
    models: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    manifests: list[str] = field(default_factory=list)

    def write(self, folder: str | Path) -> Path:
        """Write scores, ``metrics.json``, ``threshold.json``, verdicts, wrong pairs, plot and config.

        All of it is read again by :func:`read_evaluation`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / 'scores.tsv', score_text(self.trials, self.scores))
        record = dict(
            list=self.name,
            scoring=self.scoring,
            fingerprint=self.fingerprint,
            num_trials=len(self.trials),
            **self.summary,
            record=self.record,
            manifests=[os.path.abspath(path) for path in self.manifests],
        )
        if self.fixed:
            record['fixed_threshold'] = self.fixed
        _replace(folder / 'metrics.json', json.dumps(record, indent=1))
        if self.config:
            _replace(folder / 'config.py', self.config)
        if self.speakers or self.models:
            names = dict(speakers=self.speakers, models=self.models)
            _replace(folder / 'names.json', json.dumps(names, ensure_ascii=False))
        if self.trials.label is not None:
            plot_det({self.name: (self.scores, self.trials.label)}, folder / 'det.png')
        if self.threshold is not None:
            self.threshold.write(folder / 'threshold.json')
            if self.trials.label is not None:
                write_results(folder, self.trials, self.scores, self.threshold.value)
        return folder

    def line(self) -> str:
        """One line for people: percent, intervals, counts."""
        if not self.summary or self.trials.label is None:
            return f'{self.name}: {len(self.trials)} trials scored, no labels'
        ci = self.summary.get('ci', {}).get('EER')
        interval = f' [{100 * ci[0]:.2f}, {100 * ci[1]:.2f}]' if ci else ''
        costs = ', '.join(
            f'minDCF({prior:g}) {self.summary[f"minDCF_{prior_key(prior)}"]:.3f}' for prior in PRIORS
        )
        targets = int(self.trials.label.sum())
        return (
            f'{self.name}: EER {100 * self.summary["EER"]:.2f} %{interval}, {costs} '
            f'({targets} targets, {len(self.trials) - targets} non-targets; {self.scoring})'
        )


def evaluate(
    name: str,
    table: EmbeddingTable,
    trials: TrialList,
    backend,
    speakers: Mapping[str, str] | None = None,
    rounds: int = 1000,
    config: str = '',
    models: Mapping[str, Sequence[str]] | None = None,
    criterion: str = 'eer',
    p_target: float = 0.01,
    threshold: Threshold | None = None,
    crops: str = '',
) -> Evaluation:
    """Score a list and measure it.

    Args:
        name: of the list, for reports.
        table: one embedding per utterance.
        trials: what to score.
        backend: a fitted backend.
        speakers: utterance -> speaker; with it every rate gets a speaker-bootstrap interval.
        rounds: of the bootstrap; 0 for no intervals.
        config: text of the config, kept beside the scores.
        models: name in the list -> its enrolment utterances, where it is no utterance.
        criterion: what the threshold is tuned for, see ``decisions.tune``.
        p_target: prior of a target, for the criterion ``min_dcf``.
        threshold: decide by this one instead of tuning one; it must belong to this scoring.
        crops: how the utterances were cut, in words; empty for whole ones.

    Raises:
        ManifestError: the list names utterances the table does not hold, or has one kind of trial only.
        ConfigError: scores that are not finite, cohort scores that do not vary, or a threshold of
            another scoring.
        FingerprintError: embeddings, backend, cohort and threshold are not of one model.
    """
    check_both_kinds(name, trials)
    record = scoring_record(backend, table.fingerprint, crops)
    if threshold is not None:
        threshold.check(record)
    scores = score_list(name, table, trials, backend, models, speakers)
    summary: dict = {}
    fixed: dict[str, float] = {}
    if trials.label is not None:
        enrol = test = None
        if speakers is not None and rounds:
            owner = np.array([speakers[utt] for utt in trials.ids])
            enrol, test = owner[trials.enrol], owner[trials.test]
        summary = summarise(
            scores,
            trials.label,
            enrol,
            test,
            priors=PRIORS,
            rounds=rounds,
            llr=getattr(backend, 'calibration', None) is not None,
        )
        if threshold is None:
            threshold = tune(scores, trials.label, record, criterion, p_target)
        else:
            far, frr = rates_at(scores, trials.label, threshold.value)
            fixed = dict(value=threshold.value, FAR=far, FRR=frr)
    return Evaluation(
        name,
        trials,
        scores,
        summary,
        table.fingerprint,
        describe(backend),
        config,
        threshold,
        record,
        fixed,
        {} if speakers is None else {utt: speakers[utt] for utt in trials.ids},
        {} if models is None else {model: tuple(utts) for model, utts in models.items()},
    )


def read_evaluation(folder: str | Path) -> Evaluation:
    """Read what :meth:`Evaluation.write` wrote.

    Raises:
        ConfigError: the folder holds no evaluation, or a damaged one.
    """
    folder = Path(folder)
    if not (folder / 'metrics.json').is_file() or not (folder / 'scores.tsv').is_file():
        raise ConfigError(
            f'{folder}: holds no evaluation (metrics.json and scores.tsv); "svtoolkit evaluate" writes one.'
        )
    with user_faults(str(folder)):
        content = json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
        names = folder / 'names.json'
        known = json.loads(names.read_text(encoding='utf-8')) if names.is_file() else {}
        path = folder / 'threshold.json'
        threshold = Threshold.read(path) if path.is_file() else None
    trials, scores = read_scores(folder / 'scores.tsv')
    head = dict.fromkeys(('list', 'scoring', 'fingerprint'), '')
    head |= {key: content.pop(key) for key in head if key in content}
    record, manifests = content.pop('record', {}), content.pop('manifests', [])
    fixed = content.pop('fixed_threshold', {})
    content.pop('num_trials', None)
    models = {model: tuple(utts) for model, utts in known.get('models', {}).items()}
    return Evaluation(
        head['list'],
        trials,
        scores,
        content,
        head['fingerprint'],
        head['scoring'],
        threshold=threshold,
        record=record,
        fixed=fixed,
        speakers=known.get('speakers', {}),
        models=models,
        manifests=manifests,
    )


def describe(backend) -> str:
    """A backend in words: the names of its parts."""
    parts = getattr(backend, 'parts', [backend])
    return ' + '.join(type(part).__name__ for part in parts)


def score_text(trials: TrialList, scores: np.ndarray) -> str:
    """The score file: ``label enrol test score``, tab separated, in list order; label empty if unknown."""
    ids = trials.ids
    labels = [''] * len(trials) if trials.label is None else trials.label.astype(int).tolist()
    rows = (
        f'{label}\t{ids[a]}\t{ids[b]}\t{score:.6f}'
        for label, a, b, score in zip(labels, trials.enrol.tolist(), trials.test.tolist(), scores.tolist())
    )
    return 'label\tenrol\ttest\tscore\n' + '\n'.join(rows) + '\n'


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f'.{path.name}.tmp')
    temporary.write_text(text, encoding='utf-8')
    os.replace(temporary, path)
