"""svtoolkit report: the HTML page of an evaluation, from its folder."""

import click


@click.command()
@click.argument('folder', type=click.Path())
@click.option(
    '--manifest',
    'manifests',
    multiple=True,
    type=click.Path(),
    help="Lists of recordings.  [default: the evaluation's]",
)
@click.option('--root', type=click.Path(), help='Folder that paths of the lists start from.')
@click.option('--output', '-o', type=click.Path(), help='Page to write.  [default: FOLDER/report.html]')
@click.option(
    '--errors',
    default=6,
    show_default=True,
    type=click.IntRange(min=0),
    help='Misses and false alarms shown, each.',
)
@click.option('--audio/--no-audio', default=True, show_default=True, help='Embed the first seconds of them.')
@click.option('--against', type=click.Path(), help='Folder of another system on the same trials, to compare.')
def command(folder, manifests, root, output, errors, audio, against) -> None:
    """Write one self-contained HTML page about the evaluation in FOLDER: nothing is loaded from elsewhere."""
    from pathlib import Path

    from svtoolkit.cli._scoring import folder_of
    from svtoolkit.datasets.manifest import Manifest
    from svtoolkit.evaluation.comparing import compare
    from svtoolkit.evaluation.protocol import read_evaluation
    from svtoolkit.evaluation.report import write_report

    found = read_evaluation(folder)
    found.manifests = [str(path) for path in manifests] or found.manifests
    lists = [Manifest.read(path, root=root, need_speakers=False) for path in found.manifests]
    comparison = None if against is None else compare(found, read_evaluation(against))
    page = Path(output) if output else Path(folder) / 'report.html'
    folder_of(str(page))
    write_report(found, page, lists, audio, errors, comparison=comparison)
    for line in [] if comparison is None else comparison.lines():
        click.echo(line)
    click.echo(f'{page}: {page.stat().st_size / 1e6:.1f} MB')
