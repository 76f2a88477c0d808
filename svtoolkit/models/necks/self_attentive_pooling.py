"""Self-attentive pooling: one weight per frame for all channels. Cai et al. 2018 (arXiv:1804.05160)."""

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.frame_mask import frame_mask
from svtoolkit.models.layers.frame_moments import attention_weights, group_moments
from svtoolkit.registry import NECKS


@NECKS.register_module()
class SelfAttentivePooling(nn.Module):
    """Attentive mean, ``score = u . tanh(W x + b)``, [B, C, N] -> [B, C], or [B, 2C] with deviations.

    Args:
        in_channels: C.
        attention_channels: rows of W; None takes C, as the Clova trainer does.
        stats: append the weighted deviations.
        variance_floor: smallest variance.
    """

    def __init__(
        self,
        in_channels: int,
        attention_channels: int | None = 128,
        stats: bool = False,
        variance_floor: float = 1e-8,
    ) -> None:
        super().__init__()
        attention_channels = attention_channels or in_channels
        self.in_channels = in_channels
        self.out_channels = in_channels * (2 if stats else 1)
        self.stats = stats
        self.variance_floor = variance_floor
        self.project = nn.Conv1d(in_channels, attention_channels, 1)
        self.query = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, attention_channels)).squeeze(0))

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool the frames.

        Args:
            frames: [B, C, N].
            lengths: [B] frames of each utterance, at least 1; all N when None.
        """
        if lengths is not None:
            frames = frames.masked_fill(~frame_mask(lengths, frames.shape[-1]), 0)
        weights = self.weights(frames, lengths).unsqueeze(1)  # [B, 1, 1, N]
        mean, variance = group_moments(frames.unsqueeze(1), weights)  # [B, 1, 1, C]
        pooled = [mean, variance.clamp(min=self.variance_floor).sqrt()] if self.stats else [mean]
        return torch.cat([part.flatten(1) for part in pooled], dim=1)

    def weights(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Attention of each frame, [B, C, N] -> [B, 1, N]; sums to 1."""
        hidden = torch.tanh(self.project(frames)).to(self.query.dtype)  # [B, A, N]
        return attention_weights(torch.einsum('a,ban->bn', self.query, hidden).unsqueeze(1), lengths)
