"""The SE-ResNet-34s of the Clova voxceleb trainer. Chung et al. 2020 (arXiv:2003.11982), Heo et al. 2020.

``ResNetSE34L`` ("Fast ResNet-34") is the default; ``ResNetSE34V2`` ("H / ASP") is
``ClovaResNet(64, widths=(32, 64, 128, 256), strides=(1, 2, 2, 2), stem='plain', pool_bins=False)``.
Their poolings: ``SelfAttentivePooling(attention_channels=None, variance_floor=1e-5)`` for L,
``AttentiveStatsPooling(act='relu_bn', variance_floor=1e-5)`` for V2.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.models.layers.squeeze_excite import SqueezeExcite2d
from svtoolkit.registry import BACKBONES


class ClovaBlock(nn.Module):
    """SE basic block with ReLU before the first batch norm, [B, C, F, N] -> [B, width, F / s, N / s].

    Args:
        in_channels: C.
        width: channels of both 3x3 convolutions.
        stride: s, of the first convolution, both axes.
        se_reduction: channels per hidden unit of the gate.
    """

    def __init__(self, in_channels: int, width: int, stride: int, se_reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.se = SqueezeExcite2d(width, width // se_reduction)
        self.downsample = nn.Sequential()
        if stride != 1 or in_channels != width:
            conv = nn.Conv2d(in_channels, width, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x).relu_())
        out = self.se(self.bn2(self.conv2(out)))
        return out.add_(self.downsample(x)).relu_()


@BACKBONES.register_module()
class ClovaResNet(nn.Module):
    """SE-ResNet of blocks 3-4-6-3, [B, F, N] -> [B, C, N'], or [B, C F', N'] without ``pool_bins``.

    Args:
        in_channels: F, the number of feature bins.
        widths: channels of the stages.
        strides: of the stages, both axes.
        stem: ``large`` is 7x7, stride (2, 1), batch norm, ReLU; ``plain`` is 3x3, stride 1, with bias,
            ReLU, batch norm.
        pool_bins: mean over frequency; otherwise rows are flattened, ``c * F' + f``.
        se_reduction: channels per hidden unit of the gates.
        blocks: number of blocks of each stage.

    Raises:
        ValueError: unknown stem.
    """

    def __init__(
        self,
        in_channels: int = 40,
        widths: Sequence[int] = (16, 32, 64, 128),
        strides: Sequence[int] = (1, 2, 2, 1),
        stem: str = 'large',
        pool_bins: bool = True,
        se_reduction: int = 8,
        blocks: Sequence[int] = (3, 4, 6, 3),
    ) -> None:
        super().__init__()
        if stem not in ('large', 'plain'):
            raise ValueError(f"ClovaResNet has no stem {stem!r}; take 'large' or 'plain'.")
        self.in_channels = in_channels
        self.pool_bins = pool_bins
        self.norm_first = stem == 'large'
        if self.norm_first:
            self.conv1 = nn.Conv2d(1, widths[0], 7, (2, 1), 3, bias=False)
        else:
            self.conv1 = nn.Conv2d(1, widths[0], 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(widths[0])
        bins = math.ceil(in_channels / self.conv1.stride[0])
        channels, stages = widths[0], []
        for width, stride, count in zip(widths, strides, blocks, strict=True):
            stage = []
            for step in [stride] + [1] * (count - 1):
                stage.append(ClovaBlock(channels, width, step, se_reduction))
                channels = width
            stages.append(nn.Sequential(*stage))
            bins = math.ceil(bins / stride)
        self.layers = nn.Sequential(*stages)
        self.out_channels = channels if pool_bins else channels * bins
        self.subsampling = math.prod(strides)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(x.unsqueeze(1))  # [B, C, F, N]
        out = self.bn1(out).relu_() if self.norm_first else self.bn1(out.relu_())
        out = self.layers(out)
        return out.mean(2) if self.pool_bins else out.flatten(1, 2)
