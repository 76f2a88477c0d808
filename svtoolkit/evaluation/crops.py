"""Scoring by crops: every utterance is cut ten times, and all pairs of crops are compared.

The test protocol of the Clova trainer: starts ``floor(linspace(0, length - crop, 10))``, crops of 4 s, a
recording that is too short is repeated (wrap padding). A table of crop embeddings has one row per
utterance, [N, K * D], crop after crop, so that backends, cohorts and files stay what they are.
"""

from dataclasses import dataclass, replace

import numpy as np

from svtoolkit.backends import Cohort, EmbeddingTable
from svtoolkit.backends.base import Array, Backend, check_matrix
from svtoolkit.backends.length_norm import unit_rows
from svtoolkit.registry import BACKENDS

PAIRS_AT_ONCE = 2**22  # crop pairs held in memory: 32 MB in float64


@dataclass(frozen=True)
class CropSpec:
    """How an utterance is cut.

    Attributes:
        num: crops per utterance.
        frames: length of a crop; F frames are 160 F + 240 samples at 16 kHz, so 400 frames are 4.015 s.
    """

    num: int = 10
    frames: int = 400

    def __post_init__(self) -> None:
        if self.num < 1 or self.frames < 1:
            raise ValueError(f'{self.num} crops of {self.frames} frames: both must be at least 1.')

    def __str__(self) -> str:
        return f'{self.num} x {self.frames / 100:g} s'

    def num_samples(self, sample_rate: int) -> int:
        """Length of one crop: a shift of 10 ms per frame and the rest of the last 25 ms window."""
        return round((self.frames * 0.01 + 0.015) * sample_rate)


def crop_starts(length: int, size: int, num: int = 10) -> Array:
    """First sample of each crop, [num] int64, evenly spread; ``length`` must be at least ``size``."""
    if length < size:
        raise ValueError(f'{length} samples hold no crop of {size}; pad them first.')
    return np.floor(np.linspace(0, length - size, num)).astype(np.int64)


def cut_crops(wave: Array, size: int, num: int = 10) -> Array:
    """Crops of a waveform, [T] -> [num, size]; one not longer than a crop is repeated to size + 1 samples.

    Raises:
        ValueError: an empty waveform.
    """
    if not len(wave):
        raise ValueError('a recording without samples cannot be cut.')
    if len(wave) <= size:
        wave = np.pad(wave, (0, size + 1 - len(wave)), mode='wrap')
    return np.stack([wave[start : start + size] for start in crop_starts(len(wave), size, num)])


class CropScorer(Backend):
    """What both crop scorers share: rows of K crop embeddings, each scaled to length 1."""

    def __init__(self, num_crops: int = 10) -> None:
        if num_crops < 1:
            raise ValueError(f'num_crops={num_crops}: use 1 or more.')
        self.num_crops = num_crops

    def _crops(self, matrix: Array) -> Array:
        """Unit crop embeddings, [N, K * D] -> [N, K, D] float64."""
        matrix = check_matrix(matrix)
        if matrix.shape[1] % self.num_crops:
            raise ValueError(
                f'rows of {matrix.shape[1]} numbers are not {self.num_crops} crop embeddings; '
                'embed with the same number of crops.'
            )
        units = unit_rows(matrix.reshape(-1, matrix.shape[1] // self.num_crops))
        return units.reshape(len(matrix), self.num_crops, -1)


@BACKENDS.register_module()
class CropCosine(CropScorer):
    """Mean cosine of all K x K pairs of crops.

    Equal, exactly, to the inner product of the means of the unit crop embeddings, so a trial costs one
    product of D numbers. Several enrolment sessions give the mean of their scores.

    Args:
        num_crops: K, crops per utterance.
    """

    def prepare(self, matrix: Array) -> Array:
        return self._crops(matrix).mean(axis=1).astype(matrix.dtype)

    def compare(self, enrol: Array, test: Array) -> Array:
        return enrol @ test.T

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        return np.einsum('nk,nk->n', enrol, test)

    def pool(self, prepared: Array) -> Array:
        return prepared.mean(axis=0)


@BACKENDS.register_module()
class CropDistance(CropScorer):
    """Minus the mean Euclidean distance of all K x K pairs of unit crop embeddings, -2 to 0.

    The score behind the published figures of the Clova trainer. Several enrolment sessions become one
    utterance, crop by crop: the direction of the mean.

    Args:
        num_crops: K, crops per utterance.
    """

    def prepare(self, matrix: Array) -> Array:
        return self._crops(matrix).reshape(len(matrix), -1).astype(matrix.dtype)

    def compare(self, enrol: Array, test: Array) -> Array:
        crops = self.num_crops
        right = test.reshape(len(test) * crops, -1).T
        step = max(1, PAIRS_AT_ONCE // max(1, crops * right.shape[1]))
        scores = np.empty((len(enrol), len(test)))
        for start in range(0, len(enrol), step):
            left = enrol[start : start + step].reshape(-1, right.shape[0])
            distance = _distances(left @ right).reshape(-1, crops, len(test), crops)
            scores[start : start + step] = -distance.mean(axis=(1, 3))
        return scores

    def compare_pairs(self, enrol: Array, test: Array) -> Array:
        left = enrol.reshape(len(enrol), self.num_crops, -1)
        right = test.reshape(len(test), self.num_crops, -1)
        return -_distances(left @ right.transpose(0, 2, 1)).mean(axis=(1, 2))

    def pool(self, prepared: Array) -> Array:
        mean = prepared.mean(axis=0).reshape(self.num_crops, -1)
        return unit_rows(mean).ravel().astype(prepared.dtype)


def make_cohort(table: EmbeddingTable, speakers: list[str] | None, crops: CropSpec | None = None) -> Cohort:
    """The cohort of a table: one mean vector per training speaker, of unit vectors, or all utterances.

    With crops, the mean is over all crops of all utterances of a speaker, and stands in each of the K
    places of a row, so that a crop scorer sees exactly that one unit vector.

    Args:
        table: training embeddings, none of them of a speaker in a trial.
        speakers: N names in the table's order; None keeps utterances.
        crops: how the utterances of the table were cut; None for whole ones.
    """
    if crops is None or speakers is None:
        return Cohort.from_table(table, speakers)
    single = table.matrix.reshape(len(table) * crops.num, -1)
    names = [f'{name}#{number}' for name in table.ids for number in range(crops.num)]
    cohort = Cohort.from_table(
        EmbeddingTable(names, single, table.fingerprint), np.repeat(speakers, crops.num).tolist()
    )
    matrix = np.tile(unit_rows(cohort.matrix), crops.num).astype(np.float32)
    return replace(cohort, matrix=matrix, sources=tuple(table.ids))


def _distances(cosines: Array) -> Array:
    return np.sqrt(np.maximum(2 - 2 * cosines, 0))
