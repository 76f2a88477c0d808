"""From cut frames to mel energies: once as a formula with gradients, once fast for the CPU.

Both take frames as a strided view (``Tensor.unfold``), so that overlapping frames are not copied before the
window is applied. A power spectrum does not change when a frame is moved inside its zero padding, therefore
frames stand at the start of the ``n_fft`` samples also for front ends that centre them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

CHUNK_FRAMES = 320  # frames and spectra of one chunk are 1.2 MB: about what a core's cache holds

Bands = list[tuple[int, Tensor]]


def mel_power(frames: Tensor, n_fft: int, filters: Tensor) -> Tensor:
    """Mel energies of windowed frames, [B, N, length] -> [B, N, F]; ``filters`` is [n_fft // 2 + 1, F]."""
    spectrum = torch.fft.rfft(frames, n=n_fft)
    return (spectrum.real.square() + spectrum.imag.square()) @ filters


def mel_bands(filters: Tensor, width: int = 16) -> Bands:
    """Cut a filter bank into groups of neighbouring filters, each with the few bins it looks at.

    A filter bank is almost all zeros: five products of 16 filters with their own bins cost a quarter of one
    product with the whole bank. The weights stand twice in a row, so that they can be applied to squared
    spectra whose real and imaginary parts alternate: the product then also adds the two.

    Args:
        filters: [bins, F].
        width: filters in a group; 16 float32 fill one AVX-512 register.

    Returns:
        For each group: the first of the 2 * bins squares it looks at, and its weights [squares, width].
    """
    bands = []
    for group in filters.split(width, dim=1):
        used = group.any(dim=1).nonzero()
        start, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        bands.append((2 * start, group[start:stop].repeat_interleave(2, dim=0).float().contiguous()))
    return bands


def fast_mel_power(
    frames: Tensor,
    window: Tensor,
    n_fft: int,
    bands: Bands,
    adjust: Callable[[Tensor, slice, slice], None] | None = None,
    finish: Callable[[Tensor], object] | None = None,
) -> Tensor:
    """The numbers of ``mel_power`` for the CPU, in chunks that stay in the cache, with buffers used again.

    Only for frames that need no gradient: buffers are written in place.

    Args:
        frames: [B, N, length], a strided view; not yet windowed.
        window: [length].
        n_fft: length of the transform.
        bands: of ``mel_bands``.
        adjust: called with the windowed frames of a chunk [b, n, length] and the slices of B and N they come
            from; changes them in place.
        finish: called with the mel energies of a chunk while they are in the cache; changes them in place.

    Returns:
        [B, N, F].
    """
    batch, count, length = frames.shape
    widths = [weights.shape[1] for _, weights in bands]
    mel = frames.new_empty(batch, count, sum(widths))
    per_row = -(-count // -(-count // CHUNK_FRAMES))  # equal parts of a long utterance
    rows = max(1, CHUNK_FRAMES // count)  # or several short ones at a time
    padded = frames.new_empty(min(rows, batch), per_row, n_fft)
    padded[..., length:] = 0.0  # the zeros behind the frames stay
    for row in range(0, batch, rows):
        for start in range(0, count, per_row):
            of_batch, of_frames = slice(row, row + rows), slice(start, start + per_row)
            part = frames[of_batch, of_frames]
            buffer = padded[: part.shape[0], : part.shape[1]]
            windowed = buffer[..., :length]
            torch.mul(part, window, out=windowed)
            if adjust is not None:
                adjust(windowed, of_batch, of_frames)
            power = torch.view_as_real(torch.fft.rfft(buffer.flatten(0, 1))).flatten(1)  # re, im, re, im, ...
            power.mul_(power)
            energies = mel[of_batch, of_frames].flatten(0, 1)  # a view: several rows only come as wholes
            for columns, (first, weights) in zip(energies.split(widths, dim=1), bands):
                torch.mm(power.narrow(1, first, len(weights)), weights, out=columns)
            if finish is not None:
                finish(energies)
    return mel
