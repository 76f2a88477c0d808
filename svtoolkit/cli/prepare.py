"""svtoolkit prepare: manifests and trial lists of a public corpus."""

import click

CORPORA = (
    'voxceleb1',
    'voxceleb2',
    'cnceleb',
    'voices',
    'sitw',
    'so762',
    'librispeech',
    'musan',
    'rirs_noises',
    'folder',
)


@click.command()
@click.argument('corpus', type=click.Choice(CORPORA))
@click.argument('source', type=click.Path(file_okay=False))
@click.argument('out', type=click.Path(file_okay=False))
@click.option('--convert', is_flag=True, help='Make 16 kHz FLAC of m4a and other formats, in OUT/audio.')
@click.option(
    '--download', is_flag=True, help='Fetch the corpus into SOURCE first, where it has an open home.'
)
@click.option('--jobs', type=click.IntRange(1), default=1, show_default=True, help='Processes.')
@click.option('--pack', is_flag=True, help='Also pack the sounds (musan, rirs_noises).')
@click.pass_context
def command(context, corpus, source, out, convert, download, jobs, pack) -> None:
    """Write the manifests and trial lists of CORPUS, unpacked in SOURCE, to the folder OUT.

    CORPUS "folder" is any tree speaker/.../file. Started again, a broken-off conversion or download goes on.
    Exit code 2: something asked for could not be made, such as a trial list whose recordings are missing.
    """
    from pathlib import Path

    from svtoolkit.datasets.sources.corpora import prepare

    report = prepare(corpus, Path(source), Path(out), convert, download, jobs, pack, say=click.echo)
    click.echo(report.text())
    context.exit(0 if report.usable else 2)
