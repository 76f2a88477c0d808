"""Blocks of ReDimNet and ReDimNet2: maps [B, C, F, N] and signals [B, F * C, N] of one volume.

A signal holds the map's values frequency-major, index ``f * C + c``, as in the published weights: when a
stage trades bins for channels the index of a value hardly moves, so signals of all stages can be added.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.channel_norm import ChannelNorm

MAP_BLOCKS = ('convnext_like', 'convnext_like_relu', 'basic_resnet', 'basic_resnet_fwse')
CONTEXTS = ('fc', 'conv', 'att', 'conv+att')


def to_signal(x: Tensor) -> Tensor:
    """Map to signal, [B, C, F, N] -> [B, F * C, N]."""
    return x.transpose(1, 2).flatten(1, 2)


def to_map(x: Tensor, bins: int) -> Tensor:
    """Signal to map, [B, F * C, N] -> [B, C, F, N] with ``bins`` = F."""
    return x.unflatten(1, (bins, -1)).transpose(1, 2)


def build_map_block(kind: str, channels: int, bins: int, kernel: tuple[int, int], group: int) -> nn.Module:
    """One block on maps [B, channels, bins, N], by its published name.

    Args:
        kind: one of ``MAP_BLOCKS``.
        channels: C of the map.
        bins: F of the map.
        kernel: bins x frames of a ConvNeXt convolution; the ResNet blocks have 3 x 3.
        group: channels of one group of the spatial convolutions; 1 is depthwise.
    """
    if kind in ('convnext_like', 'convnext_like_relu'):
        return ConvNeXtBlock(nn.Conv2d, channels, [kernel], group, 'relu' if 'relu' in kind else 'gelu')
    if kind in ('basic_resnet', 'basic_resnet_fwse'):
        return GroupedResBlock(channels, group, bins if kind == 'basic_resnet_fwse' else None)
    raise unknown_name('2-D block of ReDimNet', kind, MAP_BLOCKS)


class WeightedSum(nn.Module):
    """Sum of K signals, each channel with its own softmax weights over them.

    Args:
        num_inputs: K.
        channels: width of the signals.
    """

    def __init__(self, num_inputs: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, num_inputs, channels, 1))

    def forward(self, signals: Sequence[Tensor]) -> Tensor:
        weight = self.weight.softmax(dim=1)
        total = weight[:, 0] * signals[0]
        for i in range(1, len(signals)):
            total = total + weight[:, i] * signals[i]
        return total


class ConvNeXtBlock(nn.Module):
    """Parallel grouped convolutions, batch norm, activation, 1x1 convolution, plus the input.

    Args:
        conv: ``nn.Conv1d`` or ``nn.Conv2d``.
        channels: C.
        kernels: one for each convolution.
        group: channels of one group.
        act: ``gelu`` or ``relu``.
    """

    def __init__(
        self, conv: type, channels: int, kernels: Sequence, group: int = 1, act: str = 'gelu'
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm1d if conv is nn.Conv1d else nn.BatchNorm2d
        self.convs = nn.ModuleList(
            conv(channels, channels, kernel, padding='same', groups=max(channels // group, 1))
            for kernel in kernels
        )
        self.norm = norm(channels * len(kernels))
        self.act = nn.GELU() if act == 'gelu' else nn.ReLU()
        self.pointwise = conv(channels * len(kernels), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.cat([conv(x) for conv in self.convs], dim=1)
        return x + self.pointwise(self.act(self.norm(out)))


class FrequencyGate(nn.Module):
    """Scale each bin by what its mean over channels and time says, [B, C, F, N] -> the same."""

    def __init__(self, bins: int, hidden: int) -> None:
        super().__init__()
        self.down = nn.Linear(bins, hidden)
        self.up = nn.Linear(hidden, bins)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean(dim=(1, 3))))))
        return x * gate[:, None, :, None]


class GroupedResBlock(nn.Module):
    """Residual block of two grouped 3 x 3 convolutions, each with a 1x1 one; the first norm follows ReLU.

    Args:
        channels: C.
        group: channels of one group.
        gate_bins: F where a frequency gate ends the block; None without.
    """

    def __init__(self, channels: int, group: int, gate_bins: int | None = None) -> None:
        super().__init__()
        groups = max(channels // group, 1)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.pointwise1 = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.pointwise2 = nn.Conv2d(channels, channels, 1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.gate: nn.Module = nn.Identity()
        if gate_bins is not None:
            self.gate = FrequencyGate(gate_bins, min(64, max(channels, 32)))

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm1(torch.relu(self.pointwise1(self.conv1(x))))
        out = self.gate(self.norm2(self.pointwise2(self.conv2(out))))
        return torch.relu(out + x)


class TransformerBlock(nn.Module):
    """Self-attention and feed-forward, each followed by a layer norm, [B, N, C] -> the same.

    Args:
        channels: C, divisible by ``heads``.
        hidden: width of the feed-forward layer.
        heads: attention heads.
    """

    def __init__(self, channels: int, hidden: int, heads: int = 4) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(
                f'attention over {channels} channels with {heads} heads: choose bins x width / reduction '
                f'divisible by {heads} (the published ReDimNets take 72 bins, b0 takes 60).'
            )
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.up = nn.Linear(channels, hidden)
        self.down = nn.Linear(hidden, channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        parts = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )  # each [B, H, N, C / H]
        found = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.out(found))
        return self.norm2(x + self.down(F.gelu(self.up(x), approximate='tanh')))


class PositionConv(nn.Module):
    """Depthwise convolution that tells frames apart, normed and added, [B, C, N] -> the same."""

    def __init__(self, channels: int, kernel: int = 59) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = ChannelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.conv(x))


class TimeContext(nn.Module):
    """Narrow the signal, look along time, widen it again, plus the input; [B, C, N] -> the same.

    Args:
        channels: C.
        hidden: width inside.
        kind: one of ``CONTEXTS``.
    """

    def __init__(self, channels: int, hidden: int, kind: str = 'conv+att') -> None:
        super().__init__()
        self.down = nn.Conv1d(channels, hidden, 1)
        self.norm = ChannelNorm(hidden)
        self.layers, self.transformer = _context_layers(kind, hidden)
        self.up = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layers(self.norm(self.down(x)))
        if self.transformer is not None:
            out = self.transformer(out.transpose(1, 2)).transpose(1, 2)
        return x + self.up(out)


def _context_layers(kind: str, hidden: int) -> tuple[nn.Sequential, TransformerBlock | None]:
    if kind == 'fc':
        wide = 2 * hidden
        widen, narrow = nn.Conv1d(hidden, wide, 1), nn.Conv1d(wide, hidden, 1)
        return nn.Sequential(widen, ChannelNorm(wide), nn.GELU(), narrow), None
    if kind == 'conv':
        return nn.Sequential(*(ConvNeXtBlock(nn.Conv1d, hidden, (7, 15, 31)) for _ in range(4))), None
    if kind == 'att':
        return nn.Sequential(PositionConv(hidden)), TransformerBlock(hidden, 2 * hidden)
    if kind == 'conv+att':
        convs = (ConvNeXtBlock(nn.Conv1d, hidden, (kernel,)) for kernel in (7, 19, 31, 59))
        return nn.Sequential(*convs), TransformerBlock(hidden, hidden)
    raise unknown_name('time context of ReDimNet', kind, CONTEXTS)
