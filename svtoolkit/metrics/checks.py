"""What every metric asks of its input: finite scores, labels of two kinds, equal lengths.

Scores are higher for voices that are more alike; a label is True for a target trial (same speaker).
"""

import numpy as np
from numpy.typing import ArrayLike


def trial_arrays(scores: ArrayLike, labels: ArrayLike, finite: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels as arrays [n]; nothing is copied when they already are float and bool.

    Args:
        scores: [n], higher = more alike. float32 and float64 are kept, other kinds become float64.
        labels: [n] bool (or 0 and 1), True = same speaker. Both kinds must occur.
        finite: also refuse infinite scores. Log-likelihood ratios may be infinite, thresholds may not.

    Raises:
        ValueError: wrong shapes or lengths, a score that is not a number, labels other than 0 and 1,
            or a list with one kind of trial only; the message says what is wrong and how often.
    """
    values = np.asarray(scores)
    if values.ndim != 1:
        raise ValueError(f'scores: one number per trial is needed, shape [n]; got shape {values.shape}.')
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    truth = label_array(labels)
    if len(values) != len(truth):
        raise ValueError(f'{len(values)} scores, but {len(truth)} labels: one label per score is needed.')
    check_numbers(values, finite)
    num_targets = int(np.count_nonzero(truth))
    if num_targets in (0, len(truth)):
        missing = 'target (same-speaker)' if num_targets == 0 else 'non-target (different-speaker)'
        raise ValueError(
            f'no {missing} trials among {len(truth)} trials: error rates need both kinds; '
            'check the label column of the trial list.'
        )
    return values, truth


def label_array(labels: ArrayLike) -> np.ndarray:
    """Labels as a bool array [n]; 0 and 1 of any number kind are accepted.

    Raises:
        ValueError: not one-dimensional, or a label other than 0 and 1.
    """
    truth = np.asarray(labels)
    if truth.ndim != 1:
        raise ValueError(f'labels: shape [n] is needed; got shape {truth.shape}.')
    if truth.dtype == np.bool_:
        return truth
    wrong = np.flatnonzero((truth != 0) & (truth != 1))
    if len(wrong):
        first = truth[wrong[0]]
        raise ValueError(
            f'{len(wrong)} labels are neither 0 nor 1, the first is {first!r} at index {wrong[0]}: '
            'use True or 1 for the same speaker, False or 0 for different ones.'
        )
    return truth.astype(bool)


def check_numbers(values: np.ndarray, finite: bool = True) -> None:
    """Refuse NaN, and with ``finite`` infinite values too.

    Raises:
        ValueError: how many there are, and the index of the first.
    """
    wrong = ~np.isfinite(values) if finite else np.isnan(values)
    if wrong.any():
        first = int(wrong.argmax())
        what = 'finite' if finite else 'numbers'
        raise ValueError(
            f'{int(wrong.sum())} of {len(values)} scores are not {what}, the first is {values[first]} at '
            f'index {first}: mend or drop these trials before measuring.'
        )


def check_prior(p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> None:
    """Refuse a prior outside (0, 1) or a cost that is not positive.

    Raises:
        ValueError: the value that came.
    """
    if not 0 < p_target < 1:
        raise ValueError(f'p_target={p_target}: a prior lies between 0 and 1, both excluded.')
    if not (c_miss > 0 and c_fa > 0):
        raise ValueError(f'c_miss={c_miss}, c_fa={c_fa}: costs must be positive.')
