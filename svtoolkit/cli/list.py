"""svtoolkit list: every part there is, by kind."""

import click

KINDS = (
    'models',
    'recognizers',
    'features',
    'backbones',
    'necks',
    'heads',
    'losses',
    'datasets',
    'samplers',
    'transforms',
    'backends',
    'metrics',
    'hooks',
    'plugins',
)


@click.command()
@click.argument('kind', required=False, type=click.Choice(KINDS))
def command(kind) -> None:
    """List parts of KIND (all kinds without it): name, first line of its description, where it comes from."""
    from rich.console import Console
    from rich.table import Table

    from svtoolkit.zoo.catalogue import catalogue

    table = Table(box=None, pad_edge=False)
    for column in ('kind', 'name', 'what it is', 'from'):
        table.add_column(column, overflow='fold')
    for part in catalogue():
        if kind in (None, part.kind):
            table.add_row(part.kind, part.name, part.summary, part.origin)
    Console(width=None if Console().is_terminal else 160).print(table)
