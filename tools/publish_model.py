"""Make a model package from a run: tools/publish_model.py CONFIG CHECKPOINT FOLDER --name NAME [--card CARD.json].

Mean and threshold are measured as svtoolkit/zoo/publish.py says; the card is data, licence, results and limits.
"""

import json
from pathlib import Path

import click

from svtoolkit.cli import _options


@click.command()
@click.argument('config', type=click.Path())
@click.argument('checkpoint', type=click.Path())
@click.argument('folder', type=click.Path(path_type=Path))
@click.option('--name', required=True)
@click.option('--card', type=click.Path(exists=True, path_type=Path), help='JSON with the card.')
@click.option(
    '--threshold-from', type=click.Path(), help='Sibling checkpoint that did not see the validation voices.'
)
@_options.cfg_options
def main(config, checkpoint, folder, name, card, threshold_from, options) -> None:
    """Publish CHECKPOINT, trained with CONFIG, into FOLDER."""
    from svtoolkit.engine.launch import read_config
    from svtoolkit.zoo.publish import publish

    facts = json.loads(card.read_text(encoding='utf-8')) if card else None
    package = publish(read_config(config, options), checkpoint, folder, name, facts, threshold_from)
    size = (folder / 'model.safetensors').stat().st_size / 1e6
    click.echo(
        f'{folder}: {name}, {size:.1f} MB, fingerprint {package.fingerprint}, threshold {package.threshold:.4f} '
        f'({package.threshold_source})'
    )


if __name__ == '__main__':
    main()
