"""``svtoolkit embed`` as a user meets it: a table, or one message before any work is done."""

import os

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from svtoolkit.backends import EmbeddingTable
from svtoolkit.cli.main import main
from svtoolkit.datasets.voices import synth_voice


def embed(*arguments):
    result = CliRunner().invoke(main, ['embed', *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / 'a.wav'
    soundfile.write(path, synth_voice(8).say(0, 2.0), 16000)
    return path


def test_the_table_holds_names_vectors_and_the_model(recording, tiny_model, tmp_path):
    odd = recording.with_name('new\nline ü.wav')
    odd.write_bytes(recording.read_bytes())
    result = embed(recording, odd, '--model', tiny_model, '-o', tmp_path / 'new folder' / 'e.npz')
    assert result.exit_code == 0, result.output
    table = EmbeddingTable.load(tmp_path / 'new folder' / 'e.npz')
    assert table.ids == [str(recording), str(odd)]
    np.testing.assert_allclose(table.matrix[0], table.matrix[1], atol=1e-5)


@pytest.mark.parametrize(
    'words, message',
    [
        ([], 'give recordings or --manifest'),
        (['a.wav', '--manifest', 'list.tsv'], 'give recordings or --manifest'),
        (['a.wav', 'a.wav'], 'named twice'),
        (['a.wav', '-o', 'e.txt'], 'ends in .npz'),
        (['a.wav', '-o', 'a.wav/e.npz'], 'a.wav'),
        (['a.wav', 'none.wav'], 'none.wav: no such file'),
        (['a.wav', '--device', 'abacus'], "device 'abacus' cannot be used here"),
        (['a.wav', '--device', 'cuda:77'], "device 'cuda:77' cannot be used here"),
        (['--manifest', 'list.tsv'], 'list.tsv:3: 1 fields'),
        (['--manifest', 'a.wav'], 'not UTF-8 text'),
    ],
)
def test_what_cannot_be_done_is_said(recording, tiny_model, monkeypatch, words, message):
    monkeypatch.chdir(recording.parent)
    (recording.parent / 'list.tsv').write_text('utt\tpath\tspeaker\na\ta.wav\ts\nbad line\n')
    result = embed('-o', 'e.npz', '--model', tiny_model, *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not os.path.exists('e.npz')
