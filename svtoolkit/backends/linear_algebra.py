"""Eigenvalues, covariances and roots of symmetric matrices as the backends need them.

Everything is float64; the sign of an eigenvector is fixed (its largest entry is positive), so that
the same data give the same projection on every machine.
"""

import numpy as np

from svtoolkit.backends.base import Array


def covariance(matrix: Array) -> Array:
    """Covariance of rows about their mean, divided by N, [N, D] -> [D, D]."""
    centred = matrix - matrix.mean(axis=0)
    return centred.T @ centred / len(matrix)


def symmetric(matrix: Array) -> Array:
    """The symmetric part, which rounding takes away."""
    return (matrix + matrix.T) / 2


def sorted_eigh(matrix: Array, metric: Array | None = None) -> tuple[Array, Array]:
    """Eigenvalues, largest first, and eigenvectors in columns.

    Args:
        matrix: [D, D], symmetric.
        metric: [D, D], positive definite; then ``matrix v = value metric v`` and ``v' metric v = 1``.
    """
    from scipy.linalg import eigh

    values, vectors = eigh(symmetric(matrix), None if metric is None else symmetric(metric))
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    return values, vectors * np.sign(vectors[largest, np.arange(len(values))])


def power(matrix: Array, exponent: float, floor: float = 1e-10) -> Array:
    """A power of a positive semi-definite matrix; eigenvalues below ``floor`` x largest are raised to it."""
    values, vectors = sorted_eigh(matrix)
    values = np.maximum(values, floor * values[0])
    return (vectors * values**exponent) @ vectors.T


def scatter(matrix: Array, index: Array, means: Array) -> Array:
    """Sum over rows of the outer product of what is left after the class mean, [D, D]."""
    residual = matrix - means[index]
    return residual.T @ residual
