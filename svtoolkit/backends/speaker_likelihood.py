"""Likelihood ratios of linear-Gaussian speaker models, in the basis where everything is diagonal.

What utterances of one speaker say about the speaker's hidden vector is a Gaussian factor with natural
parameters: a vector (first K numbers of a row) and one precision (the last number, 1 per utterance for
Gaussian PLDA, the heavy-tail weight for heavy-tailed PLDA). Factors of one speaker multiply, so rows
add; that is the exact ("by the book") rule for enrolment from several sessions. With the prior N(0, I)

    E(a, b) = 1/2 sum_k gain_k a_k^2 / (1 + b lam_k) - 1/2 sum_k log(1 + b lam_k)
    llr = E(a_e + a_t, b_e + b_t) - E(a_e, b_e) - E(a_t, b_t)

Silnova et al. 2018, eq. 12-14; the Gaussian case is the closed form of Ioffe 2006.
"""

import numpy as np

from svtoolkit.backends.base import Array

GROUPS = 64  # above this many pairs of precisions, rows are scored one by one


def evidence(rows: Array, gain: Array, lam: Array) -> Array:
    """Log evidence E of each row, [n, K + 1] -> [n]; ``gain`` and ``lam`` are [K]."""
    ratio = rows[:, -1:] * lam
    return 0.5 * (gain * rows[:, :-1] ** 2 / (1 + ratio) - np.log1p(ratio)).sum(axis=1)


def llr_pairs(enrol: Array, test: Array, gain: Array, lam: Array) -> Array:
    """Log likelihood ratio of row i with row i, [n, K + 1] twice -> [n]."""
    joint = evidence(enrol + test, gain, lam)
    return joint - (evidence(enrol, gain, lam) + evidence(test, gain, lam))


def llr_matrix(enrol: Array, test: Array, gain: Array, lam: Array) -> Array:
    """Log likelihood ratios of all pairs, [E, K + 1] and [T, K + 1] -> [E, T].

    One matrix product per pair of precisions that occur, or, where nearly every row has its own, one
    pass over the tests per enrolment.
    """
    own = evidence(enrol, gain, lam)[:, None] + evidence(test, gain, lam)
    precise_e, group_e = np.unique(enrol[:, -1], return_inverse=True)
    precise_t, group_t = np.unique(test[:, -1], return_inverse=True)
    joint = np.empty(own.shape)
    if len(precise_e) * len(precise_t) > GROUPS:
        for row, vector in enumerate(enrol):
            joint[row] = evidence(vector + test, gain, lam)
        return joint - own
    for i, left in enumerate(precise_e):
        at_e = np.flatnonzero(group_e == i)
        a = enrol[at_e, :-1]
        for j, right in enumerate(precise_t):
            at_t = np.flatnonzero(group_t == j)
            b = test[at_t, :-1]
            weight = gain / (1 + (left + right) * lam)
            constant = 0.5 * np.log1p((left + right) * lam).sum()
            single = 0.5 * ((a**2 @ weight)[:, None] + b**2 @ weight)
            joint[np.ix_(at_e, at_t)] = (a * weight) @ b.T + single - constant
    return joint - own
