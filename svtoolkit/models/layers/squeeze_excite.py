"""Squeeze-and-excitation gates: each channel is scaled by what its mean over the map says. Hu et al. 2018."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.frame_mask import masked_mean


class SqueezeExcite2d(nn.Module):
    """Channel gate of a map, [B, C, F, N] -> the same: mean over both axes, two biased 1x1 convolutions.

    Args:
        channels: C.
        hidden: channels between the two convolutions, usually C / reduction.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, hidden, 1)
        self.up = nn.Conv2d(hidden, channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        squeezed = frames.mean((2, 3), keepdim=True)  # [B, C, 1, 1]
        return frames * torch.sigmoid(self.up(torch.relu(self.down(squeezed))))


class SqueezeExcite1d(nn.Module):
    """Channel gate of a sequence, [B, C, N] -> the same: mean over time, two biased 1x1 convolutions.

    Args:
        channels: C.
        hidden: channels between the two convolutions (128 in ECAPA-TDNN, C / 8 in RES-SE-TDNN).
        act: activation between them.
    """

    def __init__(self, channels: int, hidden: int, act: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.down = nn.Conv1d(channels, hidden, 1)
        self.up = nn.Conv1d(hidden, channels, 1)
        self.act = act

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Scale the channels.

        Args:
            frames: [B, C, N].
            lengths: [B] frames that count for the mean; all of them when None.
        """
        squeezed = masked_mean(frames, lengths).unsqueeze(-1)  # [B, C, 1]
        return frames * torch.sigmoid(self.up(self.act(self.down(squeezed)))).to(frames.dtype)
