"""Res2 groups: a map is split by channels, and each group also reads the result of the group before it.

Gao et al. 2019 (arXiv:1904.01169), here over time, in the order of ECAPA-TDNN: convolution, ReLU, batch
norm. The residual block of Res2Net itself is in ``res2_block.py``.
"""

import torch
from torch import Tensor, nn

PASSTHROUGH = ('last', 'first')


class TimeConv(nn.Module):
    """Convolution over time, ReLU and batch norm, in this order; [B, C, 1, N] -> [B, out_channels, 1, N].

    Sequences run as pictures of height 1, because only 4-D tensors have a channels-last layout, in which
    the convolutions and batch norms of a CPU (and tensor cores) are faster.

    Args:
        in_channels: C.
        out_channels: channels of the result.
        kernel_size: odd; the length is kept.
        dilation: frames between two taps.
        padding_mode: ``zeros`` or ``reflect``.
        norm: whether the batch norm follows.
        norm_momentum: of the batch norm, in PyTorch's sense: the share of the new batch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        dilation: int = 1,
        padding_mode: str = 'zeros',
        norm: bool = True,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2 * dilation
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            (1, kernel_size),
            padding=(0, padding),
            dilation=(1, dilation),
            padding_mode='reflect' if padding_mode == 'reflect' and padding else 'zeros',
        )
        self.norm = nn.BatchNorm2d(out_channels, momentum=norm_momentum) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu_())


class Res2Sequence(nn.Module):
    """Dilated Res2 convolutions over time, [B, C, 1, N] -> the same; ``scale`` groups, one not convolved.

    Two orders are in use, with equal weight shapes: with ``last`` the last group passes untouched and the
    first is convolved alone; with ``first`` it is the other way round. Weights of one give rubbish in the
    other.

    Args:
        channels: C, a multiple of ``scale``.
        kernel_size: of each unit.
        dilation: of each unit.
        scale: number of groups.
        passthrough: ``last`` (TaoRuijie, WeSpeaker) or ``first`` (SpeechBrain).
        padding_mode: ``zeros`` or ``reflect``.
        norm_momentum: of the batch norms.

    Raises:
        ValueError: the channels do not divide into groups, or the order is unknown.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        dilation: int,
        scale: int = 8,
        passthrough: str = 'last',
        padding_mode: str = 'zeros',
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if scale < 2 or channels % scale:
            raise ValueError(f'channels={channels} do not divide into scale={scale} groups (at least 2).')
        if passthrough not in PASSTHROUGH:
            raise ValueError(f'passthrough={passthrough!r}: take one of {PASSTHROUGH}.')
        self.width = width = channels // scale
        self.first_passes = passthrough == 'first'
        self.units = nn.ModuleList(
            TimeConv(width, width, kernel_size, dilation, padding_mode, norm_momentum=norm_momentum)
            for _ in range(scale - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        groups = x.split(self.width, dim=1)
        untouched = groups[0] if self.first_passes else groups[-1]
        read = groups[1:] if self.first_passes else groups[:-1]
        results: list[Tensor] = []
        for index, unit in enumerate(self.units):
            results.append(unit(read[index] if index == 0 else read[index] + results[-1]))
        if self.first_passes:
            return torch.cat([untouched] + results, dim=1)
        return torch.cat(results + [untouched], dim=1)
