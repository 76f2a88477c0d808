"""Unsupervised adaptation of a PLDA model to a target domain: covariances in, covariances out.

- ``kaldi``: directions in which the target varies more than the model expects get the excess, shared
  between both covariances (Kaldi, ``ivector-adapt-plda``).
- ``coral``: both covariances are recoloured so that their sum becomes the target's (Sun et al. 2016,
  Alam et al. 2018).
- ``coral+``: of that change only what adds variance is taken, scaled (Lee et al. 2019, algorithm 1).
"""

import numpy as np

from svtoolkit.backends.base import Array
from svtoolkit.backends.linear_algebra import power, sorted_eigh, symmetric
from svtoolkit.errors import unknown_name

METHODS = ('kaldi', 'coral', 'coral+')


def adapt_covariances(
    method: str, between: Array, within: Array, target: Array, between_scale: float, within_scale: float
) -> tuple[Array, Array]:
    """Covariances between and within speakers for the target domain, [D, D] each.

    Args:
        method: one of ``METHODS``.
        between: [D, D] of the model.
        within: [D, D] of the model.
        target: [D, D] total covariance of the target domain; ``kaldi`` wants the outer product of
            the shift of the mean added to it.
        between_scale: share of the change for ``between``; not used by ``coral``.
        within_scale: share of the change for ``within``; not used by ``coral``.

    Raises:
        UnknownNameError: no such method.
    """
    if method == 'kaldi':
        return _add_excess(between, within, target, between_scale, within_scale)
    if method not in METHODS:
        raise unknown_name('adaptation', method, METHODS)
    recolour = coral_map(between + within, target)
    moved_between, moved_within = recolour @ between @ recolour.T, recolour @ within @ recolour.T
    if method == 'coral':
        return symmetric(moved_between), symmetric(moved_within)
    return _grow(between, moved_between, between_scale), _grow(within, moved_within, within_scale)


def coral_map(source: Array, target: Array) -> Array:
    """The matrix A with ``A source A' = target``, [D, D]: whiten by the source, colour by the target."""
    return power(target, 0.5) @ power(source, -0.5)


def _add_excess(
    between: Array, within: Array, target: Array, between_scale: float, within_scale: float
) -> tuple[Array, Array]:
    total = between + within
    values, vectors = sorted_eigh(target, total)  # vectors' total vectors = I
    back = total @ vectors  # inverse transpose of the vectors
    excess = (back * np.maximum(values - 1, 0)) @ back.T
    return symmetric(between + between_scale * excess), symmetric(within + within_scale * excess)


def _grow(old: Array, new: Array, scale: float) -> Array:
    """``old`` plus ``scale`` x what ``new`` has more, in the basis where both are diagonal."""
    # a floor lets directions without variance (rank below D) take part
    base = old + 1e-9 * np.trace(old) / len(old) * np.eye(len(old))
    values, vectors = sorted_eigh(new, base)
    back = base @ vectors
    return symmetric(old + scale * (back * np.maximum(values - 1, 0)) @ back.T)
