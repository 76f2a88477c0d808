"""svtoolkit score: scores, or verdicts, of a trial list whose truth need not be known."""

import click

from svtoolkit.cli._scoring import folder_of, prepare, scoring_options


@click.command()
@click.argument('trials', type=click.Path())
@click.option(
    '--output', '-o', required=True, type=click.Path(), help='Score file; with --threshold a CSV of verdicts.'
)
@click.option(
    '--threshold', type=click.Path(), help='threshold.json of "svtoolkit evaluate" on another list.'
)
@scoring_options
def command(trials, output, threshold, **setup) -> None:
    """Score the list TRIALS; with a threshold also say for each trial whether it is one speaker.

    A threshold that was tuned with another model, scoring, normalisation, cohort or cropping is refused.
    """
    from pathlib import Path

    from svtoolkit.evaluation.decisions import read_threshold, write_verdicts
    from svtoolkit.evaluation.protocol import score_text

    job = prepare(trials, setup)
    fixed = None if threshold is None else read_threshold(threshold, job.record)
    scores = job.scores()
    folder_of(output)
    if fixed is None:
        Path(output).write_text(score_text(job.protocol.trials, scores), encoding='utf-8')
        click.echo(f'{output}: {len(scores)} scores')
        return
    write_verdicts(output, job.protocol.trials, scores, fixed.value)
    accepted = int((scores >= fixed.value).sum())
    click.echo(
        f'{output}: {len(scores)} trials, {accepted} accepted at {fixed.value:.4f} ({fixed.criterion})'
    )
