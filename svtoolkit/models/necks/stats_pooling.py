"""Poolings without weights of their own: mean, maximum, and mean with deviation, all over time."""

import math

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.frame_mask import frame_mask, masked_mean, to_full_precision
from svtoolkit.models.layers.frame_moments import frame_moments
from svtoolkit.registry import NECKS


@NECKS.register_module()
class MeanPooling(nn.Module):
    """Mean of each channel over time, [B, C, N] -> [B, C]; known as temporal average pooling (TAP).

    Args:
        in_channels: C.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = in_channels

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        return masked_mean(frames, lengths)


@NECKS.register_module()
class MaxPooling(nn.Module):
    """Largest value of each channel over time, [B, C, N] -> [B, C].

    Args:
        in_channels: C.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = in_channels

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        frames = to_full_precision(frames)
        if lengths is not None:
            frames = frames.masked_fill(~frame_mask(lengths, frames.shape[-1]), -math.inf)
        return frames.amax(-1)


@NECKS.register_module()
class StatsPooling(nn.Module):
    """Mean and deviation of each channel over time, [B, C, N] -> [B, 2C], all means first.

    Snyder et al. 2018, "X-vectors", sec. 2.2. The deviation is biased (divided by the number of
    frames) unless asked otherwise, and has eps inside its root, so that one frame or a constant
    input gives a finite value and gradient.

    Args:
        in_channels: C.
        unbiased: divide by the number of frames - 1, as WeSpeaker does.
        eps: added to the variance.
    """

    def __init__(self, in_channels: int, unbiased: bool = False, eps: float = 1e-8) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = 2 * in_channels
        self.unbiased = unbiased
        self.eps = eps

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool the frames.

        Args:
            frames: [B, C, N].
            lengths: [B] frames of each utterance; all N when None.
        """
        mean, variance = frame_moments(frames, lengths, self.unbiased)
        return torch.cat([mean, (variance + self.eps).sqrt()], dim=1)
