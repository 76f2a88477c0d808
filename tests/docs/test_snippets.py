"""Every Python block of README, CONTRIBUTING and docs runs; the conventions are told in CONTRIBUTING.md."""

import ast
import contextlib
import fnmatch
import importlib
import io
import re
import runpy
import traceback
from pathlib import Path

import pytest
from doc_pages import ROOT, Block, blocks, pages

from svtoolkit.engine.check_config import check_config
from svtoolkit.engine.launch import fill_num_speakers, read_config

FILE = re.compile(r'# ((?:[\w-]+/)*[\w-]+\.py)\n')
NEEDS_MODEL = re.compile(r"svtoolkit\.load\(|\bload\(|'model'|model/")
WITH_PYTHON = [page for page in pages() if any(block.language == 'python' for block in blocks(page))]


# the corpus behind the pages is a toy of few speakers
@pytest.mark.filterwarnings('ignore:only .* draws held both kinds')
@pytest.mark.parametrize('page', WITH_PYTHON, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_run(page, reader, clean_registries, request):
    found = blocks(page)
    if NEEDS_MODEL.search(''.join(block.text for block in found if block.language == 'python')):
        request.getfixturevalue('default_model')
    names: dict = {'__name__': 'snippets'}
    printed = ''
    for block in found:
        if block.language == 'python':
            printed = run(block, page, names)
        elif block.language == 'py':
            imports = [
                line for line in ast.parse(block.text).body if isinstance(line, ast.Import | ast.ImportFrom)
            ]
            exec(compile(ast.Module(imports, []), str(page), 'exec'), {})
        elif block.language == 'output':
            pattern = '\n'.join(glob(line) for line in block.text.rstrip().splitlines())
            assert fnmatch.fnmatchcase(printed.rstrip(), pattern), (
                f'{page.name}:{block.line}: the block above prints\n{printed}'
            )


def run(block: Block, page: Path, names: dict) -> str:
    """Run a block in ``names`` and its tests; what it prints."""
    place = FILE.match(block.text)
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            if place:
                names |= run_file(Path(place[1]), block.text)
            else:
                code = ast.increment_lineno(ast.parse(block.text), block.line - 1)
                exec(compile(code, str(page), 'exec'), names)
            for name in [name for name in names if name.startswith('test_')]:
                names.pop(name)()
    except Exception as error:
        where = f'{page.relative_to(ROOT)}:{block.line}'
        pytest.fail(f'{where}: the block fails\n{traceback.format_exc()}\n{type(error).__name__}: {error}')
    return out.getvalue()


def run_file(path: Path, text: str) -> dict:
    """Write a block that names its file there; check it as a config, or run it and give its names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    importlib.invalidate_caches()
    if path.parts[0] == 'configs':
        config = read_config(path)
        fill_num_speakers(config)
        check_config(config)
        return {}
    if path.parts[0] == 'tests':
        found = runpy.run_path(str(path))
    else:
        found = vars(importlib.import_module('.'.join(path.with_suffix('').parts)))
    return {name: value for name, value in found.items() if not name.startswith('__')}


def glob(line: str) -> str:
    """A line of an output block as a pattern: … stands for anything, all else for itself."""
    return re.sub(r'([*?[])', r'[\1]', line.rstrip()).replace('…', '*')
