"""The metric of a neural scoring run: embeddings and frames of all ranks in, error rates out."""

from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from svtoolkit import backends
from svtoolkit.backends import EmbeddingTable
from svtoolkit.errors import ConfigError
from svtoolkit.evaluation.neural_backend import NeuralBackend, NeuralScores
from svtoolkit.evaluation.protocol import evaluate
from svtoolkit.evaluation.trial_metric import TrialMetric
from svtoolkit.registry import BACKENDS, METRICS


@METRICS.register_module()
class NeuralTrialMetric(TrialMetric):
    """``TrialMetric`` of a ``NeuralScoringRecognizer``: trials are scored by its scorer, as it stands.

    Args:
        trials: path of a trial list, or name -> path of several.
        backend: config of a ``NeuralBackend``; there is nothing to fit.
        rounds: of the speaker bootstrap for intervals; 0 leaves intervals out.
        out_dir: folder for scores, metrics, thresholds and plots; None writes nothing.
        fingerprint: of the model, written beside the scores.
    """

    def __init__(
        self,
        trials: str | dict[str, str],
        backend: dict | None = None,
        rounds: int = 0,
        out_dir: str | None = None,
        fingerprint: str = '',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        backend = backend or dict(type='NeuralBackend')
        super().__init__(trials, backend, None, rounds, out_dir, fingerprint, collect_device, prefix)
        self.scorer: Any = None

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        for sample in data_samples:
            self.scorer = sample['scorer']
            both = sample['embedding'].numpy(), sample['frames'].numpy()
            self.results.append((sample['utt'], sample['speaker'], *both))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Measure every list; fractions, not percent.

        Args:
            results: (utterance, speaker, embedding [D], frames [T, W]) of every utterance.
        """
        backend = backends.build(self.backend, {name: BACKENDS.get(name) for name in BACKENDS.names()})
        if not isinstance(backend, NeuralBackend):
            raise ConfigError(
                f'NeuralTrialMetric: backend is {type(backend).__name__}; a neural scoring model needs '
                'NeuralBackend. For the cosine of its enrolment model test that model with TrialMetric.'
            )
        embeddings = {utt: torch.from_numpy(vector) for utt, _, vector, _ in results}
        backend.hold(
            self.scorer, embeddings, {utt: torch.from_numpy(frames) for utt, _, _, frames in results}
        )
        speakers = {utt: speaker for utt, speaker, _, _ in results}
        matrix = torch.stack(list(embeddings.values())).numpy()
        table = EmbeddingTable(list(embeddings), matrix, self.fingerprint)
        values: dict[str, float] = {}
        for name, trials in self.trials.items():
            result = evaluate(name, table, trials, NeuralScores(backend), speakers, self.rounds)
            print_log(result.line(), logger='current')
            if self.out_dir is not None:
                result.write(Path(self.out_dir) / name)
            key = '' if self.single else f'{name}/'
            values |= {
                f'{key}{metric}': float(value)
                for metric, value in result.summary.items()
                if isinstance(value, float)
            }
        return values
