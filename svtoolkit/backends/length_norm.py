"""Scale every embedding to unit length. Garcia-Romero & Espy-Wilson 2011."""

import numpy as np

from svtoolkit.backends.base import Array, Transform


class LengthNorm(Transform):
    """``scale * x / |x|``.

    Args:
        scale: length of the result: a number, or ``'sqrt_dim'`` for Kaldi's square root of D.
    """

    def __init__(self, scale: float | str = 1.0) -> None:
        if isinstance(scale, str) and scale != 'sqrt_dim':
            raise ValueError(f"scale='{scale}': expected a number or 'sqrt_dim'.")
        self.scale = scale

    def _transform(self, matrix: Array) -> Array:
        scale = matrix.shape[1] ** 0.5 if isinstance(self.scale, str) else self.scale
        return unit_rows(matrix) * scale


def unit_rows(matrix: Array) -> Array:
    """Rows scaled to length 1, [N, D] -> [N, D] float64.

    Raises:
        ValueError: a row is all zero, it has no direction.
    """
    matrix = matrix.astype(np.float64)
    length = np.sqrt(np.einsum('nd,nd->n', matrix, matrix))[:, None]
    zero = np.flatnonzero(length == 0)
    if len(zero):
        raise ValueError(
            f'{len(zero)} of {len(matrix)} embeddings are zero and have no direction (row {zero[0]}).'
        )
    return matrix / length
