"""Make trial lists from the utterances of a manifest."""

from collections.abc import Mapping, Sequence

import numpy as np

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList


def make_trials(
    manifest: Manifest,
    impostors: int = 16,
    same: Sequence[str] = (),
    seed: int = 0,
    near: Mapping[str, float] | None = None,
) -> TrialList:
    """All pairs of one speaker, and for each utterance some utterances of other speakers.

    Args:
        manifest: the utterances.
        impostors: non-target trials per utterance, drawn without replacement.
        same: columns both sides of a non-target trial share, such as ``gender``: a harder list.
        seed: of the draws.
        near: column of numbers -> largest difference of both sides of a non-target trial, such as
            ``{'age': 2}``.

    Returns:
        Targets first, then non-targets, both in the order of the manifest.
    """
    speakers = np.array(list(manifest.speakers))
    alike = np.ones((len(speakers), len(speakers)), dtype=bool)
    for column in same:
        values = np.array(list(manifest.extra[column]))
        alike &= values[:, None] == values[None, :]
    for column, most in (near or {}).items():
        numbers = np.array(list(manifest.extra[column]), dtype=np.float64)
        alike &= np.abs(numbers[:, None] - numbers[None, :]) <= most
    other = speakers[:, None] != speakers[None, :]
    first, second = np.nonzero(np.triu(~other, k=1))
    rng = np.random.default_rng(seed)
    drawn = []
    for row in range(len(speakers)):
        candidates = np.flatnonzero(alike[row] & other[row])
        drawn.append(np.sort(rng.choice(candidates, min(impostors, len(candidates)), replace=False)))
    enrol = np.concatenate([first, np.repeat(np.arange(len(speakers)), [len(part) for part in drawn])])
    test = np.concatenate([second, *drawn])
    label = np.arange(len(enrol)) < len(first)
    return TrialList(list(manifest.utts), enrol.astype(np.int64), test.astype(np.int64), label)
