"""Imports: packages know only what stands left of them, and the command line starts without torch or mmengine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from svtoolkit import cli
from svtoolkit.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = main.list_commands(None)


def python(code: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    environment = {**os.environ, 'PYTHONPATH': str(folder), 'OMP_NUM_THREADS': '1'}
    return subprocess.run(
        [sys.executable, '-c', code], cwd=folder, env=environment, text=True, capture_output=True
    )


def lint(folder: Path) -> subprocess.CompletedProcess:
    """Check the contracts of ``folder``'s pyproject on the package beside it."""
    return python(
        'import sys\n'
        'from importlinter.cli import lint_imports\n'
        'sys.exit(lint_imports(config_filename="pyproject.toml", no_cache=True))',
        folder,
    )


@pytest.fixture
def copied(tmp_path) -> Path:
    pytest.importorskip('importlinter', reason='pip install "svtoolkit[dev]"')
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    ignore = shutil.ignore_patterns('__pycache__', '*.safetensors')
    shutil.copytree(ROOT / 'svtoolkit', tmp_path / 'svtoolkit', ignore=ignore)
    return tmp_path


def test_the_contracts_hold_and_a_forbidden_import_breaks_them(copied):
    kept = lint(copied)
    assert kept.returncode == 0, kept.stdout
    planted = {
        'svtoolkit/audio/io.py': 'import mmengine\n',
        'svtoolkit/features/fbank.py': 'def late():\n    from svtoolkit.engine import launch\n    return launch\n',
        'svtoolkit/metrics/rates.py': 'import svtoolkit.backends.cosine\n',
    }
    for name, line in planted.items():
        with open(copied / name, 'a') as file:
            file.write('\n' + line)
    broken = lint(copied)
    assert broken.returncode == 1
    for words in (
        'svtoolkit.audio.io -> mmengine',
        'svtoolkit.features.fbank -> svtoolkit.engine.launch',
        'svtoolkit.metrics.rates -> svtoolkit.backends.cosine',
    ):
        assert words in broken.stdout.replace('\n', ' ')


HEAVY = {'torch', 'mmengine', 'numpy', 'scipy', 'soundfile', 'matplotlib', 'rich'}


def test_help_and_the_package_load_nothing_heavy():
    done = python(
        'import sys, svtoolkit\n'
        'from svtoolkit.cli.main import main\n'
        f'for words in [["--help"], ["--version"], *[[name, "--help"] for name in {COMMANDS!r}]]:\n'
        '    code = main(words, standalone_mode=False)\n'
        f'print("loaded:", sorted({HEAVY!r} & sys.modules.keys()))'
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith('loaded: []')
    assert all(name in done.stdout for name in COMMANDS)


def test_metrics_and_backends_work_where_mmengine_and_torch_are_missing():
    done = python(
        'import sys\n'
        'sys.modules["mmengine"] = sys.modules["torch"] = None\n'
        'import pkgutil, importlib, svtoolkit.metrics, svtoolkit.backends\n'
        'for package in (svtoolkit.metrics, svtoolkit.backends):\n'
        '    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):\n'
        '        importlib.import_module(module.name)\n'
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_explains_itself(name):
    result = CliRunner().invoke(main, [name, '--help'])
    assert result.exit_code == 0
    assert result.output.startswith('Usage: ')
    assert (Path(cli.__file__).parent / f'{name.replace("-", "_")}.py').is_file()


@pytest.mark.parametrize(
    ('words', 'guess'),
    [
        (['trian'], "Did you mean 'train'?"),
        (['verfy', 'a.wav', 'b.wav'], "Did you mean 'verify'?"),
        (['train', 'config.py', '--work_dir', 'x'], '--work-dir'),
        (['list', 'backbone'], 'backbones'),
    ],
)
def test_a_typo_gets_a_guess_and_exit_code_2(words, guess):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert guess in result.output
    assert 'Traceback' not in result.output
