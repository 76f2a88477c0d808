"""svtoolkit evaluate: error rates of a trial list, with everything about them in one folder."""

import click

from svtoolkit.cli._scoring import CRITERIA, prepare, scoring_options


@click.command()
@click.argument('trials', type=click.Path())
@click.option('--output', '-o', required=True, type=click.Path(), help='Folder to write.')
@click.option('--name', default='', help="Of the list in reports.  [default: the file's]")
@click.option('--criterion', default='eer', show_default=True, help=f'Tunes the threshold: {CRITERIA}.')
@click.option('--p-target', default=0.01, show_default=True, help='Prior of a target, for mindcf.')
@click.option('--threshold', type=click.Path(), help='Decide by this threshold.json instead of tuning one.')
@click.option(
    '--rounds',
    default=1000,
    show_default=True,
    type=click.IntRange(min=0),
    help='Of the bootstrap; 0: no intervals.',
)
@click.option('--report/--no-report', default=True, show_default=True, help='Write report.html.')
@click.option(
    '--audio/--no-audio', default=True, show_default=True, help='Let the report play the hardest errors.'
)
@scoring_options
def command(trials, output, name, criterion, p_target, threshold, rounds, report, audio, **setup) -> None:
    """Score and measure the labelled list TRIALS.

    Writes scores.tsv, metrics.json, threshold.json, evaluation_results.csv, false_rejected_pairs.txt,
    false_accepted_pairs.txt, det.png and report.html.
    """
    from pathlib import Path

    from svtoolkit.errors import ManifestError
    from svtoolkit.evaluation.decisions import read_threshold
    from svtoolkit.evaluation.report import write_report

    job = prepare(trials, setup)
    if job.protocol.trials.label is None:
        raise ManifestError(f'{trials}: has no labels, so nothing can be measured; use "svtoolkit score".')
    fixed = None if threshold is None else read_threshold(threshold, job.record)
    found = job.evaluate(name, rounds, criterion, p_target, fixed)
    found.write(output)
    if report:
        write_report(found, Path(output) / 'report.html', job.manifests, audio, rounds=min(rounds, 200))
    click.echo(found.line())
    if found.fixed:
        far, frr = 100 * found.fixed['FAR'], 100 * found.fixed['FRR']
        click.echo(
            f'at threshold {found.fixed["value"]:.4f}, brought along: FAR {far:.3f} %, FRR {frr:.3f} %'
        )
    elif found.threshold is not None:
        point = found.threshold
        click.echo(
            f'threshold {point.value:.4f} ({point.criterion}): FAR {100 * point.FAR:.3f} %, '
            f'FRR {100 * point.FRR:.3f} %'
        )
    click.echo(f'written to {output}')
