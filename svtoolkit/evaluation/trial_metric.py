"""The metric of a run: embeddings of all ranks in, error rates of trial lists out."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from svtoolkit import backends
from svtoolkit.backends import EmbeddingTable
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError
from svtoolkit.evaluation.protocol import evaluate
from svtoolkit.registry import BACKENDS, METRICS


@METRICS.register_module()
class TrialMetric(BaseMetric):
    """EER, minDCF and thresholds of one or more trial lists, as ``asv/EER`` or ``asv/<list>/EER``.

    Every unique utterance is embedded once, on whichever rank; utterances are told apart by name, so
    doubles do no harm.

    Args:
        trials: path of a trial list, or name -> path of several.
        backend: config, or list of configs that make a chain; it ends in a scorer.
        fit: manifests whose utterances (embedded in the same pass) the backend is fitted on; with
            None it is fitted on all embedded utterances (Centre then takes their mean).
        rounds: of the speaker bootstrap for intervals; 0 leaves intervals out.
        out_dir: folder for scores, metrics, thresholds and plots; None writes nothing.
        fingerprint: of the model, written beside the scores.
    """

    default_prefix = 'asv'

    def __init__(
        self,
        trials: str | dict[str, str],
        backend: dict | list[dict] | None = None,
        fit: str | list[str] | None = None,
        rounds: int = 0,
        out_dir: str | None = None,
        fingerprint: str = '',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.single = isinstance(trials, str)
        lists = {Path(trials).stem: trials} if isinstance(trials, str) else dict(trials)
        self.trials = {name: TrialList.read(path) for name, path in lists.items()}
        self.backend = backend or dict(type='Cosine')
        self.fit = [fit] if isinstance(fit, str) else fit
        self.rounds = rounds
        self.out_dir = out_dir
        self.fingerprint = fingerprint

    def check_utterances(self, utts: Iterable[str]) -> None:
        """Refuse data that lack an utterance of the lists.

        Raises:
            ConfigError: names the lists, how many utterances they miss, and the first of them.
        """
        known = set(utts)
        faults = []
        for name, trials in self.trials.items():
            missing = [utt for utt in trials.ids if utt not in known]
            if missing:
                faults.append(
                    f"the data lack {len(missing)} of {len(trials.ids)} utterances of the trial list '{name}', "
                    f"such as '{missing[0]}'"
                )
        if faults:
            raise ConfigError('; '.join(faults))

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        for sample in data_samples:
            self.results.append((sample['utt'], sample['speaker'], sample['embedding'].numpy()))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather the embeddings of all ranks and measure on the first; ``size`` is not needed."""
        gathered = [item for part in all_gather_object(self.results) for item in part]
        self.results.clear()
        answer = [self.compute_metrics(gathered) if is_main_process() else {}]
        broadcast_object_list(answer)
        return {f'{self.prefix}/{key}': value for key, value in answer[0].items()}

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Measure every list; fractions, not percent.

        Args:
            results: (utterance, speaker, embedding [D]) triples.
        """
        embeddings = {utt: vector for utt, _, vector in results}
        speakers = {utt: speaker for utt, speaker, _ in results}
        table = EmbeddingTable(list(embeddings), np.stack(list(embeddings.values())), self.fingerprint)
        backend = backends.build(self.backend, {name: BACKENDS.get(name) for name in BACKENDS.names()})
        chosen = (
            list(embeddings)
            if self.fit is None
            else [utt for path in self.fit for utt in Manifest.read(path).utts if utt in embeddings]
        )
        backend.fit(table.select(chosen), [speakers[utt] for utt in chosen])
        values: dict[str, float] = {}
        for name, trials in self.trials.items():
            result = evaluate(name, table, trials, backend, speakers, self.rounds)
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
