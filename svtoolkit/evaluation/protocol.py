"""Score a trial list with a backend and write everything about it into one folder."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from svtoolkit.backends import EmbeddingTable
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError, list_faults
from svtoolkit.evaluation.plots import plot_det
from svtoolkit.metrics.rates import prior_key
from svtoolkit.metrics.summary import summarise

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
    """

    name: str
    trials: TrialList
    scores: np.ndarray
    summary: dict
    fingerprint: str = ''
    scoring: str = ''
    config: str = field(default='', repr=False)

    def write(self, folder: str | Path) -> Path:
        """Write ``scores.tsv``, ``metrics.json``, ``threshold.json``, ``det.png`` and the config into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / 'scores.tsv', score_text(self.trials, self.scores))
        record = dict(
            list=self.name,
            scoring=self.scoring,
            fingerprint=self.fingerprint,
            num_trials=len(self.trials),
            **self.summary,
        )
        _replace(folder / 'metrics.json', json.dumps(record, indent=1))
        if self.config:
            _replace(folder / 'config.py', self.config)
        if self.trials.label is not None:
            _replace(folder / 'threshold.json', json.dumps(self.thresholds(), indent=1))
            plot_det({self.name: (self.scores, self.trials.label)}, folder / 'det.png')
        return folder

    def thresholds(self) -> dict:
        """Thresholds at the EER and at the minimum cost of every prior, with what they belong to."""
        points = {key: value for key, value in self.summary.items() if key.startswith('threshold')}
        return dict(fingerprint=self.fingerprint, scoring=self.scoring, list=self.name, **points)

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

    Raises:
        ManifestError: the list names utterances the table does not hold.
    """
    known = set(table.ids)
    missing = [utt for utt in trials.ids if utt not in known]
    if missing:
        raise ManifestError(
            list_faults(
                f"list '{name}': {len(missing)} of {len(trials.ids)} utterances have no embedding:",
                missing,
                10,
            )
        )
    scores = backend.score_trials(table, trials)
    summary: dict = {}
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
            llr=getattr(backend, 'calibrated', False),
        )
    return Evaluation(name, trials, scores, summary, table.fingerprint, describe(backend), config)


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
