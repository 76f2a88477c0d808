"""What the pages point at exists: links, files, commands with their options, and error messages."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest
from doc_pages import ROOT, blocks, pages

from svtoolkit.cli.main import main

LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')
CODE = re.compile(r'`([^`\n]+)`')
OURS = re.compile(
    r'(?:(?:svtoolkit|configs|tests|tools|docs)/[\w./*-]*|[A-Z]+\.md|setup\.py|pyproject\.toml)'
)
each_page = pytest.mark.parametrize('page', pages(), ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r'^ *```.*?^ *```', '', page.read_text(encoding='utf-8'), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Targets of links into a page, as GitHub makes them of its headings."""
    heads = re.findall(r'^#+ (.+)$', prose(page), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', head.lower()).strip().replace(' ', '-') for head in heads}


@each_page
def test_relative_links_lead_somewhere(page):
    wrong = []
    for target in LINK.findall(prose(page)):
        if '://' in target or target.startswith('mailto:'):
            continue
        name, _, anchor = target.partition('#')
        place = (page.parent / name).resolve() if name else page
        if not place.exists() or (anchor and place.suffix == '.md' and anchor not in anchors(place)):
            wrong.append(target)
    assert not wrong


@each_page
def test_named_files_exist(page):
    made = {block.text.split()[1] for block in blocks(page) if re.match(r'# [\w/-]+\.py\n', block.text)}
    words = [word for code in CODE.findall(prose(page)) for word in code.split()]
    words += [
        word.strip('\'"')
        for block in blocks(page)
        if block.language in ('bash', 'sh', 'console')
        for word in block.text.split()
    ]
    named = {word.rstrip('/') for word in words if OURS.fullmatch(word)} - made
    assert not [name for name in sorted(named) if not any(ROOT.glob(name))]


def command_lines(page: Path) -> list[str]:
    """Every line of the page's shell blocks that calls svtoolkit, continued lines joined."""
    lines = []
    for block in blocks(page):
        if block.language in ('bash', 'sh', 'console'):
            for line in block.text.replace('\\\n', ' ').splitlines():
                line = re.sub(r'^(\$ )?(\w+=\S+ )*', '', line.strip())
                lines += [line] if line.startswith('svtoolkit ') else []
    return lines


@each_page
def test_commands_in_blocks_are_understood(page):
    faults = []
    for line in command_lines(page):
        words = shlex.split(line, comments=True)[1:]
        words = words[: words.index('>')] if '>' in words else words
        try:
            with main.make_context('svtoolkit', list(words)) as context:
                name, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
                command.make_context(name, rest, parent=context)
        except click.exceptions.Exit:  # --help and --version
            continue
        except click.ClickException as error:
            faults.append(f'{line}: {error.format_message()}')
    assert not faults


@each_page
def test_commands_in_the_text_exist(page):
    faults = []
    for code in CODE.findall(prose(page)):
        words = code.split()
        if words[0] != 'svtoolkit' or len(words) == 1 or words[1].startswith('-'):
            continue
        command = main.get_command(click.Context(main), words[1])
        known = {flag for option in command.params for flag in option.opts} if command else set()
        strange = [word for word in words[2:] if word.startswith('--') and word.split('=')[0] not in known]
        if command is None or strange:
            faults.append(code)
    assert not faults


@pytest.mark.parametrize('name', main.list_commands(click.Context(main)))
def test_every_command_is_described_with_its_options(name):
    text = (ROOT / 'docs' / 'commands.md').read_text(encoding='utf-8')
    section = re.search(rf'^## svtoolkit {name}$(.*?)(?=^## |\Z)', text, re.MULTILINE | re.DOTALL)
    assert section, f'docs/commands.md has no section "## svtoolkit {name}"'
    command = main.get_command(click.Context(main), name)
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    missing = [max(option.opts, key=len) for option in options if max(option.opts, key=len) not in section[1]]
    assert not missing, f'docs/commands.md, svtoolkit {name}: tell of {", ".join(missing)}'


@cache
def messages() -> str:
    """Every string of the package, one a line; what is filled in at run time is …"""
    texts = []
    for path in (ROOT / 'svtoolkit').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                texts.append(''.join(
                    str(part.value) if isinstance(part, ast.Constant) else '…' for part in node.values
                ))  # fmt: skip
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return '\n'.join(texts)


def test_quoted_error_messages_are_those_of_the_code():
    rows = re.findall(
        r'^\| `([^`]+)` \|', (ROOT / 'docs' / 'errors.md').read_text(encoding='utf-8'), re.MULTILINE
    )
    assert len(rows) > 20
    assert not [row for row in rows if row not in messages()]
