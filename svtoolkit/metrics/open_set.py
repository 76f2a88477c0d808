"""Open-set identification: one probe against a gallery of speakers, of whom it may be none.

Terms of NIST's face and speaker watch-list tests: FPIR is the share of strangers for whom the search
returns somebody, FNIR the share of enrolled people whom it does not return. Ties count against the system,
so the order of the gallery cannot matter.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from svtoolkit.metrics.checks import check_numbers

STRANGER = -1


def top_k_accuracy(scores: ArrayLike, mates: ArrayLike, k: int = 1) -> float:
    """Share of enrolled probes whose own speaker is among the k best of the gallery.

    Args:
        scores: [P, G], probe against gallery speaker, higher = more alike.
        mates: [P] column of each probe's own speaker, -1 for a stranger (left out here).
        k: length of the candidate list.

    Raises:
        ValueError: wrong shapes, a score that is not a number, a column that does not exist, no enrolled
            probe, or k outside 1 to G.
    """
    values, columns = _searches(scores, mates)
    if not 1 <= k <= values.shape[1]:
        raise ValueError(f'k={k}, but the gallery has {values.shape[1]} speakers: use 1 <= k <= that.')
    enrolled = columns != STRANGER
    return float(np.mean(_ranks(values[enrolled], columns[enrolled]) <= k))


def fnir_at_fpir(scores: ArrayLike, mates: ArrayLike, fpir: float, rank: int = 1) -> tuple[float, float]:
    """Share of enrolled people not found, at the threshold that raises false alarms for few strangers.

    A search returns the candidates with ``score >= threshold``, at most ``rank`` of them. A person is found
    when the own speaker is among them.

    Args:
        scores: [P, G], probe against gallery speaker, higher = more alike.
        mates: [P] column of each probe's own speaker, -1 for a stranger; both kinds must occur.
        fpir: largest allowed share of strangers with a candidate, a fraction.
        rank: length of the candidate list.

    Returns:
        FNIR, and the smallest threshold whose FPIR is at most ``fpir``: midway between the best score of a
        stranger and the next higher score of the searches; +inf, with a warning, when the best score of all
        is a stranger's and no stranger may be let in.

    Raises:
        ValueError: as for ``top_k_accuracy``; no stranger; ``fpir`` outside 0 to 1.
    """
    values, columns = _searches(scores, mates)
    enrolled = columns != STRANGER
    if enrolled.all():
        raise ValueError('no stranger among the probes: the false-positive rate needs probes with mate -1.')
    if not 0 <= fpir <= 1:
        raise ValueError(f'fpir={fpir}: a rate is a fraction between 0 and 1.')
    if rank < 1:
        raise ValueError(f'rank={rank}: a candidate list holds at least one.')
    mated, own_columns = values[enrolled], columns[enrolled]
    own = mated[np.arange(len(mated)), own_columns]
    threshold = _threshold(np.sort(values[~enrolled].max(axis=1)), own, fpir)
    found = (own >= threshold) & (_ranks(mated, own_columns) <= rank)
    return float(np.mean(~found)), threshold


def fpir_from_far(far: ArrayLike, gallery_size: ArrayLike) -> np.ndarray | float:
    """Chance that a stranger is taken for one of N enrolled speakers, 1 - (1 - FAR)^N.

    N comparisons count as independent, which strangers' scores are not quite: an estimate. Exact for tiny
    rates and huge galleries.

    Args:
        far: false acceptance rate of one comparison, fraction; a number or an array.
        gallery_size: enrolled speakers N.

    Raises:
        ValueError: a rate outside 0 to 1 or a gallery of fewer than one.
    """
    rate, size = _rates_and_sizes(far, gallery_size, 'far')
    with np.errstate(divide='ignore'):
        result = -np.expm1(size * np.log1p(-rate))
    return result if result.ndim else float(result)


def far_from_fpir(fpir: ArrayLike, gallery_size: ArrayLike) -> np.ndarray | float:
    """FAR one comparison may have so that a search of N speakers keeps its FPIR; see ``fpir_from_far``."""
    rate, size = _rates_and_sizes(fpir, gallery_size, 'fpir')
    with np.errstate(divide='ignore'):
        result = -np.expm1(np.log1p(-rate) / size)
    return result if result.ndim else float(result)


def _searches(scores: ArrayLike, mates: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    values, columns = np.asarray(scores), np.asarray(mates)
    if values.ndim != 2 or columns.shape != (len(values),) or columns.dtype.kind not in 'iu':
        raise ValueError(
            f'scores of shape [P, G] and whole numbers mates [P] are needed; got shapes {values.shape} and '
            f'{columns.shape}, mates of kind {columns.dtype}.'
        )
    check_numbers(values.ravel())
    wrong = np.flatnonzero((columns < STRANGER) | (columns >= values.shape[1]))
    if len(wrong):
        raise ValueError(
            f'mates[{wrong[0]}] is {columns[wrong[0]]}, but the gallery has {values.shape[1]} columns: '
            'use 0 to G - 1, or -1 for a stranger.'
        )
    if (columns == STRANGER).all():
        raise ValueError('no enrolled probe: all mates are -1.')
    return values, columns


def _ranks(scores: np.ndarray, mates: np.ndarray) -> np.ndarray:
    """Place of the own speaker, 1 = best, [P]; others with the same score stand before it."""
    own = np.take_along_axis(scores, mates[:, None], axis=1)
    return np.count_nonzero(scores >= own, axis=1)  # itself included


def _threshold(strangers: np.ndarray, own: np.ndarray, fpir: float) -> float:
    """Smallest threshold that lets in at most the share ``fpir`` of strangers' best scores (rising)."""
    allowed = int(np.floor(fpir * len(strangers) * (1 + 1e-12)))
    if allowed >= len(strangers):
        return float(min(strangers[0], own.min()))
    shut_out = strangers[len(strangers) - allowed - 1]
    above = np.concatenate([strangers[strangers > shut_out], own[own > shut_out]])
    if len(above) == 0:
        warnings.warn(
            f"FPIR {fpir}: the highest score is a stranger's, so the threshold is +inf and nobody is found; "
            'use more probes or allow more false positives.',
            stacklevel=3,
        )
        return float('inf')
    upper = above.min()
    middle = shut_out / 2 + upper / 2
    return float(middle if shut_out < middle <= upper else upper)


def _rates_and_sizes(rate: ArrayLike, size: ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray]:
    rates, sizes = np.asarray(rate, dtype=np.float64), np.asarray(size, dtype=np.float64)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f'{name}={rate!r}: a rate is a fraction between 0 and 1.')
    if not (sizes >= 1).all():
        raise ValueError(f'gallery_size={size!r}: at least one speaker must be enrolled.')
    return rates, sizes
