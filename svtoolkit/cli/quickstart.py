"""svtoolkit quickstart: from a corpus to a trained model, an error rate and a verdict, in one go."""

import click


@click.command()
@click.option('--data', type=click.Path(file_okay=False), help='Folder that holds so762/; else looked for.')
@click.option('--epochs', type=click.IntRange(1), help='Fewer epochs than the recipe, for a quick look.')
@click.option('--work-dir', default='work_dirs/quickstart', show_default=True, type=click.Path())
def command(data, epochs, work_dir) -> None:
    """Train the small recipe on real speech, measure it on unseen speakers, verify three recordings.

    Started again, it goes on where it stopped. Without a corpus it takes synthetic voices and says so.
    """
    from svtoolkit.quickstart import run

    run(data, epochs, work_dir, say=click.echo)
