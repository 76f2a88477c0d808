"""svtoolkit calibrate: scores become log likelihood ratios, and a threshold for the use at hand."""

import click

from svtoolkit.cli._scoring import CRITERIA, folder_of, prepare, scoring_options


@click.command()
@click.argument('trials', type=click.Path())
@click.option('--output', '-o', required=True, type=click.Path(), help='Calibration to write, .npz.')
@click.option(
    '--scores', 'is_scores', is_flag=True, help='TRIALS is a labelled score file, nothing is scored.'
)
@click.option('--fingerprint', default='', help="With --scores: of the model.  [default: metrics.json's]")
@click.option('--method', type=click.Choice(['logistic', 'isotonic']), default='logistic', show_default=True)
@click.option('--prior', default=0.5, show_default=True, help='Of a target, that errors are weighed by.')
@click.option('--criterion', default='eer', show_default=True, help=f'Tunes the threshold: {CRITERIA}.')
@click.option('--p-target', default=0.01, show_default=True, help='Prior of a target, for mindcf.')
@click.option('--gallery', type=click.IntRange(min=1), help='Enrolled people of an identification.')
@click.option(
    '--fpir', default=0.01, show_default=True, help='With --gallery: share of strangers taken for somebody.'
)
@click.option('--save-backend', type=click.Path(), help='Also write the whole chain, calibration included.')
@scoring_options
def command(
    trials,
    output,
    is_scores,
    fingerprint,
    method,
    prior,
    criterion,
    p_target,
    gallery,
    fpir,
    save_backend,
    **setup,
) -> None:
    """Learn a calibration from labelled trials whose speakers the model was not trained on.

    Beside it goes a threshold on the calibrated scores, as OUTPUT with the ending .threshold.json. With
    --gallery it is tuned to the false acceptances that a search of so many people can bear.
    """
    from svtoolkit.evaluation import calibrating

    if is_scores:
        source = calibrating.from_scores(trials, fingerprint)
    else:
        source = calibrating.from_job(prepare(trials, setup))
    lines: list[str] = []
    if gallery is not None:
        criterion, lines = calibrating.for_gallery(gallery, fpir, source.label)
    folder_of(output)
    found = calibrating.calibrate(source, method, prior, criterion, p_target)
    for line in [*found.lines(), *lines, *found.write(output, save_backend)]:
        click.echo(line)
