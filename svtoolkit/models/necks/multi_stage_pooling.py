"""Pooling of several stages of a backbone at once (multi-stage embedding aggregation, MSEA)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from svtoolkit.registry import NECKS


@NECKS.register_module()
class MultiStagePooling(nn.Module):
    """One pooling per stage, concatenated in stage order; the only neck that takes a tuple of maps.

    Args:
        in_channels: channels of each stage's map, as ``backbone.out_channels`` with ``out_stages``.
        pool: config of the pooling of every stage; attentive ones are our extension, the system this
            comes from pools plain statistics.
    """

    def __init__(self, in_channels: Sequence[int], pool: dict | None = None) -> None:
        super().__init__()
        if isinstance(in_channels, int):
            raise ValueError(
                f'MultiStagePooling got in_channels={in_channels}, one map; give its backbone '
                'out_stages=(0, 1, 2, 3), or take a pooling for one map.'
            )
        pool = pool or dict(type='StatsPooling')
        self.in_channels = tuple(in_channels)
        pools = [NECKS.build({**pool, 'in_channels': width}) for width in in_channels]
        self.pools = nn.ModuleList(pools)
        self.out_channels = sum(one.out_channels for one in pools)

    def forward(self, frames: Sequence[Tensor], lengths: Sequence[Tensor] | None = None) -> Tensor:
        """Pool every stage.

        Args:
            frames: [B, C_i, N_i] of each stage.
            lengths: [B] frames of each utterance at the rate of each stage; all of them when None.

        Returns:
            [B, D], D the sum of the poolings' widths.
        """
        counts = [None] * len(self.pools) if lengths is None else lengths
        pooled = [pool(one, count) for pool, one, count in zip(self.pools, frames, counts, strict=True)]
        return torch.cat(pooled, dim=1)
