"""svtoolkit make-lists: training and validation lists of a corpus."""

import click


@click.command()
@click.argument('corpus', type=click.Path())
@click.option('--output', '-o', required=True, type=click.Path(), help='Folder to write.')
@click.option(
    '--split-ratio',
    default=-1.0,
    show_default=True,
    help='Share of each speaker that validates; -1: 3 files.',
)
@click.option('--seed', default=0, show_default=True)
@click.option('--min-duration', default=0.0, show_default=True, help='Leave out shorter recordings, seconds.')
def command(corpus, output, split_ratio, seed, min_duration) -> None:
    """Split CORPUS, a list or a folder speaker/…/file, and pair its validation recordings.

    Writes train.csv, valid.csv (as the Clova-style trainers read them), train.tsv, valid.tsv and
    trials_valid.txt; the same seed gives the same bytes.
    """
    from pathlib import Path

    from svtoolkit.datasets.manifest import Manifest
    from svtoolkit.evaluation.list_making import split_corpus, write_lists

    is_tree = Path(corpus).is_dir() and not (Path(corpus) / 'wav.scp').is_file()
    listed = Manifest.from_folder(corpus) if is_tree else Manifest.read(corpus)
    split = split_corpus(listed, split_ratio, seed, min_duration)
    write_lists(split, output)
    click.echo(split.report())
