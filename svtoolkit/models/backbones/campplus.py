"""CAM++: densely connected TDNN with context-aware masks. Wang et al. 2023 (arXiv:2303.00332).

A small residual network over time and frequency (``head``) feeds 52 dense layers; each layer adds
``growth`` channels, scaled by a mask that sees the utterance and its segment of 100 frames. The mask is
the same for all frames of a segment, so it is computed once per segment and not once per frame.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.models.backbones.resnet import BasicBlock
from svtoolkit.models.layers.checkpointing import checkpoint_block
from svtoolkit.registry import BACKBONES

SEGMENT_FRAMES = 100  # of the masks, behind the time stride


class ConvHead(nn.Module):
    """3x3 convolutions that shrink frequency by 8, [B, F, N] -> [B, C F / 8, N], row ``c * F / 8 + f``.

    Args:
        in_channels: F.
        channels: C.
        norm_momentum: of the batch norms.
    """

    def __init__(self, in_channels: int, channels: int, norm_momentum: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels, momentum=norm_momentum)
        blocks = [
            BasicBlock(channels, channels, stride, None, norm_momentum) for stride in ((2, 1), (1, 1)) * 2
        ]
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels, momentum=norm_momentum)
        self.out_channels = channels * math.ceil(in_channels / 8)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x.unsqueeze(1))).relu_()  # [B, C, F, N]
        return self.bn2(self.conv2(self.blocks(out))).relu_().flatten(1, 2)


class NormConv(nn.Module):
    """Batch norm, ReLU and 1x1 convolution, in this order; [B, C, 1, N] -> [B, out_channels, 1, N]."""

    def __init__(self, in_channels: int, out_channels: int, norm_momentum: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels, momentum=norm_momentum)
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x).relu_())


class ContextMask(nn.Module):
    """Gate per channel and segment from the means of the utterance and the segment.

    Args:
        in_channels: C; half of them stand between the two layers.
        out_channels: number of gates.
        segment_frames: frames of a segment.
    """

    def __init__(self, in_channels: int, out_channels: int, segment_frames: int = SEGMENT_FRAMES) -> None:
        super().__init__()
        self.segment_frames = segment_frames
        self.down = nn.Conv2d(in_channels, in_channels // 2, 1)
        self.up = nn.Conv2d(in_channels // 2, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gates of every frame.

        Args:
            x: [B, C, 1, N].

        Returns:
            [B, out_channels, 1, N] in 0..1, constant within a segment; the last one may be shorter.
        """
        frames, length = x.shape[-1], self.segment_frames
        # One or two segments too many, which nobody reads: a size of 1 would be fixed by torch.export.
        # Padding and counts by hand: ONNX runtimes disagree on what pooling in ceil mode divides by.
        segments = frames // length + 2
        starts = torch.arange(segments, device=x.device) * length
        counts = (frames - starts).clamp(1, length)
        padded = F.pad(x, (0, segments * length - frames))
        sums = padded.unflatten(-1, (-1, length)).sum(-1)  # [B, C, 1, S]
        context = sums / counts + sums.sum(-1, keepdim=True) / frames
        gates = self.up(self.down(context).relu_()).sigmoid()
        segment_of = torch.arange(frames, device=x.device) // length  # [N]
        return gates.index_select(-1, segment_of)


class DenseLayer(nn.Module):
    """What one dense layer adds: bottleneck, dilated convolution and mask; [B, C, 1, N] -> [B, growth, 1, N].

    Args:
        in_channels: C.
        growth: channels of the result.
        hidden: channels of the bottleneck.
        kernel_size: odd; the length is kept.
        dilation: frames between two taps.
        norm_momentum: of the batch norms.
    """

    def __init__(
        self,
        in_channels: int,
        growth: int,
        hidden: int,
        kernel_size: int,
        dilation: int,
        norm_momentum: float,
    ) -> None:
        super().__init__()
        self.bottleneck = NormConv(in_channels, hidden, norm_momentum)
        self.norm = nn.BatchNorm2d(hidden, momentum=norm_momentum)
        self.conv = nn.Conv2d(
            hidden,
            growth,
            (1, kernel_size),
            padding=(0, kernel_size // 2 * dilation),
            dilation=(1, dilation),
            bias=False,
        )
        self.mask = ContextMask(hidden, growth)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(self.bottleneck(x)).relu_()
        return self.conv(hidden) * self.mask(hidden)


class DenseBlock(nn.Module):
    """Dense layers, each reading all before it, and a 1x1 convolution to half the channels.

    Args:
        in_channels: C of the input [B, C, 1, N].
        num_layers: number of dense layers.
        growth: channels that each layer adds.
        hidden: channels of the layers' bottlenecks.
        kernel_size: of the layers' convolutions.
        dilation: of the layers' convolutions.
        norm_momentum: of the batch norms.
        with_cp: keep only the layers' inputs and compute the rest again in the backward pass.
    """

    def __init__(
        self,
        in_channels: int,
        num_layers: int,
        growth: int,
        hidden: int,
        kernel_size: int,
        dilation: int,
        norm_momentum: float,
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.layers = nn.ModuleList(
            DenseLayer(in_channels + index * growth, growth, hidden, kernel_size, dilation, norm_momentum)
            for index in range(num_layers)
        )
        channels = in_channels + num_layers * growth
        self.out_channels = channels // 2
        self.transit = NormConv(channels, self.out_channels, norm_momentum)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            if not torch.jit.is_scripting() and self.with_cp and self.training:
                added = checkpoint_block(layer, x)
            else:
                added = layer(x)
            x = torch.cat([x, added], dim=1)
        return self.transit(x)


@BACKBONES.register_module()
class CAMPPlus(nn.Module):
    """CAM++ frame features, [B, F, N] -> [B, 512, N / 2] with the default widths.

    The published model goes on with mean and unbiased deviation, a 512-d linear layer without bias and a
    batch norm without weights: ``StatsPooling(unbiased=True)`` and ``EmbeddingLayer(embed_dim=512,
    bias=False, norm_affine=False)``.

    Args:
        in_channels: F, the number of feature bins.
        head_channels: channels of the 2-D head.
        stem_channels: channels of the first layer over time, which halves the frames.
        layers: number of dense layers of each block.
        kernel_sizes: of the blocks' convolutions, odd.
        dilations: of the blocks' convolutions.
        growth: channels that each dense layer adds.
        bottleneck: channels inside a dense layer, per ``growth``.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        with_cp: keep only the dense layers' inputs and compute the rest again in the backward pass.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        in_channels: int = 80,
        head_channels: int = 32,
        stem_channels: int = 128,
        layers: Sequence[int] = (12, 24, 16),
        kernel_sizes: Sequence[int] = (3, 3, 3),
        dilations: Sequence[int] = (1, 2, 2),
        growth: int = 32,
        bottleneck: int = 4,
        norm_momentum: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if not len(layers) == len(kernel_sizes) == len(dilations):
            raise ValueError(
                f'CAMPPlus needs a kernel size and a dilation per block; got layers={tuple(layers)}, '
                f'kernel_sizes={tuple(kernel_sizes)}, dilations={tuple(dilations)}.'
            )
        self.in_channels = in_channels
        self.head = ConvHead(in_channels, head_channels, norm_momentum)
        self.stem_conv = nn.Conv2d(
            self.head.out_channels, stem_channels, (1, 5), (1, 2), padding=(0, 2), bias=False
        )
        self.stem_norm = nn.BatchNorm2d(stem_channels, momentum=norm_momentum)
        self.blocks = nn.ModuleList()
        channels = stem_channels
        for num_layers, kernel_size, dilation in zip(layers, kernel_sizes, dilations):
            block = DenseBlock(
                channels,
                num_layers,
                growth,
                bottleneck * growth,
                kernel_size,
                dilation,
                norm_momentum,
                with_cp,
            )
            self.blocks.append(block)
            channels = block.out_channels
        self.out_norm = nn.BatchNorm2d(channels, momentum=norm_momentum)
        self.out_channels = channels
        self.subsampling = 2
        self._init_weights()

    def _init_weights(self) -> None:
        for module in [self.stem_conv, *self.blocks.modules()]:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Frame features.

        Args:
            x: [B, F, N] features, any N from 1 on.

        Returns:
            [B, C, N / 2], the frames rounded up, the channels of a frame side by side in memory.
        """
        out = self.head(x).unsqueeze(2).contiguous(memory_format=torch.channels_last)
        out = self.stem_norm(self.stem_conv(out)).relu_()  # [B, C, 1, N / 2]
        for block in self.blocks:
            out = block(out)
        return self.out_norm(out).relu_().squeeze(2)
