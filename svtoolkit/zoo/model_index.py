"""The recipes in ``model-index.yml`` and their metafiles, and the table made from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from svtoolkit.errors import ConfigError

MACS = 'MACs (2 s)'


@dataclass(frozen=True)
class Recipe:
    """One model of a metafile.

    Attributes:
        name: of the recipe, the stem of its config.
        config: path below the repository.
        family: folder of the config.
        metadata: ``Parameters``, ``MACs (2 s)``, ``Training Data``, ``Epochs``, ``Batch Size``.
        results: ``Dataset``, ``Metrics`` (percent for EER) and ``Source``, ``quoted: …`` or ``measured: …``.
        weights: where they are; None if there are none.
    """

    name: str
    config: str
    family: str
    metadata: dict
    results: list[dict] = field(default_factory=list)
    weights: str | None = None

    @property
    def quoted(self) -> list[dict]:
        """Results that others published."""
        return [result for result in self.results if result['Source'].startswith('quoted')]

    @property
    def measured(self) -> list[dict]:
        """Results of runs of this repository."""
        return [result for result in self.results if result['Source'].startswith('measured')]


def read_index(root: str | Path) -> list[Recipe]:
    """All recipes of a repository in the order of its index.

    Raises:
        ConfigError: a metafile is missing or an entry lacks a key.
    """
    root = Path(root)
    found = []
    for name in yaml.safe_load((root / 'model-index.yml').read_text())['Import']:
        path = root / name
        if not path.is_file():
            raise ConfigError(f'model-index.yml: {name} does not exist.')
        for entry in yaml.safe_load(path.read_text())['Models']:
            try:
                found.append(
                    Recipe(
                        entry['Name'],
                        entry['Config'],
                        path.parent.name,
                        entry['Metadata'],
                        entry['Results'],
                        entry['Weights'],
                    )
                )
            except KeyError as error:
                raise ConfigError(f'{name}: {entry.get("Name", "a model")} has no key {error}.') from error
    return found


def markdown_table(recipes: Sequence[Recipe]) -> str:
    """One line per recipe: size, training data, what others published, what was measured here."""
    lines = [
        '| recipe | training data | parameters | MACs, 2 s | published EER | measured here |',
        '| --- | --- | ---: | ---: | --- | --- |',
    ]
    for one in recipes:
        lines.append(
            f'| [{one.name}](../{one.config}) | {one.metadata["Training Data"]} '
            f'| {one.metadata["Parameters"] / 1e6:.2f} M | {one.metadata[MACS] / 1e9:.2f} G '
            f'| {"<br>".join(map(_result, one.quoted)) or "none"} '
            f'| {"<br>".join(map(_result, one.measured)) or "not trained here"} |'
        )
    return '\n'.join(lines) + '\n'


def short_table(recipes: Sequence[Recipe]) -> str:
    """One short line per recipe: size, the first figure its authors published, what was measured here."""
    lines = [
        '| recipe | parameters | MACs, 2 s | published EER % | measured EER % |',
        '| --- | ---: | ---: | --- | --- |',
    ]
    for one in recipes:
        lines.append(
            f'| [{one.name}]({one.config}) | {one.metadata["Parameters"] / 1e6:.1f} M '
            f'| {one.metadata[MACS] / 1e9:.2f} G | {"".join(map(_short, one.quoted[:1]))} '
            f'| {", ".join(map(_short, one.measured))} |'
        )
    return '\n'.join(lines) + '\n'


def _short(result: dict) -> str:
    return f'{result["Metrics"]["EER (%)"]:g} ({result["Dataset"].removeprefix("so762 trials_")})'


def _result(result: dict) -> str:
    metrics = ', '.join(
        f'{value:g} %' if key == 'EER (%)' else f'{key} {value:g}' for key, value in result['Metrics'].items()
    )
    source = result['Source'].split(':', 1)[1].strip()
    return f'{result["Dataset"]}: {metrics} ({source})'
