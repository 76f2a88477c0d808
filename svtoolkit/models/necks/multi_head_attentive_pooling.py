"""Multi-head attentive pooling and its kin: several attentions over the same frames.

- split heads: head h scores and pools its own C / H channels. India et al. 2019 (arXiv:1906.09890).
- ``double``: a second attention weighs the H head vectors into one. India et al. 2020 (arXiv:2007.13199).
- ``split=False``: every head scores and pools all channels. Wang et al. 2020 (ICASSP), global heads.
- ``temperatures``: head h divides its scores by its own number, so that heads look at the utterance
  from narrow to wide. The same paper, multi-resolution; it takes 1, 5, 10, 15, ...
- ``num_queries``: several weights per head, all pooled. Zhao et al. 2021 (arXiv:2110.05042), MQMHA with
  linear scores.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.frame_mask import frame_mask
from svtoolkit.models.layers.frame_moments import attention_weights, group_moments
from svtoolkit.registry import NECKS


@NECKS.register_module()
class MultiHeadAttentivePooling(nn.Module):
    """H x Q attentive means (and deviations) of the frames, [B, C, N] -> [B, D].

    ``score = v . x / sqrt(d)`` with d the channels a head sees. D is C Q for split heads (query by
    query, in it head by head), C H Q for global heads, C / H with ``double``; ``stats`` doubles it
    (all means first).

    Args:
        in_channels: C; split heads need it to be a multiple of ``num_heads``.
        num_heads: H.
        num_queries: Q, sets of weights of each head.
        split: whether a head sees C / H channels or all C.
        stats: append the weighted deviations.
        double: weigh the heads by a second attention (split heads, one query).
        scale: divide the scores by sqrt(d).
        temperatures: H positive numbers that divide the heads' scores; None means all 1.
        variance_floor: smallest variance.

    Raises:
        ValueError: the arguments do not go together.
    """

    def __init__(
        self,
        in_channels: int,
        num_heads: int = 8,
        num_queries: int = 1,
        split: bool = True,
        stats: bool = False,
        double: bool = False,
        scale: bool = True,
        temperatures: Sequence[float] | None = None,
        variance_floor: float = 1e-8,
    ) -> None:
        super().__init__()
        if split and in_channels % num_heads:
            raise ValueError(
                f'{in_channels} channels cannot be split into {num_heads} heads; take a divisor.'
            )
        if double and not (split and num_queries == 1):
            raise ValueError('double=True weighs split heads: it needs split=True and num_queries=1.')
        temperatures = [1.0] * num_heads if temperatures is None else list(temperatures)
        if len(temperatures) != num_heads or min(temperatures) <= 0:
            raise ValueError(f'temperatures={temperatures}: {num_heads} positive numbers are needed.')
        self.in_channels = in_channels
        self.num_heads = num_heads
        self.split = split
        self.stats = stats
        self.variance_floor = variance_floor
        head_channels = in_channels // num_heads if split else in_channels
        self.scaling = 1 / math.sqrt(head_channels) if scale else 1.0
        self.queries = nn.Parameter(torch.empty(num_heads, num_queries, head_channels))
        nn.init.normal_(self.queries, std=1.0 if scale else 1 / math.sqrt(head_channels))
        self.head_query = nn.Parameter(torch.randn(head_channels)) if double else None
        self.inverse_temperatures: Tensor
        inverse = 1 / torch.tensor(temperatures).view(num_heads, 1, 1)
        self.register_buffer('inverse_temperatures', inverse, persistent=False)
        width = head_channels * (1 if double else num_heads * num_queries)
        self.out_channels = width * (2 if stats else 1)

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool the frames.

        Args:
            frames: [B, C, N].
            lengths: [B] frames of each utterance, at least 1; all N when None.
        """
        if lengths is not None:
            frames = frames.masked_fill(~frame_mask(lengths, frames.shape[-1]), 0)
        groups = frames.unflatten(1, (self.num_heads if self.split else 1, -1))  # [B, G, d, N]
        weights = self.weights(groups, lengths)  # [B, H, Q, N]
        if not self.split:
            weights = weights.flatten(1, 2).unsqueeze(1)  # [B, 1, H Q, N]
        mean, variance = group_moments(groups, weights)  # [B, G, ., d]
        pooled = [mean, variance.clamp(min=self.variance_floor).sqrt()] if self.stats else [mean]
        if self.head_query is not None:
            scores = mean.squeeze(2) @ self.head_query.to(mean.dtype) * self.scaling  # [B, H]
            share = scores.softmax(-1)[:, :, None, None]
            return torch.cat([(share * part).sum((1, 2)) for part in pooled], dim=1)
        # [B, G, ., d] -> [B, ., G, d]: a query's heads stand side by side, in the channels' order
        return torch.cat([part.transpose(1, 2).flatten(1) for part in pooled], dim=1)

    def weights(self, groups: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Attention of every head and query, [B, G, d, N] -> [B, H, Q, N]; sums to 1 over N."""
        scores = self.queries.to(groups.dtype) @ groups * self.scaling  # [B, H, Q, N]
        scores = scores * self.inverse_temperatures.to(scores.dtype)
        return attention_weights(scores.flatten(1, 2), lengths).unflatten(1, self.queries.shape[:2])
