"""Speed of the neural scorer on a list of VoxCeleb1-O's size, one process, random features.

    python tools/benchmarks/bench_neural_scoring.py [--size o|smoke] [--layers 1] [--rounds 3]

Claim: with trunk features (4,708 utterances of 101 frames x 2560) and enrolment embeddings (256) given, 37,611
trials take at most 1/20 of the time of the full masked encoder run once per trial, which is timed on 1,000
random trials of the list and scaled up. Both ways start from the same trunk features and embeddings in memory
and end with an array of scores; both include the projection of the frames to the width of the encoder.
"projected" is the same comparison from frames that are projected already, which is what ``NeuralBackend``
keeps of an utterance. To stay within memory the utterances share the numbers of ``--distinct`` of them; every
utterance is computed all the same. The ways are timed in turn; with OMP_NUM_THREADS=1 in seconds of the CPU,
which other programs do not stretch, else by the clock.
"""

import argparse
import os
import platform
import time
from types import SimpleNamespace

import numpy as np
import torch

from svtoolkit.evaluation.neural_backend import NeuralBackend
from svtoolkit.models.heads.neural_scorer_head import NeuralScorerHead

SIZES = {'o': (4708, 37_611, 1000), 'smoke': (40, 200, 20)}
TESTS_AT_ONCE = 16


def clock() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--size', choices=SIZES, default='o')
    parser.add_argument('--frames', type=int, default=101)
    parser.add_argument('--layers', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--distinct', type=int, default=256, help='utterances with features of their own')
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', torch.get_num_threads())))
    torch.manual_seed(0)
    utterances, count, timed = SIZES[args.size]
    print(
        f'{platform.processor() or platform.machine()}, torch {torch.__version__}, '
        f'{torch.get_num_threads()} threads, seed 0'
    )
    print(f'{utterances} utterances of {args.frames} frames, {count} trials, {args.layers} layers')
    head = NeuralScorerHead(embed_dim=256, frame_channels=2560, num_layers=args.layers).eval()
    features = torch.randn(min(args.distinct, utterances), 2560, args.frames)
    voices = torch.randn(utterances, 256)
    rng = np.random.default_rng(0)
    enrol, test = rng.integers(0, utterances, (2, count))
    sample = rng.choice(count, timed, replace=False)
    names = [str(row) for row in range(utterances)]
    trials = SimpleNamespace(ids=names, enrol=enrol, test=test, label=None)

    seconds: dict[str, list[float]] = {}
    for _ in range(args.rounds):  # interleaved: a busy machine hits all ways alike
        for part in np.array_split(sample, 5):
            once(head, features, voices, enrol, test, part, seconds)
        start = clock()
        frames = project_all(head, features, names)
        projected = clock()
        backend = NeuralBackend(tests_at_once=TESTS_AT_ONCE)
        backend.hold(head, dict(zip(names, voices)), frames)
        scores = backend.score_trials(trials)
        end = clock()
        seconds.setdefault('list from trunk features', []).append(end - start)
        seconds.setdefault('list from projected frames', []).append(end - projected)
    for name in ('trunk features', 'projected frames'):
        listed = np.median(seconds[f'list from {name}'])
        single = np.median(seconds[f'trial from {name}']) * count
        print(
            f'{name}: list {listed:.2f} s, full masked encoder per trial {1000 * single / count:.2f} ms, '
            f'{single:.0f} s for the list (scaled up): ratio {single / listed:.1f}'
        )
    direct = [masked(head, features, voices, enrol[row], test[row]) for row in sample[:50]]
    print(f'largest difference of 50 scores: {np.abs(scores[sample[:50]] - direct).max():.1e}')


def once(head, features, voices, enrol, test, rows, seconds: dict[str, list[float]]) -> None:
    """Time the full masked encoder trial by trial; seconds per trial with and without the projection."""
    start = clock()
    for row in rows:
        masked(head, features, voices, enrol[row], test[row])
    seconds.setdefault('trial from trunk features', []).append((clock() - start) / len(rows))
    with torch.inference_mode():
        frames = {row: head.project(features[[place(test[row], features)]]) for row in rows}
        project, head.project = head.project, lambda given: given
        start = clock()
        for row in rows:
            head.score_masked(frames[row], voices[enrol[row]].view(1, 1, -1))
        seconds.setdefault('trial from projected frames', []).append((clock() - start) / len(rows))
        head.project = project


def place(test: int, features) -> int:
    """Whose features an utterance has."""
    start = test // TESTS_AT_ONCE * TESTS_AT_ONCE
    return start % (len(features) - TESTS_AT_ONCE + 1) + test - start


def masked(head, features, voices, enrol: int, test: int) -> float:
    """One trial by the encoder over the whole masked sequence."""
    with torch.inference_mode():
        return head.score_masked(features[[place(test, features)]], voices[enrol].view(1, 1, -1)).item()


def project_all(head, features, names: list[str]) -> dict[str, torch.Tensor]:
    """Projected frames of every utterance, each computed once, some at a time."""
    frames = {}
    with torch.inference_mode():
        for start in range(0, len(names), TESTS_AT_ONCE):
            part = names[start : start + TESTS_AT_ONCE]
            first = start % (len(features) - TESTS_AT_ONCE + 1)  # a view: copies are no part of the work
            frames.update(zip(part, head.project(features[first : first + len(part)])))
    return frames


if __name__ == '__main__':
    main()
