"""ResNet over time and frequency. He et al. 2015 (arXiv:1512.03385), in the form speaker recognition uses.

The features are one picture, frequency its height and time its width; the stem keeps the size (no
max-pool), so four stages shrink both axes by 8. The names of the weights are those of the x-vector
ResNets of WeSpeaker (``conv1``, ``layer1.0.shortcut.0``), whose checkpoints load as they are.
``model.to(memory_format=torch.channels_last)`` is all it takes to run in that layout.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.models.layers.checkpointing import checkpoint_block
from svtoolkit.models.layers.squeeze_excite import SqueezeExcite2d
from svtoolkit.registry import BACKBONES

Pair = tuple[int, int]
Stride = int | Pair

# Blocks of each stage; from 50 on bottlenecks. 152, 221 and 293 as WeSpeaker counts them.
BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    221: (6, 16, 48, 3),
    293: (10, 20, 64, 3),
}


def _shortcut(in_channels: int, out_channels: int, stride: Pair, momentum: float) -> nn.Sequential:
    if stride == (1, 1) and in_channels == out_channels:
        return nn.Sequential()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels, momentum=momentum),
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, [B, C, F, N] -> [B, width, F / stride, N / stride].

    Args:
        in_channels: C.
        width: channels of both convolutions.
        stride: of the first convolution, (frequency, time).
        se_reduction: channels per hidden unit of the gate before the addition; None leaves it out.
        momentum: of the batch norms.
    """

    expansion = 1
    last_norm = 'bn2'

    def __init__(
        self, in_channels: int, width: int, stride: Pair, se_reduction: int | None, momentum: float
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=momentum)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width, momentum=momentum)
        self.se = SqueezeExcite2d(width, width // se_reduction) if se_reduction else nn.Identity()
        self.shortcut = _shortcut(in_channels, width, stride, momentum)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu_()
        out = self.se(self.bn2(self.conv2(out)))
        return out.add_(self.shortcut(x)).relu_()


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution and a shortcut, [B, C, F, N] -> [B, 4 width, F / stride, N / stride].

    Args:
        in_channels: C.
        width: channels of the first two convolutions.
        stride: of the 3x3 convolution, (frequency, time).
        se_reduction: channels per hidden unit of the gate before the addition; None leaves it out.
        momentum: of the batch norms.
    """

    expansion = 4
    last_norm = 'bn3'

    def __init__(
        self, in_channels: int, width: int, stride: Pair, se_reduction: int | None, momentum: float
    ) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=momentum)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width, momentum=momentum)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels, momentum=momentum)
        self.se = (
            SqueezeExcite2d(out_channels, out_channels // se_reduction) if se_reduction else nn.Identity()
        )
        self.shortcut = _shortcut(in_channels, out_channels, stride, momentum)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu_()
        out = self.bn2(self.conv2(out)).relu_()
        out = self.se(self.bn3(self.conv3(out)))
        return out.add_(self.shortcut(x)).relu_()


BLOCK_TYPES = {'basic': BasicBlock, 'bottleneck': Bottleneck}


@BACKBONES.register_module()
class ResNet(nn.Module):
    """ResNet without max-pool, [B, F, N] -> [B, C F', N'], row ``c * F' + f``.

    Args:
        in_channels: F, the number of feature bins.
        depth: 18, 34 (basic blocks), 50, 101, 152, 221 or 293 (bottlenecks); ignored where ``blocks``
            and ``block`` are given.
        widths: channels of the stages (a bottleneck gives four times as many).
        strides: of the stages; one number for both axes, or (frequency, time).
        block: ``basic`` or ``bottleneck``; None takes the usual one of the depth.
        blocks: number of blocks of each stage; None takes those of the depth.
        se_reduction: channels per hidden unit of the squeeze-and-excitation gates; None means none.
        stem_stride: of the first convolution, (frequency, time).
        stem_kernel: its kernel size, odd.
        zero_init_last: start each block as its shortcut (last batch-norm weight 0).
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        out_stages: stages (0 first) whose maps are returned, as a tuple in stage order, with
            ``out_channels`` and ``subsampling`` tuples to match; None returns the last map alone.
        with_cp: keep only the blocks' inputs and compute the rest again in the backward pass.

    Raises:
        ValueError: unknown depth or block, or lists of different lengths.
    """

    default_se_reduction: int | None = None

    def __init__(
        self,
        in_channels: int = 80,
        depth: int = 34,
        widths: Sequence[int] = (32, 64, 128, 256),
        strides: Sequence[Stride] = (1, 2, 2, 2),
        block: str | None = None,
        blocks: Sequence[int] | None = None,
        se_reduction: int | None = None,
        stem_stride: Stride = 1,
        stem_kernel: int = 3,
        zero_init_last: bool = True,
        norm_momentum: float = 0.1,
        out_stages: Sequence[int] | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels: int | tuple[int, ...]
        self.subsampling: int | tuple[int, ...]
        kind, blocks = _resolve(depth, block, blocks)
        if not len(widths) == len(strides) == len(blocks):
            raise ValueError(
                f'ResNet needs one width, stride and block count per stage; got widths={tuple(widths)}, '
                f'strides={tuple(strides)}, blocks={tuple(blocks)}.'
            )
        self.in_channels = in_channels
        self.with_cp = with_cp
        self.out_stages = None if out_stages is None else sorted(out_stages)
        # What comes behind the last returned map would never get a gradient, so it is not built.
        self.num_stages = len(blocks) if self.out_stages is None else self.out_stages[-1] + 1
        self.conv1 = nn.Conv2d(1, widths[0], stem_kernel, _pair(stem_stride), stem_kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0], momentum=norm_momentum)
        se_reduction = se_reduction or self.default_se_reduction
        channels, (height, time_stride) = widths[0], _pair(stem_stride)
        height = math.ceil(in_channels / height)
        sizes = []  # (rows, time stride) behind each stage
        for index in range(self.num_stages):
            stride, stage = _pair(strides[index]), []
            for step in [stride] + [(1, 1)] * (blocks[index] - 1):
                stage.append(kind(channels, widths[index], step, se_reduction, norm_momentum))
                channels = widths[index] * kind.expansion
            setattr(self, f'layer{index + 1}', nn.Sequential(*stage))
            height, time_stride = math.ceil(height / stride[0]), time_stride * stride[1]
            sizes.append((channels * height, time_stride))
        self.out_channels, self.subsampling = sizes[-1]
        if self.out_stages is not None:
            self.out_channels, self.subsampling = zip(*(sizes[index] for index in self.out_stages))
        self._init_weights(kind.last_norm if zero_init_last else None)

    def _init_weights(self, last_norm: str | None) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
            if last_norm is not None and name.endswith('.' + last_norm):
                nn.init.zeros_(module.weight)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Frame features.

        Args:
            x: [B, F, N] features, any N from 1 on.

        Returns:
            [B, C F', N'], every size divided by the strides and rounded up; a tuple of such maps with
            ``out_stages``.
        """
        out = self.bn1(self.conv1(x.unsqueeze(1))).relu_()  # [B, C, F, N]
        maps = []
        for index in range(self.num_stages):
            for block in getattr(self, f'layer{index + 1}'):
                out = checkpoint_block(block, out) if self.with_cp and self.training else block(out)
            if self.out_stages is not None and index in self.out_stages:
                maps.append(out.flatten(1, 2))
        return out.flatten(1, 2) if self.out_stages is None else tuple(maps)


def _resolve(depth: int, block: str | None, blocks: Sequence[int] | None):
    if blocks is None:
        if depth not in BLOCKS:
            raise ValueError(f'ResNet has no depth {depth}; take one of {list(BLOCKS)}, or give blocks=.')
        blocks = BLOCKS[depth]
    block = block or ('basic' if depth < 50 else 'bottleneck')
    if block not in BLOCK_TYPES:
        raise ValueError(f"ResNet has no block {block!r}; take 'basic' or 'bottleneck'.")
    return BLOCK_TYPES[block], blocks


def _pair(stride: Stride) -> Pair:
    return (stride, stride) if isinstance(stride, int) else (stride[0], stride[1])


@BACKBONES.register_module()
class SEResNet(ResNet):
    """``ResNet`` with squeeze-and-excitation gates; ``se_reduction=None`` means 16 here. Hu et al. 2018."""

    default_se_reduction = 16
