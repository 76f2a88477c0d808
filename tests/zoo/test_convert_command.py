"""svtoolkit convert: a folder comes out, faults exit with 2."""

import torch
from click.testing import CliRunner
from test_hub import small_ecapa

from svtoolkit.cli import convert as command_file
from svtoolkit.cli.main import main
from svtoolkit.zoo import package as packages
from svtoolkit.zoo.sources import SOURCES


def run(*arguments):
    return CliRunner().invoke(main, ['convert', *map(str, arguments)])


def test_sources_of_the_command_are_those_there_are():
    assert tuple(SOURCES) == command_file.SOURCES


def test_folder_can_be_loaded(tmp_path):
    torch.save(small_ecapa(), tmp_path / 'embedding_model.ckpt')
    result = run(
        tmp_path / 'embedding_model.ckpt',
        '--from',
        'speechbrain',
        '-o',
        tmp_path / 'out',
        '--threshold',
        0.25,
    )
    assert result.exit_code == 0, result.output
    package = packages.load(tmp_path / 'out')
    assert (package.name, package.threshold) == ('embedding_model', 0.25)
    assert package.fingerprint in result.output


def test_faults_exit_with_two(tmp_path):
    torch.save({'a.weight': torch.zeros(1)}, tmp_path / 'a.pt')
    result = run(tmp_path / 'a.pt', '--from', 'speechbrain', '-o', tmp_path / 'out')
    assert result.exit_code == 2
    assert 'missing: blocks.0.conv.conv.weight' in result.output
    assert not (tmp_path / 'out').exists()
    assert run(tmp_path / 'a.pt', '--from', 'kaldi', '-o', tmp_path / 'out').exit_code == 2
