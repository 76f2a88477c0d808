"""Corpora by name, and the command over them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from svtoolkit.cli.main import main
from svtoolkit.cli.prepare import CORPORA as NAMES
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources.corpora import CORPORA, prepare
from svtoolkit.errors import ConfigError, ManifestError, UnknownNameError

ROOT = Path(__file__).parents[3]


def run(*words):
    return CliRunner().invoke(main, ['prepare', *map(str, words)])


def test_the_command_knows_every_corpus():
    assert sorted(NAMES) == sorted(CORPORA)


def test_the_command_writes_and_counts(tmp_path, speech):
    speech.write(tmp_path / 'in/anna/a.wav', 0, 0)
    speech.write(tmp_path / 'in/bert/b.wav', 1, 0)
    result = run('folder', tmp_path / 'in', tmp_path / 'out')
    assert result.exit_code == 0
    assert '2 speakers, 2 utterances, 0.00 h' in result.output
    assert str(tmp_path / 'out/manifest.tsv') in result.output


@pytest.mark.skipif(os.name != 'posix', reason='such names cannot be there')
def test_names_that_no_list_can_hold_are_faults(tmp_path, speech):
    speech.write(tmp_path / 'in/anna/a b ü.wav', 0, 0)
    for name in (b'tab\t.wav', b'line\n.wav', b'return\r.wav', b'caf\xe9.wav'):
        os.link(tmp_path / 'in/anna/a b ü.wav', os.fsencode(tmp_path / 'in/anna') + b'/' + name)
    result = run('folder', tmp_path / 'in', tmp_path / 'out')
    assert result.exit_code == 0
    assert '4 faults:' in result.output
    assert result.output.count('tab or line break cannot stand in a list') == 3
    assert r'caf\udce9.wav' in result.output
    assert list(Manifest.read(tmp_path / 'out/manifest.tsv').utts) == ['anna/a b ü.wav']
    with pytest.raises(ManifestError, match='not UTF-8 text'):
        Manifest.from_folder(tmp_path / 'in')


def test_a_failed_conversion_ends_with_2_and_its_reason(tmp_path, speech):
    speech.write(tmp_path / 'in/anna/a.wav', 0, 0)
    (tmp_path / 'in/anna/b.m4a').write_bytes(b'nothing')
    result = run('folder', tmp_path / 'in', tmp_path / 'out', '--convert')
    assert result.exit_code == 2
    assert 'b.m4a' in result.output
    assert (tmp_path / 'out/manifest.tsv').exists()


@pytest.mark.parametrize(
    'words, message',
    [
        (['voxceleb2', 'in', 'out', '--download'], 'fill in the form'),
        (['voices', 'in', 'out', '--download'], 'iqtlabs'),
        (['folder', 'nowhere', 'out'], 'no such folder'),
        (['folder', 'in', 'out', '--pack'], '--pack is for musan and rirs_noises'),
        (['voxcelb', 'in', 'out'], "'voxcelb' is not one of"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_says_why(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'in').mkdir()
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / 'out').exists()


def test_names_are_checked_outside_the_command_too(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'voxceleb2', 'voxceleb1'"):
        prepare('voxceleb', tmp_path, tmp_path)
    with pytest.raises(ConfigError):
        prepare('so762', tmp_path, tmp_path, pack=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path, speech):
    speech.write(tmp_path / 'in/anna/a.wav', 0, 0)
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(ManifestError, match='out'):
        prepare('folder', tmp_path / 'in', tmp_path / 'out')


def test_the_launcher_is_the_command():
    done = subprocess.run(
        [sys.executable, ROOT / 'tools/prepare_data.py', '--help'], capture_output=True, text=True, check=True
    )
    assert '--convert' in done.stdout
