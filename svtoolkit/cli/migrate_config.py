"""svtoolkit migrate-config: a train.toml or infer.toml of the ECAPA voiceprint project as a config."""

import click


@click.command()
@click.argument('source', type=click.Path(dir_okay=False))
@click.option(
    '--output', '-o', type=click.Path(dir_okay=False), help='Config to write.  [default: SOURCE.py]'
)
@click.option(
    '--root', type=click.Path(file_okay=False), help="Folder of the recordings.  [default: each list's own]"
)
def command(source, output, root) -> None:
    """Write the recipe of SOURCE as a Python config, and name every key that has no effect here."""
    from pathlib import Path

    from svtoolkit.zoo.migrate import migrate

    found = migrate(source, root)
    path = Path(output or Path(source).with_suffix('.py'))
    found.write(path)
    for line in found.ignored:
        click.echo(f'without effect: {line}', err=True)
    click.echo(f'{path}: {len(found.ignored)} keys without effect')
