"""EER, two detection costs and Cllr of one million trials, against sklearn's ROC curve alone; memory of many.

Claims: all four figures take less time than ``sklearn.metrics.roc_curve``, which gives none of them; and
10^8 float32 scores are measured within 4 GB, the scores themselves included. Both take the same rounds in
turn, so that a busy machine slows both; CPU time counts, one thread.

    OMP_NUM_THREADS=1 python tools/benchmarks/bench_metrics.py --csv metrics.csv
    OMP_NUM_THREADS=1 python tools/benchmarks/bench_metrics.py --rounds 0 --large 100000000
"""

import argparse
import csv
import os
import platform
import resource
import statistics
import time
from importlib.metadata import version

import numpy as np
from machine import processor

from svtoolkit.metrics.calibration import cllr
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.intervals import speaker_bootstrap
from svtoolkit.metrics.rates import eer, min_dcf

BLOCK = 1 << 20
DISTANCE = (
    3.0  # of the two Gaussians, which are their own log-likelihood ratios after scaling: EER near 6.7 %
)


def draw_trials(num_trials: int, target_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated Gaussian ratios, float32 [n], and their labels [n]; drawn in blocks to keep memory low."""
    rng = np.random.default_rng(seed)
    scores, labels = np.empty(num_trials, np.float32), np.empty(num_trials, bool)
    for start in range(0, num_trials, BLOCK):
        part = slice(start, start + BLOCK)
        labels[part] = rng.random(len(labels[part]), np.float32) < target_share
        noise = rng.standard_normal(len(labels[part]), np.float32)
        scores[part] = DISTANCE * noise + np.where(labels[part], 0.5, -0.5) * np.float32(DISTANCE**2)
    return scores, labels


def measure_all(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    curve = error_curve(scores, labels)
    return {
        'EER': eer(curve),
        'minDCF_p01': min_dcf(curve, 0.01)[0],
        'minDCF_p05': min_dcf(curve, 0.05)[0],
        'Cllr': cllr(scores, labels),
    }


def report_speed(num_trials: int, target_share: float, rounds: int, seed: int) -> list[dict]:
    from sklearn.metrics import roc_curve

    scores, labels = draw_trials(num_trials, target_share, seed)
    rows = []
    for kind in (np.float32, np.float64):
        values = scores.astype(kind)
        calls = {'svtoolkit': measure_all, 'sklearn roc_curve': lambda s, y: roc_curve(y, s)}
        times: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(rounds + 1):
            for name, call in calls.items():
                start = time.process_time()
                call(values, labels)
                if turn:  # the first one warms up
                    times[name].append((time.process_time() - start) * 1000)
        print(f'\n{num_trials} trials, {kind.__name__}: CPU ms, median [quartiles] of {rounds} rounds')
        for name, series in times.items():
            low, median, high = statistics.quantiles(series, n=4)
            ratio = statistics.median(other / own for own, other in zip(times['svtoolkit'], series))
            rows.append(
                dict(trials=num_trials, dtype=kind.__name__, name=name, cpu_ms=round(median, 2),
                     low_ms=round(low, 2), high_ms=round(high, 2), svtoolkit_is_faster=round(ratio, 2))
            )  # fmt: skip
            print(f'  {name:20} {median:8.1f} [{low:.1f}, {high:.1f}]  svtoolkit is {ratio:5.2f} x as fast')
    return rows


def report_bootstrap(num_trials: int, rounds: int, seed: int) -> None:
    """Time of the intervals of EER and two detection costs."""
    rng = np.random.default_rng(seed)
    enrol = rng.integers(0, 100, num_trials)
    test = np.where(rng.random(num_trials) < 0.3, enrol, rng.integers(0, 100, num_trials))
    labels = enrol == test
    scores = 3 * labels + rng.normal(size=num_trials)
    start = time.process_time()
    speaker_bootstrap(scores, labels, enrol, test, rounds=rounds)
    print(f'speaker bootstrap, {num_trials} trials, {rounds} rounds: {time.process_time() - start:.2f} CPU s')


def report_memory(num_trials: int, target_share: float, seed: int) -> None:
    scores, labels = draw_trials(num_trials, target_share, seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = time.process_time()
    found = measure_all(scores, labels)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    held = scores.nbytes + labels.nbytes
    print(
        f'\n{num_trials} float32 trials: {seconds:.1f} CPU s, peak memory of the process {peak / 1e9:.2f} GB'
    )
    print(f'  scores and labels hold {held / 1e9:.2f} GB; the process had {before / 1e9:.2f} GB before')
    print('  ' + ', '.join(f'{name} {value:.6f}' for name, value in found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--trials', type=int, default=1_000_000, help='of the timed list (%(default)s)')
    parser.add_argument('--target-share', type=float, default=0.1, help='share of targets (%(default)s)')
    parser.add_argument(
        '--rounds', type=int, default=15, help='timed rounds; 0 leaves them out (%(default)s)'
    )
    parser.add_argument('--large', type=int, default=0, help='trials of the memory test; 0 leaves it out')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--csv', help='write the table of times there')
    args = parser.parse_args()

    packages = ', '.join(f'{name} {version(name)}' for name in ('numpy', 'scikit-learn'))
    print(f'{processor()}, {os.cpu_count()} cores, 1 thread; Python {platform.python_version()}, {packages}')
    print(f'Gaussian ratios, {args.target_share:.0%} targets, seed {args.seed}')
    if args.large:
        report_memory(args.large, args.target_share, args.seed)
    if args.rounds:
        rows = report_speed(args.trials, args.target_share, args.rounds, args.seed)
        print()
        report_bootstrap(20_000, 1000, args.seed)
        report_bootstrap(args.trials, 20, args.seed)
        if args.csv:
            with open(args.csv, 'w', newline='') as handle:
                writer = csv.DictWriter(handle, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)


if __name__ == '__main__':
    main()
