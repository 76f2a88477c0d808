"""The benchmark of the filter bank still runs; its times are not judged here."""

import csv
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / 'tools' / 'benchmarks' / 'bench_fbank.py'


def test_smallest_run_prints_and_writes_its_table(torchaudio, tmp_path, monkeypatch, capsys):
    pytest.importorskip('kaldi_native_fbank')
    table = tmp_path / 'fbank.csv'
    options = ['--batch', '2', '--seconds', '0.1', '--rounds', '2', '--repeats', '1', '--csv', str(table)]
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *options])
    runpy.run_path(str(SCRIPT), run_name='__main__')
    printed = capsys.readouterr().out
    assert 'kaldi-native-fbank' in printed
    assert 'float64' in printed
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row['size'] for row in rows} == {'2 x 0.1 s', '1 x 0.1 s'}
    assert {row['name'] for row in rows} == {'svtoolkit', 'torchaudio', 'kaldi-native-fbank'}
