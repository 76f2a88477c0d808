"""Options of the commands that score a list, and the work they share."""

from collections.abc import Callable
from pathlib import Path

import click

CRITERIA = 'eer, gmean, f1, mindcf, far=x or frr=x'

OPTIONS = (
    click.option('--embeddings', type=click.Path(), help='Table of the utterances, .npz of "svtoolkit embed".'),
    click.option('--model', help='Name, file or run directory.  [default: the shipped model]'),
    click.option(
        '--manifest', 'manifests', multiple=True, type=click.Path(), help='List of the recordings; repeatable.'
    ),
    click.option('--root', type=click.Path(), help='Folder that paths start from.'),
    click.option('--device', default='cpu', show_default=True),
    click.option('--protocol', default='plain', show_default=True, help='vox1-o, cnceleb, sitw, voices, sre, …'),
    click.option('--enrol', type=click.Path(), help='Enrolment map, for lists that name models.'),
    click.option('--backend', help='Saved .npz, config .json, or names such as Centre+LDA(dim=99)+PLDA.'),
    click.option('--fit', multiple=True, type=click.Path(), help='Training list the backend learns from.'),
    click.option('--fit-embeddings', type=click.Path(), help='Table of the training list.'),
    click.option('--cohort', type=click.Path(), help='Cohort file of "svtoolkit cohort".'),
    click.option('--norm', help='Score normalisation: z t s zt tz as1 as2 az at none.  [default: as1]'),
    click.option('--topn', type=click.IntRange(min=1), help='Nearest cohort entries.  [default: 300]'),
    click.option('--calibration', type=click.Path(), help='Saved calibration of "svtoolkit calibrate".'),
    click.option('--crops', default=0, type=click.IntRange(min=0), help='Compare so many 4 s crops; 0: whole.'),
    click.option('--distance', is_flag=True, help='With crops: minus the mean distance, not the mean cosine.'),
    click.option('--cache', type=click.Path(), help='Folder that remembers embeddings between runs.'),
    click.option(
        '--train', multiple=True, type=click.Path(), help='List the model was trained on, to find leaks.'
    ),
    click.option('--allow-leak', is_flag=True, help='Speakers named alike in training and trials are no error.'),
)  # fmt: skip


def scoring_options(command: Callable) -> Callable:
    """Give a command every option of ``evaluation.job.Setup``."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def prepare(trials: str, setup: dict):
    """The job of a list; see ``Setup.prepare``."""
    import svtoolkit
    from svtoolkit.evaluation.job import Setup

    job = Setup(**setup).prepare(trials, svtoolkit.load)
    for note in job.notes:
        click.echo(f'note: {note}', err=True)
    return job


def folder_of(path: str) -> Path:
    """The folder of a file to be written, made where it does not exist."""
    parent = Path(path).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent
