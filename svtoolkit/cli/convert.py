"""svtoolkit convert: weights of another toolkit to a model of ours."""

import click

# Written out so that --help loads no torch; a test holds it against svtoolkit.zoo.sources.
SOURCES = (
    'wespeaker',
    '3dspeaker',
    'speechbrain',
    'nemo',
    'redimnet',
    'tao',
    'clova',
    'resemblyzer',
    'bilstm',
)


@click.command()
@click.argument('file', type=click.Path(dir_okay=False))
@click.option('--from', 'source', type=click.Choice(SOURCES), required=True, help='Toolkit FILE comes from.')
@click.option('--output', '-o', type=click.Path(file_okay=False), required=True, help='Folder of the model.')
@click.option('--name', help='Name of the model.  [default: that of FILE]')
@click.option('--threshold', type=float, help='Same speaker at or above this score, if you measured one.')
def command(file, source, output, name, threshold) -> None:
    """Convert the weights in FILE, with the front end of their toolkit, to a model folder.

    The embeddings are those of the other toolkit. Nothing in FILE is executed; a file that would have to be
    unpickled is refused.
    """
    from svtoolkit.zoo.convert import convert

    package = convert(file, source, name=name, threshold=threshold)
    package.save(output)
    front_end = package.config['data_preprocessor']['feature']['type']
    click.echo(
        f'{output}: {package.card["summary"]}, {package.model.embed_dim} values, {front_end}, '
        f'fingerprint {package.fingerprint}'
    )
