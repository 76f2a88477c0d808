"""Our split of speechocean762 by voice, and the rules of its trial lists.

The 250 ids of the corpus hold fewer voices: networks trained on it cannot tell some ids apart. One id of
each such group is kept, the others are dropped. Ids that are merely alike stay in one part and never meet
as impostors. The tables were made from closed-set margins and open-set score ratios of those networks (the
corpus at github.com/jimbozhang/speechocean762, commit 613968e); the split is stratified by gender and age.
"""

import numpy as np

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList


def _words(text: str) -> list[str]:
    return text.split()


# fmt: off
TEST = frozenset(_words("""
    0005 0024 0048 0054 0056 0104 0306 0457 0482 0563 0575 0736 1033 1037 1044 1046 1061 1099 1109
    1181 1197 1293 1309 1334 1362 1372 1465 1501 1502 2002 2014 2036 2061 2242 2252 2402 2427 2441
    2488 2621 2740 2892 3012 3020 3021 3027 3088 3631 3636 3837 5017 5029 5072 5408 5424 5428 5547
    6067 6902 8002 8153 8584 9034 9101 9107 9553 9555 9556 9608 9609 9610 9611 9612 9615 9622 9623
    9624 9629 9631 9633 9639 9640 9645 9649"""))
DROPPED = frozenset(_words("""
    0003 0049 0053 0075 0092 0094 0114 0122 0960 1039 1228 1419 1447 1503 2170 2208 2282 3412 5432
    8585 9607"""))
DEV = tuple(_words("""
    0001 0026 0113 0149 0157 0739 0765 1012 1029 1030 1135 1336 1418 1435 1469 2022 2031 2059 2116
    2129 2430 3083 3208 3214 5015 5418 8068 9558 9604 9614"""))
ALIKE = frozenset(frozenset(pair.split('-')) for pair in _words("""
    0005-3088 0048-1046 0054-3636 0103-0111 0103-0112 0111-0112 0111-1439 0111-2179 0482-2892
    1033-1309 1037-1099 1044-3837 1465-3012 1502-9553 2014-8584 2022-2129 2031-2129 2036-2061
    2089-2236 2089-2251 2112-2244 2112-2251 2116-2129 2179-5195 2244-2251 2402-2427 2441-2488
    2621-9107 3020-3021 3020-5424 9609-9624"""))
# fmt: on
IMPOSTORS = 16  # non-target trials of each utterance as enrolment
AGE_GAP = 2  # years, in the hard list
FEWEST = 4  # voices a hard impostor is drawn from; the nearest in age where the gap allows fewer


def part_of(speaker: str) -> str:
    """``train``, ``test`` or ``dropped``."""
    return 'dropped' if speaker in DROPPED else 'test' if speaker in TEST else 'train'


def random_trials(manifest: Manifest, seed: int = 0) -> TrialList:
    """All pairs of one voice, and 16 impostors of either gender for each utterance."""
    return _trials(manifest, _Voices(manifest).impostors, IMPOSTORS, seed)


def hard_trials(manifest: Manifest, seed: int = 0) -> TrialList:
    """As ``random_trials``, impostors of the same gender and within two years of age."""
    return _trials(manifest, _Voices(manifest).hard_impostors, IMPOSTORS, seed)


def dev_trials(manifest: Manifest, seed: int = 0) -> TrialList:
    """As ``random_trials``, at least half of the impostors of the same gender."""
    voices = _Voices(manifest)
    return _trials(manifest, voices.impostors, IMPOSTORS, seed, (voices.same_gender, IMPOSTORS // 2))


class _Voices:
    """Who may be whose impostor; all matrices [S, S] bool by number of the manifest's speaker."""

    def __init__(self, manifest: Manifest) -> None:
        names = manifest.speakers.names
        rows = {speaker: row for row, speaker in enumerate(manifest.speakers)}
        gender = np.array([manifest.extra['gender'][rows[name]] for name in names])
        age = np.array([int(manifest.extra['age'][rows[name]]) for name in names])
        alike = [
            [first == second or frozenset((first, second)) in ALIKE for second in names] for first in names
        ]
        self.impostors = ~np.array(alike)
        self.same_gender = self.impostors & (gender[:, None] == gender)
        gap = np.abs(age[:, None] - age)
        self.hard_impostors = self.same_gender & (gap <= AGE_GAP)
        for voice in np.flatnonzero(self.hard_impostors.sum(axis=1) < FEWEST):
            others = np.flatnonzero(self.same_gender[voice])
            nearest = others[np.argsort(gap[voice, others], kind='stable')[:FEWEST]]
            self.hard_impostors[voice, nearest] = True


def _trials(
    manifest: Manifest,
    allowed: np.ndarray,
    count: int,
    seed: int,
    first: tuple[np.ndarray, int] | None = None,
) -> TrialList:
    """Targets in the order of the manifest, then impostors.

    Args:
        manifest: n utterances.
        allowed: [S, S] bool, whether voices may meet as impostors.
        count: impostors of each utterance; fewer where there are not so many.
        seed: of the draws.
        first: a narrower matrix, and how many of the impostors are drawn from it.
    """
    codes = manifest.speakers.codes
    enrol, test = np.nonzero(np.triu(codes[:, None] == codes, k=1))
    rng = np.random.default_rng(seed)
    drawn = []
    for voice in codes:
        chosen = np.zeros(0, np.int64)
        for matrix, number in ([first] if first else []) + [(allowed, count)]:
            pool = np.setdiff1d(np.flatnonzero(matrix[voice][codes]), chosen)
            chosen = np.append(chosen, rng.choice(pool, min(number - len(chosen), len(pool)), replace=False))
        drawn.append(np.sort(chosen))
    impostors = np.repeat(np.arange(len(codes)), [len(part) for part in drawn])
    pairs = np.concatenate([enrol, impostors]), np.concatenate([test, *drawn]).astype(np.int64)
    label = np.arange(len(pairs[0])) < len(enrol)
    return TrialList(list(manifest.utts), pairs[0].astype(np.int64), pairs[1], label)
