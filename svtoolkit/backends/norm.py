"""Score normalisation by a cohort: functions of score arrays.

A raw score s of enrolment e and test t is compared with how e and t score against strangers. With
S_e, S_t the scores of e and t against the cohort, and mean and deviation over a chosen part of them:

    Z  (s - mean S_e) / std S_e          S    half of Z + T
    T  (s - mean S_t) / std S_t          AS1  S, with S_e over the cohort nearest to e, S_t to t
    AZ, AT  Z and T over the nearest     AS2  S, with S_e over the cohort nearest to t, S_t to e
    ZT  Z, then T of the cohort's own Z-normalised scores;   TZ  its mirror

Auckenthaler et al. 2000 (T), Li & Porter 1988 (Z), Matejka et al. 2017 (AS1 eq. 7, AS2 eq. 8), Cumani
et al. 2011 (AS2). A cohort score of -inf is one left out.
"""

import numpy as np

from svtoolkit.backends.base import Array

MODES = ('none', 'z', 't', 's', 'zt', 'tz', 'as1', 'as2', 'az', 'at')


def z_norm(scores: Array, mean: Array | float, std: Array | float) -> Array:
    """``(s - mean) / std``, elementwise; Z and T norm differ in whose statistics come in."""
    return (scores - mean) / std


def as_norm(scores: Array, enrol: tuple[Array, Array], test: tuple[Array, Array]) -> Array:
    """Mean of both one-sided norms (S, AS1 and AS2, by whose statistics come in).

    Args:
        scores: [n] or [E, T].
        enrol: mean and deviation of the enrolment side, shaped to broadcast with ``scores``.
        test: the same of the test side.
    """
    return (z_norm(scores, *enrol) + z_norm(scores, *test)) / 2


def cohort_statistics(
    scores: Array, topn: int | None = None, ddof: int = 0, sigma_floor: float = 1e-6
) -> tuple[Array, Array]:
    """Mean and deviation of each row over its largest scores.

    Args:
        scores: [U, M] against the cohort; -inf leaves an entry out.
        topn: how many of the largest; None or more than M takes all.
        ddof: 0 divides the variance by the count, 1 by the count - 1.
        sigma_floor: smallest deviation given.

    Returns:
        Mean and deviation, [U] float64 each.

    Raises:
        ValueError: topn < 1, an empty cohort, or a row with everything left out.
    """
    size = check_topn(topn, scores.shape[1])
    if size < scores.shape[1]:
        scores = np.partition(scores, -size, axis=1)[:, -size:]
    scores = scores.astype(np.float64)
    present = np.isfinite(scores)
    if present.all():
        count = np.full(len(scores), size)
    else:
        count = present.sum(axis=1)
        if not count.all():
            row = int(np.flatnonzero(count == 0)[0])
            raise ValueError(
                f'the whole cohort is left out for utterance {row}: take a cohort of other speakers.'
            )
        scores = np.where(present, scores, 0.0)
    mean = scores.sum(axis=1) / count
    residual = np.where(present, scores - mean[:, None], 0.0)
    square = np.einsum('um,um->u', residual, residual)
    std = np.sqrt(square / np.maximum(count - ddof, 1))
    return mean, np.maximum(std, sigma_floor)


def nearest(scores: Array, topn: int | None = None) -> Array:
    """Cohort indices of each row's largest scores; equal scores are taken in cohort order.

    Args:
        scores: [U, M]; -inf leaves an entry out.
        topn: how many; None or more than M takes all.

    Returns:
        [U, N] int32, ascending; -1 where fewer than N entries are left.
    """
    rows, columns = scores.shape
    size = check_topn(topn, columns)
    if size == columns:
        index = np.broadcast_to(np.arange(columns, dtype=np.int32), (rows, columns))
    else:
        edge = np.partition(scores, -size, axis=1)[:, [-size]]
        chosen = scores > edge
        tied = scores == edge
        chosen |= tied & (np.cumsum(tied, axis=1) <= size - chosen.sum(axis=1, keepdims=True))
        index = np.nonzero(chosen)[1].reshape(rows, size).astype(np.int32)
    return np.where(np.take_along_axis(scores, index, axis=1) == -np.inf, np.int32(-1), index)


def drop_outliers(scores: Array, sigma: float) -> Array:
    """Leave out cohort scores further than ``sigma`` deviations from their row's mean, [U, M] -> [U, M].

    Matejka et al. 2017 advise 4 to 5: an unlabelled cohort may hold the speaker himself.
    """
    mean, std = cohort_statistics(scores)
    return np.where(np.abs(scores - mean[:, None]) > sigma * std[:, None], -np.inf, scores)


def check_topn(topn: int | None, size: int) -> int:
    """The number of cohort entries to take, at most ``size``.

    Raises:
        ValueError: an empty cohort, or topn < 1.
    """
    if size < 1:
        raise ValueError('the cohort is empty.')
    if topn is None:
        return size
    if topn < 1:
        raise ValueError(
            f'topn={topn}: use 1 or more; a topn above the cohort size ({size}) takes all of it.'
        )
    return min(topn, size)
