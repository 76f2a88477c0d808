"""The x-vector TDNN up to its last frame layer. Snyder et al. 2018, "X-vectors", table 1."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from svtoolkit.models.layers.res2 import TimeConv
from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class XVector(nn.Module):
    """Five convolutions over time, each with ReLU and batch norm, [B, F, N] -> [B, widths[-1], N].

    The context of a frame is ±7 frames. The paper gives no output where the context is cut; here the
    input is padded, so that every frame has one.

    Args:
        in_channels: F, the number of feature bins.
        widths: channels of the layers.
        kernel_sizes: taps of the layers, odd.
        dilations: frames between taps.
        padding_mode: ``zeros`` or ``reflect`` (which needs more frames than each layer pads, 4 by default).
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
    """

    def __init__(
        self,
        in_channels: int = 80,
        widths: Sequence[int] = (512, 512, 512, 512, 1500),
        kernel_sizes: Sequence[int] = (5, 3, 3, 1, 1),
        dilations: Sequence[int] = (1, 2, 3, 1, 1),
        padding_mode: str = 'zeros',
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        channels, layers = in_channels, []
        for width, kernel, dilation in zip(widths, kernel_sizes, dilations, strict=True):
            layers.append(
                TimeConv(channels, width, kernel, dilation, padding_mode, norm_momentum=norm_momentum)
            )
            channels = width
        self.layers = nn.Sequential(*layers)
        self.out_channels = channels
        self.subsampling = 1

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)  # [B, F, 1, N]
        return self.layers(x).squeeze(2)
