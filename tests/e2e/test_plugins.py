"""Plug-ins as their authors ship them: a wheel in another environment, a module in a config, and broken ones."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from svtoolkit import plugins
from svtoolkit.errors import SvtoolkitError, UnknownNameError
from svtoolkit.registry import BACKBONES, BACKENDS, DATASETS, MODELS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / 'tests' / 'plugin_example'


def run(*command, **environment):
    inherited = {key: value for key, value in os.environ.items() if not key.startswith('SVTOOLKIT_PLUGINS')}
    settings = {**inherited, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT), **environment}
    return subprocess.run([str(part) for part in command], env=settings, text=True, capture_output=True)


@pytest.fixture(scope='session')
def plugin_python(tmp_path_factory):
    """Python of a throw-away environment that sees ours and has the example installed from its wheel."""
    folder = tmp_path_factory.mktemp('plugin')
    shutil.copytree(EXAMPLE, folder / 'source', ignore=shutil.ignore_patterns('__pycache__'))
    build = ['wheel', '--no-deps', '--no-build-isolation', '--no-index', '-w', folder, folder / 'source']
    built = run(sys.executable, '-m', 'pip', *build)
    assert built.returncode == 0, built.stderr
    python = folder / 'venv' / 'bin' / 'python'
    run(sys.executable, '-m', 'venv', '--system-site-packages', '--without-pip', folder / 'venv')
    outer = sysconfig.get_paths()['purelib']  # not visible from an environment made inside another one
    inner = next((folder / 'venv' / 'lib').glob('python*')) / 'site-packages'
    (inner / 'outer.pth').write_text(f'import site; site.addsitedir({outer!r})\n')
    wheel = next(folder.glob('*.whl'))
    installed = run(
        sys.executable, '-m', 'pip', '--python', python, 'install', '--no-deps', '--no-index', wheel
    )
    assert installed.returncode == 0, installed.stderr
    return python


def train_and_test(python, config, tiny_corpus, work_dir, *options, **environment):
    environment['EXAMPLE_DATA'] = str(tiny_corpus / 'so762')
    overrides = ('--cfg-options', *options) if options else ()
    train = run(python, ROOT / 'tools/train.py', config, '--work-dir', work_dir, *overrides, **environment)
    assert train.returncode == 0, train.stderr[-3000:]
    checkpoint = work_dir / 'epoch_1.pth'
    test = run(python, ROOT / 'tools/test.py', config, checkpoint, '--work-dir', work_dir, **environment)
    assert test.returncode == 0, test.stderr[-3000:]
    assert 0 <= json.loads(next(work_dir.rglob('metrics.json')).read_text())['EER'] <= 1
    return train.stderr + train.stdout


def test_an_installed_wheel_trains_and_scores_with_loader_workers(plugin_python, tiny_corpus, tmp_path):
    train_and_test(plugin_python, EXAMPLE / 'configs/conv_reversed.py', tiny_corpus, tmp_path / 'run')
    listed = run(plugin_python, '-m', 'svtoolkit', 'list', 'plugins')
    assert 'svt_example' in listed.stdout
    assert 'svt-example 1.2' in listed.stdout


def test_a_config_imports_modules_that_are_not_installed(tiny_corpus, tmp_path):
    config = tmp_path / 'imports.py'
    base = str(EXAMPLE / 'configs/conv_reversed.py')
    config.write_text(f'_base_ = [{base!r}]\ncustom_imports = dict(imports=["svt_example"])\n')
    path = os.pathsep.join([str(ROOT), str(EXAMPLE)])
    spawn = ('train_dataloader.multiprocessing_context=spawn', 'train_dataloader.num_workers=1')
    train_and_test(sys.executable, config, tiny_corpus, tmp_path / 'run', *spawn, PYTHONPATH=path)
    without = run(sys.executable, ROOT / 'tools/train.py', config, '--work-dir', tmp_path / 'none')
    assert without.returncode == 2
    assert 'svt_example' in without.stderr
    assert 'Traceback' not in without.stderr


SPAWN = """
import multiprocessing

def find(name):
    from svtoolkit.registry import BACKBONES
    return BACKBONES.get(name).__module__

if __name__ == '__main__':
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        print(pool.apply(find, ['ExampleConvStack']))
"""


def test_spawned_processes_know_the_parts(plugin_python, tmp_path):
    (tmp_path / 'spawn.py').write_text(SPAWN)
    done = run(plugin_python, tmp_path / 'spawn.py')
    assert done.stdout.strip() == 'svt_example.conv_stack', done.stderr


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make modules and the metadata that pip would write for them; nothing counts as loaded yet."""
    monkeypatch.setattr(plugins, '_loaded', None)
    for variable in ('SVTOOLKIT_PLUGINS', 'SVTOOLKIT_PLUGINS_STRICT'):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, source, target=None):
        (tmp_path / f'{name}.py').write_text(source)
        record = tmp_path / f'{name}_dist-0.3.dist-info'
        record.mkdir()
        (record / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}-dist\nVersion: 0.3\n')
        (record / 'entry_points.txt').write_text(f'[{plugins.GROUP}]\n{name} = {target or name}\n')

    yield install
    for name in [name for name in sys.modules if name.startswith('svt_try_')]:
        del sys.modules[name]


def loaded():
    """Name -> error of the plug-ins of these tests."""
    return {plugin.name: plugin.error for plugin in plugins.load() if plugin.name.startswith('svt_try_')}


def test_modules_are_imported_and_callables_called_once(installed):
    installed('svt_try_module', 'calls = []')
    installed('svt_try_call', 'calls = []\ndef register():\n    calls.append(1)', 'svt_try_call:register')
    assert loaded() == loaded() == {'svt_try_module': '', 'svt_try_call': ''}
    assert sys.modules['svt_try_call'].calls == [1]


def test_only_allowed_plugins_are_loaded(installed, monkeypatch):
    for letter in 'abc':
        installed(f'svt_try_{letter}', '')
    monkeypatch.setenv('SVTOOLKIT_PLUGINS', 'svt_try_a, svt_try_c')
    assert list(loaded()) == ['svt_try_a', 'svt_try_c']
    assert 'svt_try_b' not in sys.modules
    monkeypatch.setattr(plugins, '_loaded', None)
    monkeypatch.setenv('SVTOOLKIT_PLUGINS', '')
    assert plugins.load() == []


def test_an_allowed_plugin_that_is_not_installed_is_named(installed, monkeypatch):
    installed('svt_try_a', '')
    monkeypatch.setenv('SVTOOLKIT_PLUGINS', 'svt_try_ab')
    with pytest.warns(UserWarning, match=r"'svt_try_ab'.*Did you mean 'svt_try_a'\?"):
        plugins.load()


@pytest.mark.parametrize(
    'source', ['raise RuntimeError("no luck")', 'import absent_module', 'raise SystemExit(3)']
)
def test_a_broken_plugin_is_skipped_with_its_name(installed, source):
    installed('svt_try_bad', source)
    installed('svt_try_good', '')
    with pytest.warns(UserWarning, match=r"'svt_try_bad' .*package svt_try_bad-dist.* skipped"):
        found = loaded()
    assert found['svt_try_bad']
    assert found['svt_try_good'] == ''


def test_a_broken_plugin_is_an_error_when_strict_every_time(installed, monkeypatch):
    installed('svt_try_bad', 'raise RuntimeError("no luck")')
    monkeypatch.setenv('SVTOOLKIT_PLUGINS_STRICT', '1')
    for _ in range(2):
        with pytest.raises(SvtoolkitError, match=r"'svt_try_bad'.*RuntimeError: no luck"):
            plugins.load()


CLASH = 'from svtoolkit.registry import MODELS\n@MODELS.register_module()\nclass ResNet: pass\n'


def test_a_taken_name_is_refused_with_both_modules(installed):
    ours = MODELS.get('ResNet')
    plugins._loaded = None
    installed('svt_try_clash', CLASH)
    both = r"'ResNet' of svt_try_clash is already registered by svtoolkit\.models\.backbones\.resnet"
    with pytest.warns(UserWarning, match=both):
        plugins.load()
    with pytest.raises(SvtoolkitError, match=both):
        plugins.import_explicit(['svt_try_clash'])
    assert MODELS.get('ResNet') is ours


def test_who_comes_later_is_at_fault_even_before_our_parts_are_there(tmp_path):
    (tmp_path / 'svt_try_early.py').write_text(CLASH)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    done = run(sys.executable, '-c', 'import svt_try_early', PYTHONPATH=path)
    assert "'ResNet' of svt_try_early is already registered by svtoolkit.models" in done.stderr


@pytest.mark.parametrize(
    ('registry', 'wrong', 'right', 'module'),
    [
        (BACKBONES, 'ResNt', 'ResNet', 'svtoolkit.models.backbones.resnet'),
        (BACKENDS, 'cosine', 'Cosine', 'svtoolkit.backends.cosine'),
        (DATASETS, 'RandomSpeakersDataset', 'RandomSpeakerDataset', 'svtoolkit.datasets.random_speaker'),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_its_module(registry, wrong, right, module):
    with pytest.raises(UnknownNameError) as error:
        registry.get(wrong)
    assert f"'{wrong}'" in str(error.value)
    assert f"'{right}'" in str(error.value).split('?')[0]
    assert f"'{right}' is in {module}." in str(error.value)
