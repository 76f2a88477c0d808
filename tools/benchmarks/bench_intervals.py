"""How often a 95 % interval holds the true error rate, when the trials of a speaker hang together.

Claim: the interval from resampled speakers holds the true EER in 90 to 98 of 100 lists; the naive one, from
resampled trials, does not. Each list has the shape of the so762 test lists: 84 new speakers, 12 utterances
each, all pairs of one speaker as targets and 16 impostors for each utterance. A score is a mean plus effects
of the speaker, of the pair of speakers and of both utterances and a rest, all Gaussian: the true rates are
known. Their variances are moments of a real list: covariances of trials that share a speaker, a pair or an
utterance. SHARES holds those of a small TDNN's mean-subtracted cosines on both so762 lists; ``--fit`` takes
them from any score file of "svtoolkit evaluate" instead.

    OMP_NUM_THREADS=1 python tools/benchmarks/bench_intervals.py --shares hard --csv intervals.csv
    OMP_NUM_THREADS=1 python tools/benchmarks/bench_intervals.py --fit out/scores.tsv lists/test.tsv
"""

import argparse
import csv
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import combinations

import numpy as np
from scipy.special import ndtr

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.evaluation.decisions import read_scores
from svtoolkit.metrics.intervals import Interval, speaker_bootstrap, trial_bootstrap

SPEAKERS, UTTERANCES, IMPOSTORS = 84, 12, 16
KINDS = {True: 'targets', False: 'non-targets'}


@dataclass(frozen=True)
class Share:
    """Mean and variances of one kind of trial's scores.

    Attributes:
        mean: of the scores.
        speaker: variance of a speaker's effect, once in a target, twice in a non-target.
        pair: of the effect of a pair of speakers, 0 in a target.
        utterance: of an utterance's effect, twice in every trial.
        rest: of what is left.
    """

    mean: float
    speaker: float
    pair: float
    utterance: float
    rest: float

    def total(self, same: bool) -> float:
        return (1 if same else 2) * self.speaker + self.pair + 2 * self.utterance + self.rest


SHARES = {
    'random': {
        True: Share(0.4787, 0.01135, 0.0, 0.00304, 0.00690),
        False: Share(-0.0003, 0.0, 0.00966, 0.0, 0.01247),
    },
    'hard': {
        True: Share(0.4787, 0.01135, 0.0, 0.00304, 0.00690),
        False: Share(0.0637, 0.00151, 0.00814, 0.00052, 0.01271),
    },
}


def fit_shares(
    scores: np.ndarray, labels: np.ndarray, utts: np.ndarray, owner: np.ndarray
) -> dict[bool, Share]:
    """Shares of a real list by moments; negative estimates become 0.

    Args:
        scores: [n].
        labels: [n] bool.
        utts: [n, 2] numbers of the utterances of each trial.
        owner: [U] speaker number of each utterance.
    """
    found = {}
    for same in KINDS:
        picked = utts[labels == same]
        values = scores[labels == same]
        people, offset = owner[picked], values - values.mean()
        shared = products(picked.ravel(), np.repeat(offset, 2))  # of trials that share an utterance
        if same:
            speaker = ratio(products(people[:, 0], offset) - shared)
            utterance, pair = ratio(shared) - speaker, 0.0
        else:
            couple = products(np.sort(people, axis=1), offset)
            within = products(
                np.stack([picked, people[:, ::-1]], axis=2).reshape(-1, 2), np.repeat(offset, 2)
            )
            one = products(people.ravel(), np.repeat(offset, 2)) - 2 * couple  # share one speaker, not both
            speaker = ratio(one - (shared - within))
            utterance = ratio(shared - within) - speaker
            pair = ratio(couple - within) - 2 * speaker
        rest = offset.var() - (1 if same else 2) * speaker - pair - 2 * utterance
        effects = (max(0.0, float(effect)) for effect in (speaker, pair, utterance, rest))
        found[same] = Share(float(values.mean()), *effects)
    return found


def products(keys: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Sum of the products of, and number of, all pairs of rows with one key, [2]."""
    _, index = np.unique(keys, axis=0, return_inverse=True)
    index = index.ravel()
    count = np.bincount(index)
    return np.array([
        (np.bincount(index, offset) ** 2 - np.bincount(index, offset**2)).sum() / 2,
        (count * (count - 1)).sum() / 2,
    ])  # fmt: skip


def ratio(moment: np.ndarray) -> float:
    return float(moment[0] / moment[1]) if moment[1] else 0.0


def read_shares(scores: str, manifest: str) -> dict[bool, Share]:
    """Shares of a score file, speakers by the manifest."""
    trials, values = read_scores(scores)
    listed = Manifest.read(manifest)
    known = dict(zip(listed.utts, listed.speakers))
    owner = np.unique([known[name] for name in trials.ids], return_inverse=True)[1]
    return fit_shares(values, np.asarray(trials.label), np.column_stack([trials.enrol, trials.test]), owner)


def true_rates(shares: dict[bool, Share]) -> dict[str, float]:
    """EER and minDCF of the two Gaussians that all possible trials form."""
    target, other = shares[True], shares[False]
    target_sd, other_sd = np.sqrt(target.total(True)), np.sqrt(other.total(False))
    thresholds = np.linspace(-1, 2, 300_001)
    miss = ndtr((thresholds - target.mean) / target_sd)
    fa = ndtr((other.mean - thresholds) / other_sd)
    return {
        'EER': float(ndtr((other.mean - target.mean) / (target_sd + other_sd))),
        'minDCF_p01': float((miss + 99 * fa).min()),
        'minDCF_p05': float((miss + 19 * fa).min()),
    }


def draw_list(
    rng: np.random.Generator, shares: dict[bool, Share]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores and labels, [n] each, utterances [n, 2] and speakers [n, 2] of one simulated list."""
    people = np.repeat(np.arange(SPEAKERS), UTTERANCES)
    own = np.array(list(combinations(range(UTTERANCES), 2)))
    targets = (own[None] + UTTERANCES * np.arange(SPEAKERS)[:, None, None]).reshape(-1, 2)
    enrol = np.repeat(np.arange(len(people)), IMPOSTORS)
    other = (people[enrol] + rng.integers(1, SPEAKERS, len(enrol))) % SPEAKERS
    impostors = np.column_stack([enrol, other * UTTERANCES + rng.integers(0, UTTERANCES, len(enrol))])
    scores = [
        draw_scores(rng, pairs, people, same, shares[same])
        for pairs, same in ((targets, True), (impostors, False))
    ]
    utts = np.concatenate([targets, impostors])
    return np.concatenate(scores), np.arange(len(utts)) < len(targets), utts, people[utts]


def draw_scores(
    rng: np.random.Generator, pairs: np.ndarray, people: np.ndarray, same: bool, share: Share
) -> np.ndarray:
    speaker = np.sqrt(share.speaker) * rng.normal(size=SPEAKERS)
    utterance = np.sqrt(share.utterance) * rng.normal(size=len(people))
    between = np.sqrt(share.pair) * rng.normal(size=(SPEAKERS, SPEAKERS))
    left, right = people[pairs].T
    scores = share.mean + utterance[pairs].sum(axis=1) + np.sqrt(share.rest) * rng.normal(size=len(pairs))
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
    parser.add_argument('--shares', choices=SHARES, default='random', help='of which list (%(default)s)')
    parser.add_argument('--fit', nargs=2, metavar=('SCORES', 'MANIFEST'), help='take the shares from there')
    parser.add_argument('--csv', help='write the table there')
    args = parser.parse_args()

    shares = read_shares(*args.fit) if args.fit else SHARES[args.shares]
    for same, share in shares.items():
        print(f'{KINDS[same]}: {", ".join(f"{name} {value:.5f}" for name, value in asdict(share).items())}')
    truth = true_rates(shares)
    rng = np.random.default_rng(args.seed)
    found: dict[tuple[str, str], list[Interval]] = {}
    values: dict[str, list[float]] = {name: [] for name in truth}
    start = time.process_time()
    for _ in range(args.lists):
        scores, labels, _, people = draw_list(rng, shares)
        by_speaker = speaker_bootstrap(scores, labels, *people.T, tuple(truth), args.rounds)
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
