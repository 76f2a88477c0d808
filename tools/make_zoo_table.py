"""tools/make_zoo_table.py: write docs/zoo.md, and the short table in README.md, from the metafiles of all recipes."""

from pathlib import Path

from svtoolkit.zoo.model_index import markdown_table, read_index, short_table

ROOT = Path(__file__).parents[1]
HEADER = """# Model zoo

Written by `tools/make_zoo_table.py` from `configs/*/metafile.yml`; change those. Parameters and multiplications are
those of the embedding network, without head and front end (`tools/model_info.py CONFIG`); of a neural scorer the
parameters it trains, and the multiplications of one utterance on both sides. Published figures are
quoted from their authors, with the score processing they name; measured ones come from runs of this repository.
"""
BEGIN, END = '<!-- recipes -->', '<!-- end of recipes -->'
TITLES = {
    'asv': 'ResNets, time-delay networks and CPU-sized models',
    'ecapa': 'ECAPA-TDNN',
    'clova': 'Metric learning (Clova)',
    'finetune': 'Second stages',
    'neural_scoring': 'Neural scoring',
}


def text() -> str:
    """The page."""
    recipes = read_index(ROOT)
    parts = [HEADER]
    for family in dict.fromkeys(one.family for one in recipes):
        rows = [one for one in recipes if one.family == family]
        parts.append(f'## {TITLES.get(family, family)}\n\n{markdown_table(rows)}')
    return '\n'.join(parts)


def readme(page: str) -> str:
    """README.md with the short table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f'README.md: has no {BEGIN} … {END}')
    return f'{before}{BEGIN}\n{short_table(read_index(ROOT))}{END}{after}'


if __name__ == '__main__':
    (ROOT / 'docs/zoo.md').write_text(text())
    page = ROOT / 'README.md'
    page.write_text(readme(page.read_text()))
