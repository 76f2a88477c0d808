"""Where a neural scoring run gets its enrolment model from."""

from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from safetensors.torch import load_file

from svtoolkit.datasets.draws import Draw
from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError, ConfigError
from svtoolkit.registry import HOOKS


@HOOKS.register_module()
class EnrolmentWeightsHook(Hook):
    """Load the frozen enrolment model before training, and begin the test trunk as its copy.

    Strict: every tensor but those of a classifier must be there and fit. A checkpoint of the run itself
    (``load_from``, ``--resume``) is loaded later and wins.

    Args:
        checkpoint: a run's ``.pth``, or a published or converted ``.safetensors``.
        align_utts: of the training list, which the scorer's start is fitted to
            (``NeuralScoringRecognizer.align_scorer``); 0 leaves it random, as published.
        seconds: length of their crops.

    Raises:
        ConfigError: no checkpoint is named, or the model is no ``NeuralScoringRecognizer``.
    """

    def __init__(self, checkpoint: str | None = None, align_utts: int = 0, seconds: float = 4.0) -> None:
        if not checkpoint:
            raise ConfigError(
                'EnrolmentWeightsHook: name the checkpoint of a trained recogniser of the same backbone, neck '
                'and embedding (enrolment_checkpoint in the shipped recipes).'
            )
        self.checkpoint = checkpoint
        self.align_utts = align_utts
        self.seconds = seconds

    def before_run(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, 'start_test_trunk'):
            raise ConfigError(
                f'EnrolmentWeightsHook: {type(model).__name__} has no enrolment model; take '
                'NeuralScoringRecognizer.'
            )
        load_enroller(model, self.checkpoint)
        runner.logger.info(f'loaded the enrolment model of {self.checkpoint}')
        if self.align_utts:
            dataset = runner.train_dataloader.dataset
            rows = np.linspace(0, len(dataset) - 1, min(len(dataset), self.align_utts)).astype(int)
            samples = round(self.seconds * dataset.sample_rate)
            waves = np.stack(
                [dataset.load(Draw(0, row, row, samples, 1.0, dataset.seed)) for row in rows.tolist()]
            )
            device = next(model.parameters()).device
            share = model.align_scorer(torch.from_numpy(waves).to(device))
            runner.logger.info(
                f'mean frames explain {100 * share:.1f} % of the variance of {len(waves)} enrolment embeddings'
            )


def load_enroller(model, path: str | Path) -> None:
    """Load the enrolment model of a ``NeuralScoringRecognizer``, strictly, and start its test trunk.

    Raises:
        CheckpointError: unreadable, or missing, foreign or differently shaped tensors; all are named.
    """
    path = Path(path)
    if path.suffix == '.safetensors':
        if not path.is_file():
            raise CheckpointError(f'{path}: no such checkpoint file.')
        state = load_file(path)
    else:
        checkpoint = files.load(path)
        state = checkpoint.get('state_dict', checkpoint)
    left_out = ('head.', 'scoring.')  # the classifier, and the mean that a published model's scores subtract
    files.load_weights(
        model.enroller,
        {name: value for name, value in state.items() if not name.startswith(left_out)},
        path,
    )
    model.start_test_trunk()
