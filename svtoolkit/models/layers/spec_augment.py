"""SpecAugment (Park et al. 2019, arXiv 1904.08779): masks over time and frequency, in training only."""

import torch
from torch import Tensor, nn

from svtoolkit.registry import MODELS


@MODELS.register_module()
class SpecAugment(nn.Module):
    """Fill random stripes of [B, F, N] features with a constant; every item draws its own.

    Widths are uniform over 0..max inclusive, positions uniform. Features are mean-normalised before,
    so the fill of 0 is the mean of the crop. Randomness comes from torch's generator of the CPU, which
    the training loop seeds anew at every step.

    Args:
        freq_masks: number of masks over mel bins.
        max_freq_width: their largest width in bins.
        time_masks: number of masks over frames.
        max_time_width: their largest width in frames.
        fill: the value inside the masks.
    """

    def __init__(
        self,
        freq_masks: int = 1,
        max_freq_width: int = 10,
        time_masks: int = 1,
        max_time_width: int = 20,
        fill: float = 0.0,
    ) -> None:
        super().__init__()
        self.freq_masks = freq_masks
        self.max_freq_width = max_freq_width
        self.time_masks = time_masks
        self.max_time_width = max_time_width
        self.fill = fill

    def forward(self, features: Tensor) -> Tensor:
        batch, bins, frames = features.shape
        masked = _stripes(batch, bins, self.freq_masks, self.max_freq_width).unsqueeze(2)  # [B, F, 1]
        masked = masked | _stripes(batch, frames, self.time_masks, self.max_time_width).unsqueeze(1)
        return features.masked_fill(masked.to(features.device), self.fill)


@MODELS.register_module()
class SpecCutout(nn.Module):
    """One rectangle of zeros per item, [B, F, N] -> [B, F, N]; the original recipe's augmentation.

    Args:
        max_freq_width: largest height in bins, uniform over 0..max inclusive.
        max_time_width: largest width in frames, likewise.
    """

    def __init__(self, max_freq_width: int = 8, max_time_width: int = 10) -> None:
        super().__init__()
        self.max_freq_width = max_freq_width
        self.max_time_width = max_time_width

    def forward(self, features: Tensor) -> Tensor:
        batch, bins, frames = features.shape
        rows = _stripes(batch, bins, 1, self.max_freq_width).unsqueeze(2)
        columns = _stripes(batch, frames, 1, self.max_time_width).unsqueeze(1)
        return features.masked_fill((rows & columns).to(features.device), 0.0)


def _stripes(batch: int, size: int, count: int, max_width: int) -> Tensor:
    """True inside ``count`` random stripes of each row, [B, size]."""
    inside = torch.zeros(batch, size, dtype=torch.bool)
    position = torch.arange(size)
    for _ in range(count):
        width = torch.randint(0, min(max_width, size) + 1, (batch, 1))
        start = (torch.rand(batch, 1) * (size - width + 1)).floor().long()
        inside |= (position >= start) & (position < start + width)
    return inside
