"""Speed of adaptive score normalisation (AS1) on lists of VoxCeleb1's size, one process, random embeddings.

    python tools/benchmarks/bench_as_norm.py [--size o|e] [--speechbrain DIR] [--wespeaker DIR]

Claims: the original list (4,708 utterances, 37,611 trials, cohort 5,994 x 256) takes about a second on
one thread; the extended one (145,160 utterances, 579,818 trials) stays within 2 GB of memory. All ways
start from the same float32 embeddings in memory and end with an array of scores; reading and writing
files is left out. The other ways are run from a checkout of their project when it is given: wespeaker's
``get_mean_std`` as imported from its ``bin/score_norm.py`` with its loop over trials, SpeechBrain's loop
body of ``speaker_verification_cosine.py`` (repeat, cosine, top-k, mean, std) on ``--trials`` trials,
scaled up. CPU time counts, so that a busy
machine does not; set OMP_NUM_THREADS=1 for one thread.
"""

import argparse
import importlib.util
import os
import platform
import resource
import sys
import time
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from svtoolkit.backends import Chain, Cohort, Cosine, EmbeddingTable, ScoreNorm

SIZES = {'o': (4708, 37_611), 'e': (145_160, 579_818), 'smoke': (60, 200)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--size', choices=SIZES, default='o')
    parser.add_argument('--dim', type=int, default=256)
    parser.add_argument('--cohort', type=int, default=5994)
    parser.add_argument('--topn', type=int, default=300)
    parser.add_argument('--mode', default='as1', help='as1, as2, s, ...; the peers do as1 only')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--trials', type=int, default=200, help="trials timed of SpeechBrain's loop")
    parser.add_argument('--wespeaker', type=Path, help='checkout of wespeaker')
    parser.add_argument('--speechbrain', type=Path, help='checkout of SpeechBrain')
    args = parser.parse_args()
    threads = os.environ.get('OMP_NUM_THREADS', 'default')
    print(f'{platform.processor() or platform.machine()}, numpy {np.__version__}, {threads} threads, seed 0')
    utterances, count = SIZES[args.size]
    print(f'{utterances} utterances, {count} trials, cohort {args.cohort} x {args.dim}, top {args.topn}')
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((utterances, args.dim), dtype=np.float32)
    cohort = rng.standard_normal((args.cohort, args.dim), dtype=np.float32)
    enrol, test = rng.integers(0, utterances, (2, count))

    ways = {'svtoolkit': lambda: ours(args, matrix, cohort, enrol, test)}
    if args.wespeaker:
        mean_std = wespeaker_function(args.wespeaker)
        ways['wespeaker'] = lambda: wespeaker(mean_std, args.topn, matrix, cohort, enrol, test)
    results, seconds = {}, {name: [] for name in ways}
    for _ in range(args.rounds):  # interleaved: a busy machine hits all ways alike
        for name, way in ways.items():
            start = time.process_time()
            results[name] = way()
            seconds[name].append(time.process_time() - start)
    for name, times in seconds.items():
        spread = f'{min(times):.2f} to {max(times):.2f}'
        print(f'{name}: median {np.median(times):.2f} CPU s ({spread}, {args.rounds} rounds)')
    if args.speechbrain:
        check_speechbrain(args.speechbrain)
        start = time.process_time()
        results['SpeechBrain'] = speechbrain(
            args.topn, matrix, cohort, enrol[: args.trials], test[: args.trials]
        )
        each = (time.process_time() - start) / args.trials
        print(
            f'SpeechBrain: {1000 * each:.2f} CPU ms a trial, {each * count:.0f} CPU s for the list (scaled up)'
        )
    for name, scores in results.items():
        if name != 'svtoolkit' and args.mode == 'as1':
            gap = np.abs(scores - results['svtoolkit'][: len(scores)]).max()
            print(
                f'largest difference to {name}: {gap:.1e}'
                + (' (its deviation is the unbiased one)' if name == 'SpeechBrain' else '')
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f'peak memory of the process: {peak:.2f} GiB')


def ours(args: argparse.Namespace, matrix, cohort, enrol, test) -> np.ndarray:
    """The package's way, from raw embeddings to scores."""
    table = EmbeddingTable([str(row) for row in range(len(matrix))], matrix)
    norm = ScoreNorm(args.mode, args.topn)
    chain = Chain([Cosine(), norm])
    norm.use(Cohort(cohort, ('',) * len(cohort)))
    return chain.score_trials(table, SimpleNamespace(ids=table.ids, enrol=enrol, test=test, label=None))


def wespeaker_function(folder: Path):
    """``get_mean_std`` of the checkout; what its module imports beyond numpy is not needed and blanked."""
    for name in ('fire', 'kaldiio', 'tqdm', 'wespeaker', 'wespeaker.utils', 'wespeaker.utils.file_utils'):
        blank = types.ModuleType(name)
        blank.tqdm = blank.read_table = None
        sys.modules.setdefault(name, blank)
    spec = importlib.util.spec_from_file_location(
        'score_norm', folder / 'wespeaker' / 'bin' / 'score_norm.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_mean_std


def wespeaker(mean_std, topn: int, matrix, cohort, enrol, test) -> np.ndarray:
    """Their steps: statistics of the unique enrolments, then of the unique tests, then a loop over trials."""
    left, left_at = np.unique(enrol, return_inverse=True)
    right, right_at = np.unique(test, return_inverse=True)
    left_mean, left_std = mean_std(matrix[left], cohort, topn)
    right_mean, right_std = mean_std(matrix[right], cohort, topn)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    raw = np.einsum('nd,nd->n', unit[enrol], unit[test])  # they read these from the score file
    scores = []
    for score, e, t in zip(raw, left_at, right_at):
        scores.append(0.5 * ((score - left_mean[e]) / left_std[e] + (score - right_mean[t]) / right_std[t]))
    return np.array(scores)


def check_speechbrain(folder: Path) -> None:
    """Make sure that the recipe still works the way :func:`speechbrain` does it."""
    text = (folder / 'recipes/VoxCeleb/SpeakerRec/speaker_verification_cosine.py').read_text(encoding='utf-8')
    for step in ('enrol.repeat(train_cohort.shape[0], 1, 1)', 'torch.topk(', 'torch.std(score_t_c, dim=0)'):
        if step not in text:
            raise SystemExit(f'{folder}: the recipe no longer says "{step}"; look at it before comparing.')


def speechbrain(topn: int, matrix, cohort, enrol, test) -> np.ndarray:
    """Per trial: both sides against the whole cohort, as their recipe does."""
    import torch

    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', torch.get_num_threads())))
    similarity = torch.nn.CosineSimilarity(dim=-1, eps=1e-6)
    table, strangers = torch.from_numpy(matrix)[:, None, None], torch.from_numpy(cohort)[:, None]
    scores = []
    for e, t in zip(enrol, test):
        raw = similarity(table[e], table[t])[0]
        sides = []
        for side in (table[e], table[t]):
            against = similarity(side.repeat(len(strangers), 1, 1), strangers)
            nearest = torch.topk(against, k=min(topn, len(strangers)), dim=0)[0]
            sides.append((raw - nearest.mean(dim=0)) / nearest.std(dim=0))
        scores.append(0.5 * (sides[0] + sides[1]))
    return torch.stack(scores).flatten().numpy()


if __name__ == '__main__':
    main()
