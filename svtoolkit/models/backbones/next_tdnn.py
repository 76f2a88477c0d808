"""NeXt-TDNN: ConvNeXt blocks along time, with two kernel sizes side by side.

Heo et al. 2024, https://arxiv.org/abs/2312.08603. Published sizes: ``channels`` 128 or 256 with
``depths=(3, 3, 3)``, 192 or 384 with (1, 1, 1); ``kernel_sizes=(7, 65)``, the light ones ``(65,)``.
Behind it the paper puts attentive statistics pooling, batch norm, a linear layer and batch norm.
"""

import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.models.layers.channel_norm import ChannelNorm
from svtoolkit.registry import BACKBONES


class ResponseNorm(nn.Module):
    """Scale each channel by its energy over time against the mean of all channels, plus the input.

    Woo et al. 2023, https://arxiv.org/abs/2301.00808; [B, N, C] -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        energy = torch.linalg.vector_norm(x, dim=1, keepdim=True)  # [B, 1, C]
        share = energy / (energy.mean(dim=-1, keepdim=True) + 1e-6)
        return self.weight * (x * share) + self.bias + x


class MultiScaleConv(nn.Module):
    """Linear layer, depthwise convolutions of several sizes on parts of the channels, GELU, linear layer.

    Args:
        channels: C, divisible by the number of kernels.
        kernel_sizes: odd.
    """

    def __init__(self, channels: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        part = channels // len(kernel_sizes)
        self.project = nn.Linear(channels, channels)
        self.convs = nn.ModuleList(
            nn.Conv1d(part, part, kernel, padding=kernel // 2, groups=part) for kernel in kernel_sizes
        )
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.project(x.transpose(1, 2)).transpose(1, 2).chunk(len(self.convs), dim=1)
        x = torch.cat([conv(part) for conv, part in zip(self.convs, parts)], dim=1)
        return self.out(F.gelu(x).transpose(1, 2)).transpose(1, 2)


class NeXtBlock(nn.Module):
    """Convolution over time, then a feed-forward network for each frame, both plus their input.

    Args:
        channels: C.
        kernel_sizes: of the multi-scale convolution; a single one makes a plain depthwise convolution.
    """

    def __init__(self, channels: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        kernel = kernel_sizes[0]
        self.conv: nn.Module = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        if len(kernel_sizes) > 1:
            self.conv = MultiScaleConv(channels, kernel_sizes)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.up = nn.Linear(channels, 4 * channels)
        self.response = ResponseNorm(4 * channels)
        self.down = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv(x)
        frames = self.norm(x.transpose(1, 2))
        return x + self.down(self.response(F.gelu(self.up(frames)))).transpose(1, 2)


@BACKBONES.register_module()
class NeXtTDNN(nn.Module):
    """NeXt-TDNN frame features, [B, F, N] -> [B, len(depths) * channels, N - 3].

    The first convolution is not padded, so an input has ``min_frames`` = 4 frames at least.

    Args:
        in_channels: F, the number of feature bins.
        channels: C, divisible by the number of kernels.
        depths: blocks of each stage; the last layer reads the outputs of all stages.
        kernel_sizes: odd; one makes the light network.

    Raises:
        ValueError: an even kernel, or channels that cannot be split.
    """

    min_frames = 4

    def __init__(
        self,
        in_channels: int = 80,
        channels: int = 256,
        depths: Sequence[int] = (3, 3, 3),
        kernel_sizes: Sequence[int] = (7, 65),
    ) -> None:
        super().__init__()
        if any(kernel % 2 == 0 for kernel in kernel_sizes) or channels % len(kernel_sizes):
            raise ValueError(
                f'kernel_sizes={tuple(kernel_sizes)}, channels={channels}: kernels are odd, '
                'and the channels are split evenly over them.'
            )
        self.subsampling = 1
        self.out_channels = len(depths) * channels
        self.stem = nn.Conv1d(in_channels, channels, 4)
        self.stem_norm = ChannelNorm(channels)
        self.stages = nn.ModuleList(
            nn.Sequential(*(NeXtBlock(channels, kernel_sizes) for _ in range(depth))) for depth in depths
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.mfa = nn.Conv1d(self.out_channels, self.out_channels, 1)
        self.mfa_norm = ChannelNorm(self.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] < self.min_frames:
            raise ValueError(f'NeXtTDNN needs {self.min_frames} frames, got {x.shape[-1]}.')
        x = self.stem_norm(self.stem(x))
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return self.mfa_norm(self.mfa(torch.cat(outputs, dim=1)))


PUBLISHED_NAMES = (
    (r'^stem\.0\.0\.', 'stem.'),
    (r'^stem\.0\.1\.', 'stem_norm.'),
    (r'^MFA\.0\.', 'mfa.'),
    (r'^MFA\.1\.', 'mfa_norm.'),
    (r'\.dwconv\.', '.conv.'),
    (r'\.projection_linear\.', '.conv.project.'),
    (r'\.mscconv\.', '.conv.convs.'),
    (r'\.pwconv_1stage\.', '.conv.out.'),
    (r'\.pwconv1\.', '.up.'),
    (r'\.pwconv2\.', '.down.'),
    (r'\.grn\.gamma$', '.response.weight'),
    (r'\.grn\.beta$', '.response.bias'),
)


def rename_next_tdnn(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the published backbone (its own state dict, no prefix) under the names of ours."""
    renamed = {}
    for key, value in state.items():
        for pattern, ours in PUBLISHED_NAMES:
            key = re.sub(pattern, ours, key)
        if key.endswith('.project.weight'):
            value = value.squeeze(-1)  # a 1x1 convolution there, a linear layer here
        renamed[key] = value.flatten() if '.response.' in key else value
    return renamed
