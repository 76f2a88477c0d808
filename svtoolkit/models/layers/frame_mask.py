"""Which frames of a padded batch are speech and which are padding, and the mean over the former.

Lengths are integer frames, [B], at the rate of the map they are used with.
"""

import torch
from torch import Tensor


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """True where a frame belongs to the utterance, [B] -> [B, 1, N]; broadcasts over the channels."""
    return (torch.arange(num_frames, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(1)


def full_precision(frames: Tensor) -> torch.dtype:
    """The type to sum in: float64 for float64 frames, float32 for all others."""
    return torch.float64 if frames.dtype == torch.float64 else torch.float32


def to_full_precision(frames: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay, without a copy."""
    return frames.to(full_precision(frames))


def masked_mean(frames: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Mean over the frames that count, [B, C, N] -> [B, C], at least float32.

    Args:
        frames: [B, C, N]; the padding may hold anything, NaN included.
        lengths: [B] frames of each utterance, at least 1; all N when None.
    """
    if lengths is None:
        return frames.mean(-1, dtype=full_precision(frames))
    speech = frames.masked_fill(~frame_mask(lengths, frames.shape[-1]), 0)
    return speech.sum(-1, dtype=full_precision(frames)) / lengths.unsqueeze(1)
