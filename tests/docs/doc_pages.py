"""The pages of the documentation and their fenced blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```', re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, text and the line its text begins at."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """README, CONTRIBUTING and everything below docs/."""
    found = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
    return [path for path in found if path.is_file()]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding='utf-8')
    found = []
    for match in FENCE.finditer(text):
        indent = match['indent']
        body = ''.join(line.removeprefix(indent) for line in match['text'].splitlines(keepends=True))
        found.append(Block(match['language'], body, text.count('\n', 0, match.start('text')) + 1))
    return found
