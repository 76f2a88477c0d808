"""Which frames of a padded batch are speech and which are padding, and statistics over the former.

Lengths are integer frames, [B], at the rate of the map they are used with. The sums run in float32
even when the frames are half precision: a variance of bfloat16 frames has two digits.
"""

import torch
from torch import Tensor


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """True where a frame belongs to the utterance, [B] -> [B, 1, N]; broadcasts over the channels."""
    return (torch.arange(num_frames, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1)


def to_full_precision(frames: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay, without a copy."""
    return frames.float() if frames.dtype in (torch.bfloat16, torch.float16) else frames


def masked_mean(frames: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Mean over the frames that count, [B, C, N] -> [B, C], at least float32.

    Args:
        frames: [B, C, N].
        lengths: [B] frames of each utterance, at least 1; all N when None.
    """
    frames = to_full_precision(frames)
    if lengths is None:
        return frames.mean(-1)
    mask = frame_mask(lengths, frames.shape[-1])
    return frames.masked_fill(~mask, 0).sum(-1) / lengths.unsqueeze(1)


def masked_variance(
    frames: Tensor, mean: Tensor, lengths: Tensor | None = None, unbiased: bool = False
) -> Tensor:
    """Variance over the frames that count, in two passes, [B, C, N] -> [B, C], at least float32.

    Args:
        frames: [B, C, N].
        mean: [B, C], the mean over the same frames.
        lengths: [B] frames of each utterance; all N when None.
        unbiased: divide by frames - 1; one frame then has variance 0, not NaN.
    """
    centred = to_full_precision(frames) - mean.unsqueeze(-1)
    if lengths is None:
        total, count = centred.square().sum(-1), frames.shape[-1] - int(unbiased)
        return total / max(count, 1)
    mask = frame_mask(lengths, frames.shape[-1])
    total = centred.masked_fill(~mask, 0).square().sum(-1)
    return total / (lengths.unsqueeze(1) - int(unbiased)).clamp(min=1)
