"""svtoolkit embed: recordings to a table of embeddings."""

import click

from svtoolkit.cli._scoring import folder_of


@click.command()
@click.argument('recordings', nargs=-1, type=click.Path())
@click.option('--manifest', type=click.Path(), help='Embed the utterances of this list instead.')
@click.option('--root', type=click.Path(), help='Folder that relative paths of the list start from.')
@click.option('--model', help='Name, file or run directory.  [default: the shipped model]')
@click.option('--device', default='cpu', show_default=True)
@click.option(
    '--output', '-o', type=click.Path(), required=True, help='Table to write, .npz (no pickle inside).'
)
def command(recordings, manifest, root, model, device, output) -> None:
    """Write one embedding per recording, with the model's fingerprint, into an .npz table."""
    from collections import Counter
    from pathlib import Path

    import svtoolkit
    from svtoolkit.backends import EmbeddingTable
    from svtoolkit.errors import list_faults

    if Path(output).suffix not in ('.npz', '.npy'):
        raise click.UsageError(f'--output {output}: a table ends in .npz, or .npy to be memory-mapped')
    if bool(recordings) == bool(manifest):
        raise click.UsageError('give recordings or --manifest, one of them')
    ids, paths = list(recordings), list(recordings)
    if manifest:
        from svtoolkit.datasets.manifest import Manifest

        listed = Manifest.read(manifest, root=root)
        ids = list(listed.utts)
        paths = [listed.path(index) for index in range(len(ids))]
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise click.UsageError(list_faults(f'{len(twice)} recordings are named twice:', twice))
    folder_of(output)  # now, not after hours of work
    embedder = svtoolkit.load(model, device)
    EmbeddingTable(ids, embedder.embed(paths), embedder.fingerprint).save(output)
    click.echo(f'{output}: {len(ids)} embeddings of {embedder.embed_dim} values, model {embedder.name}')
