"""A neural scorer, its enrolment model's cosine, and both fused, on the lists of speechocean762.

    python tools/benchmarks/compare_neural_scoring.py configs/neural_scoring/so762_ns_clean.py RUN/epoch_20.pth DATA/so762

The cosine is that of the frozen enrolment model inside the checkpoint, less the mean of the training recordings. The
weights of the fusion come from the trials of the development voices. Prints EER (%) and minDCF(0.05), and the
interval of the difference to the cosine, speakers resampled in pairs.
"""

from pathlib import Path

import click
import numpy as np
import torch
from paired import print_difference

from svtoolkit.audio import io
from svtoolkit.backends import LinearFusion
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList
from svtoolkit.engine import checkpoint as files
from svtoolkit.engine import launch
from svtoolkit.evaluation.neural_backend import NeuralBackend
from svtoolkit.registry import MODELS


@click.command()
@click.argument('config', type=click.Path(exists=True, path_type=Path))
@click.argument('checkpoint', type=click.Path(exists=True, path_type=Path))
@click.argument('data', type=click.Path(exists=True, path_type=Path))
def main(config: Path, checkpoint: Path, data: Path) -> None:
    """Compare the scorer of CHECKPOINT with its own enrolment model."""
    torch.set_num_threads(1)
    model = MODELS.build(launch.read_config(config).model).eval()
    model.load_state_dict(files.load(checkpoint)['state_dict'])
    lists = {part: Manifest.read(data / f'{part}.tsv') for part in ('train', 'test')}
    speakers = {utt: str(name) for one in lists.values() for utt, name in zip(one.utts, one.speakers)}
    backend = NeuralBackend()
    for one in lists.values():
        backend.prepare(model, ((utt, io.read(data / path, 16000)) for utt, path in zip(one.utts, one.paths)))
    mean = torch.stack([backend.embeddings[utt] for utt in lists['train'].utts]).mean(0)

    def scores(name: str) -> tuple[TrialList, np.ndarray]:
        trials = TrialList.read(data / f'trials_{name}.txt')
        rows = torch.stack([backend.embeddings[utt] for utt in trials.ids]) - mean
        unit = torch.nn.functional.normalize(rows.double(), dim=1).numpy()
        cosine = np.einsum('nd,nd->n', unit[trials.enrol], unit[trials.test])
        return trials, np.stack([backend.score_trials(trials), cosine], axis=1)

    trials, both = scores('dev')
    fusion = LinearFusion().fit(both, trials.label)
    for name in ('dev', 'random', 'hard'):
        trials, both = scores(name)
        owners = np.array([speakers[utt] for utt in trials.ids])
        sides = owners[trials.enrol], owners[trials.test]
        for system, ours in (('neural scorer', both[:, 0]), ('fused', fusion.llr(both))):
            print_difference(name, (system, 'cosine'), ours, both[:, 1], trials.label, sides)


if __name__ == '__main__':
    main()
