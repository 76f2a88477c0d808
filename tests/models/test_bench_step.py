"""The benchmark of the training step still runs; its times are not judged here."""

import json
import runpy
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / 'tools' / 'benchmarks' / 'bench_step.py'


def test_smallest_run_measures_our_network(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    options = ['--batch', '2', '--frames', '20', '--speakers', '5', '--rounds', '1', '--modes', 'fp32']
    monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *options, '--worker', 'default', '--extract'])
    script = runpy.run_path(str(SCRIPT))
    script['main']()
    rows = json.loads(capsys.readouterr().out)
    assert [row['task'] for row in rows] == ['step 2', 'extract 1', 'extract 8']
    assert all(row['cpu_ms'] > 0 for row in rows)
    script['report'](rows)
    assert 'svtoolkit' in capsys.readouterr().out


def test_ratios_are_ours_over_theirs(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    script = runpy.run_path(str(SCRIPT))
    base = dict(model='ecapa512', task='step 2', mode='fp32', allocator='default')
    rows = [
        base | dict(network='svtoolkit as speechbrain', cpu_ms=30.0, peak_mb=50),
        base | dict(network='speechbrain', cpu_ms=40.0, peak_mb=100),
        base | dict(network='svtoolkit', cpu_ms=20.0),
        base | dict(network='wespeaker', cpu_ms=40.0),
    ]
    script['add_ratios'](rows)
    assert [row.get('time_ratio') for row in rows] == [None, 0.75, None, 0.5]
    assert [row.get('memory_ratio') for row in rows] == [None, 0.5, None, None]
