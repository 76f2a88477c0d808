"""From a run to a model people can use: weights, front end, mean, threshold and card in one folder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from svtoolkit.datasets.samples import collate
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError
from svtoolkit.evaluation.neural_backend import NeuralBackend
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer, eer_threshold
from svtoolkit.registry import DATASETS
from svtoolkit.zoo.package import ModelPackage, load


def publish(
    config: Config,
    checkpoint: str | Path,
    folder: str | Path,
    name: str,
    card: dict | None = None,
    threshold_from: str | Path | None = None,
) -> ModelPackage:
    """Measure what scoring needs and write the package.

    The mean is taken over the training recordings of the config (a neural scorer has none); the threshold is
    the EER point of its validation list, whose voices the model must not have been trained on.

    Args:
        config: of the run.
        checkpoint: weights to publish.
        folder: where the package goes.
        name: of the model.
        card: data, licence, results and limits.
        threshold_from: a checkpoint of the same recipe that did not see the validation voices, when this
            one did; the threshold is then measured with that one.
    """
    package = load(checkpoint)
    package.name, package.card = name, card or {}
    package.mean = _mean(package, config)
    judge = package
    if threshold_from is not None:
        judge = load(threshold_from)
        judge.mean = _mean(judge, config)
    trials = TrialList.read(config.val_evaluator.trials)
    scores = _scores(judge, config, trials)
    if trials.label is None:
        raise ManifestError(f'{config.val_evaluator.trials}: has no labels; a threshold cannot be measured.')
    curve = error_curve(scores, trials.label)
    package.threshold = float(eer_threshold(curve))
    package.threshold_source = (
        f'EER point of {Path(config.val_evaluator.trials).name} '
        f'({len(trials)} trials, EER {100 * eer(curve):.2f} %)'
    )
    if threshold_from is not None:
        package.threshold_source += ', measured with a sibling that was not trained on its voices'
    package.save(folder)
    return package


def embed_dataset(package: ModelPackage, config: dict) -> dict[str, np.ndarray]:
    """Embed the utterances of a dataset config, whole and without augmentation: name -> [D]."""
    with torch.inference_mode():
        return {utt: package.model.embed(wave[None])[0].float().numpy() for utt, wave in _waves(config)}


def _waves(config: dict) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and whole waveforms [T] of a dataset config."""
    dataset = DATASETS.build(config)
    dataset.full_init()
    for index in range(len(dataset)):
        batch = collate([dataset[index]])
        yield batch['data_samples'][0].utt, batch['inputs'][0]


def _mean(package: ModelPackage, config: Config) -> np.ndarray | None:
    if hasattr(package.model, 'scorer'):
        return None
    keys = ('manifest', 'root', 'include_speakers', 'exclude_speakers', 'sample_rate')
    train = {key: value for key, value in config.train_dataloader.dataset.items() if key in keys}
    return np.mean(list(embed_dataset(package, dict(type='UtteranceDataset', **train)).values()), axis=0)


def _scores(package: ModelPackage, config: Config, trials: TrialList) -> np.ndarray:
    if package.mean is None:  # a neural scorer
        utterances = _waves(config.val_dataloader.dataset)
        backend = NeuralBackend().prepare(package.model, utterances, trials)  # type: ignore[arg-type]
        return backend.score_trials(trials)  # type: ignore[arg-type]  # its names are only read
    vectors = embed_dataset(package, config.val_dataloader.dataset)
    matrix = np.stack([vectors[utt] for utt in trials.ids]) - package.mean
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.einsum('nd,nd->n', matrix[trials.enrol], matrix[trials.test])
