"""Residual block of the speaker Res2Net and ERes2Net, with the attention that merges two maps.

Gao et al. 2019 (arXiv:1904.01169) for the groups, Chen et al. 2023 (arXiv:2305.12838) for the attention.
The ReLU of the blocks is clipped at 20, as in WeSpeaker and 3D-Speaker, whose weights expect it.
"""

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.checkpointing import checkpoint_block

CLIP = 20.0


class SumFusion(nn.Module):
    """Two maps merged by their sum; no weights."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class AttentionalFusion(nn.Module):
    """Two maps of one shape merged by weights in ±1: ``(1 + a) x + (1 - a) y``, [B, C, F, N] each.

    Args:
        channels: C; the attention has a quarter of them inside.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
    """

    def __init__(self, channels: int, norm_momentum: float = 0.1) -> None:
        super().__init__()
        hidden = channels // 4
        self.attention = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1),
            nn.BatchNorm2d(hidden, momentum=norm_momentum),
            nn.SiLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.BatchNorm2d(channels, momentum=norm_momentum),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weight = self.attention(torch.cat([x, y], dim=1)).tanh()
        return torch.addcmul(x + y, weight, x - y)


class Res2Block(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolutions and a shortcut, [B, C, F, N] -> [B, D, F / s, N / s].

    Args:
        in_channels: C.
        width: channels of the stage before the expansion; D = ``expansion * width``.
        stride: s, of the first convolution.
        base_width: channels of a group, per 64 of ``width``.
        scale: number of groups.
        expansion: output channels per ``width``.
        passthrough: leave the last group as it is (Res2Net); False convolves all of them (ERes2Net).
        attention: merge a group with the result before it by attention, not by their sum.
        norm_momentum: of the batch norms.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        base_width: int,
        scale: int,
        expansion: int,
        passthrough: bool,
        attention: bool,
        norm_momentum: float,
    ) -> None:
        super().__init__()
        self.group_width = group = width * base_width // 64
        self.passthrough = passthrough
        out_channels = width * expansion
        units = scale - 1 if passthrough else scale
        self.act = nn.Hardtanh(0.0, CLIP, inplace=True)
        self.conv1 = nn.Conv2d(in_channels, group * scale, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(group * scale, momentum=norm_momentum)
        self.convs = nn.ModuleList(nn.Conv2d(group, group, 3, padding=1, bias=False) for _ in range(units))
        self.bns = nn.ModuleList(nn.BatchNorm2d(group, momentum=norm_momentum) for _ in range(units))
        # The first group has nothing before it: its entry is never called and has no weights.
        self.fusions = nn.ModuleList(
            AttentionalFusion(group, norm_momentum) if attention and index else SumFusion()
            for index in range(units)
        )
        self.conv3 = nn.Conv2d(group * scale, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels, momentum=norm_momentum)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels, momentum=norm_momentum),
            )

    def forward(self, x: Tensor) -> Tensor:
        groups = self.act(self.bn1(self.conv1(x))).split(self.group_width, dim=1)
        results: list[Tensor] = []
        for index, (conv, norm, fuse) in enumerate(zip(self.convs, self.bns, self.fusions)):
            read = groups[index] if index == 0 else fuse(results[-1], groups[index])
            results.append(self.act(norm(conv(read))))
        if self.passthrough:
            results.append(groups[-1])
        out = self.bn3(self.conv3(torch.cat(results, dim=1)))
        return self.act(out.add_(self.shortcut(x)))


class Stage(nn.Sequential):
    """Blocks one after the other; with ``with_cp`` only their inputs are kept for the backward pass."""

    def __init__(self, *blocks: nn.Module, with_cp: bool = False) -> None:
        super().__init__(*blocks)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        for block in self:
            if not torch.jit.is_scripting() and self.with_cp and self.training:
                x = checkpoint_block(block, x)
            else:
                x = block(x)
        return x
