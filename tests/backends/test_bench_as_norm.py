"""The AS-norm benchmark still runs."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / 'tools' / 'benchmarks' / 'bench_as_norm.py'


def test_smoke():
    command = [sys.executable, BENCH, '--size', 'smoke', '--rounds', '1', '--cohort', '40', '--topn', '9']
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert 'svtoolkit: median' in done.stdout
    assert 'peak memory' in done.stdout
