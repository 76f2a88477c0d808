"""Speakers drawn from a two-covariance model, small enough for brute force."""

from types import SimpleNamespace

import numpy as np

from svtoolkit.backends import EmbeddingTable


def draw_speakers(seed=0, num_speakers=60, dim=6, least=2, most=8, tails=None):
    """A table and its speakers: ``y ~ N(m, B)``, ``x ~ N(y, W)``, or Student noise with ``tails`` degrees."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=dim)
    root_b, root_w = rng.normal(size=(2, dim, dim))
    between = root_b @ root_b.T / dim
    within = root_w @ root_w.T / dim + 0.2 * np.eye(dim)
    counts = rng.integers(least, most + 1, num_speakers)
    index = np.repeat(np.arange(num_speakers), counts)
    speaker = rng.multivariate_normal(mean, between, num_speakers)
    noise = rng.multivariate_normal(np.zeros(dim), within, len(index))
    if tails is not None:
        noise /= np.sqrt(rng.gamma(tails / 2, 2 / tails, len(index)))[:, None]
    matrix = (speaker[index] + noise).astype(np.float32)
    table = EmbeddingTable([f'u{row}' for row in range(len(index))], matrix, 'model-1')
    names = [f's{number:04d}' for number in index]
    return SimpleNamespace(
        table=table, speakers=names, index=index, mean=mean, between=between, within=within
    )


def draw_trials(table, count=200, seed=1):
    """Random pairs of a table's utterances; the names are a shuffled part of them."""
    rng = np.random.default_rng(seed)
    ids = [table.ids[row] for row in rng.permutation(len(table))[: max(2, len(table) // 2)]]
    enrol, test = rng.integers(0, len(ids), (2, count))
    return SimpleNamespace(ids=ids, enrol=enrol, test=test, label=None)
