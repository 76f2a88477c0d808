"""How often a 95 % interval holds the true error rate, when the trials of a speaker hang together.

Claim: the interval from resampled speakers holds the true EER in 90 to 98 of 100 lists; the naive one, from
resampled trials, does not. Each list has the shape of the so762 test lists: 84 new speakers, 12 utterances
each, all pairs of one speaker as targets and 16 impostors for each utterance. A score is a mean plus effects
of the speaker, of the pair of speakers and of both utterances and a rest, all Gaussian: the true rates are
known. Their shares of the variance were fitted by moments (covariances of trials that share a speaker, a pair
or an utterance) on mean-subtracted cosines of a small TDNN on the so762 test set.

    OMP_NUM_THREADS=1 python tools/benchmarks/bench_intervals.py --csv intervals.csv
"""

import argparse
import csv
import platform
import time
from importlib.metadata import version
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from svtoolkit.metrics.intervals import Interval, speaker_bootstrap, trial_bootstrap

SPEAKERS, UTTERANCES, IMPOSTORS = 84, 12, 16
MEAN = {True: 0.479, False: 0.003}  # of targets and of non-targets
# variances: speaker (once in a target, twice in a non-target), pair of speakers, utterance (twice), rest
VARIANCE = {
    True: dict(speaker=0.01129, pair=0.0, utterance=0.00302, rest=0.00695),
    False: dict(speaker=0.00002, pair=0.00994, utterance=0.00005, rest=0.01232),
}


def true_rates() -> dict[str, float]:
    """EER and minDCF of the two Gaussians that all possible trials form."""
    target, other = VARIANCE[True], VARIANCE[False]
    target_sd = np.sqrt(target['speaker'] + 2 * target['utterance'] + target['rest'])
    other_sd = np.sqrt(2 * other['speaker'] + other['pair'] + 2 * other['utterance'] + other['rest'])
    thresholds = np.linspace(-1, 2, 300_001)
    miss = ndtr((thresholds - MEAN[True]) / target_sd)
    fa = ndtr((MEAN[False] - thresholds) / other_sd)
    return {
        'EER': float(ndtr((MEAN[False] - MEAN[True]) / (target_sd + other_sd))),
        'minDCF_p01': float((miss + 99 * fa).min()),
        'minDCF_p05': float((miss + 19 * fa).min()),
    }


def draw_list(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and the two speakers of one simulated list, [n] each."""
    people = np.repeat(np.arange(SPEAKERS), UTTERANCES)
    own = np.array(list(combinations(range(UTTERANCES), 2)))
    targets = (own[None] + UTTERANCES * np.arange(SPEAKERS)[:, None, None]).reshape(-1, 2)
    enrol = np.repeat(np.arange(len(people)), IMPOSTORS)
    other = (people[enrol] + rng.integers(1, SPEAKERS, len(enrol))) % SPEAKERS
    impostors = np.column_stack([enrol, other * UTTERANCES + rng.integers(0, UTTERANCES, len(enrol))])
    scores = np.concatenate(
        [draw_scores(rng, targets, people, True), draw_scores(rng, impostors, people, False)]
    )
    left, right = people[np.concatenate([targets, impostors])].T
    return scores, np.arange(len(scores)) < len(targets), left, right


def draw_scores(rng: np.random.Generator, pairs: np.ndarray, people: np.ndarray, same: bool) -> np.ndarray:
    sd = {name: np.sqrt(variance) for name, variance in VARIANCE[same].items()}
    speaker = sd['speaker'] * rng.normal(size=SPEAKERS)
    utterance = sd['utterance'] * rng.normal(size=len(people))
    between = sd['pair'] * rng.normal(size=(SPEAKERS, SPEAKERS))
    left, right = people[pairs].T
    scores = MEAN[same] + utterance[pairs].sum(axis=1) + sd['rest'] * rng.normal(size=len(pairs))
    scores += speaker[left] if same else speaker[left] + speaker[right]
    return scores + between[np.minimum(left, right), np.maximum(left, right)]


def coverage(found: list[Interval], truth: float) -> dict[str, float]:
    low, high = np.array([(interval.low, interval.high) for interval in found]).T
    return dict(
        covered=round(float(np.mean((low <= truth) & (truth <= high))), 3),
        above=round(float(np.mean(low > truth)), 3),
        below=round(float(np.mean(high < truth)), 3),
        mean_width=round(float(np.mean(high - low)), 5),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lists', type=int, default=200, help='simulated lists (%(default)s)')
    parser.add_argument('--rounds', type=int, default=1000, help='draws for an interval (%(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--csv', help='write the table there')
    args = parser.parse_args()

    truth = true_rates()
    rng = np.random.default_rng(args.seed)
    found: dict[tuple[str, str], list[Interval]] = {}
    values: dict[str, list[float]] = {name: [] for name in truth}
    start = time.process_time()
    for _ in range(args.lists):
        scores, labels, enrol, test = draw_list(rng)
        by_speaker = speaker_bootstrap(scores, labels, enrol, test, tuple(truth), args.rounds)
        by_trial = trial_bootstrap(scores, labels, tuple(truth), args.rounds)
        for name in truth:
            found.setdefault((name, 'speakers'), []).append(by_speaker[name])
            found.setdefault((name, 'trials'), []).append(by_trial[name])
            values[name].append(by_speaker[name].value)

    print(f'Python {platform.python_version()}, numpy {version("numpy")}, seed {args.seed}')
    spent = time.process_time() - start
    print(f'{args.lists} lists of {len(labels)} trials, {args.rounds} rounds, {spent:.0f} CPU s')
    rows = []
    for (name, resampled), intervals in found.items():
        row = dict(
            metric=name, resampled=resampled, truth=round(truth[name], 5),
            mean=round(float(np.mean(values[name])), 5), sd=round(float(np.std(values[name])), 5),
            **coverage(intervals, truth[name]),
        )  # fmt: skip
        rows.append(row)
        print(
            f'  {name:11} {resampled:9} covered {row["covered"]:.1%} (too high {row["above"]:.1%}, '
            f'too low {row["below"]:.1%}), mean width {row["mean_width"]:.4f}; '
            f'true {row["truth"]:.4f}, measured {row["mean"]:.4f} ± {row["sd"]:.4f}'
        )
    if args.csv:
        with open(args.csv, 'w', newline='') as handle:
            writer = csv.DictWriter(handle, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
