"""Res2Net for speakers. Gao et al. 2019 (arXiv:1904.01169), in the form of WeSpeaker and 3D-Speaker.

Against the original: a 3x3 stem of stride 1, no max-pool, an expansion of 2, and a ReLU clipped at 20.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.models.layers.res2_block import Res2Block, Stage
from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class Res2Net(nn.Module):
    """Res2Net frame features, [B, F, N] -> [B, C F', N'], row ``c * F' + f``; both axes shrink by 8.

    The defaults are Res2Net34-base; ``width=64`` is the large one, and ``base_width=26, scale=4,
    expansion=4`` the shape of the original Res2Net50.

    Args:
        in_channels: F, the number of feature bins.
        width: channels of the stem and of the first stage before its expansion; doubles at every stage.
        blocks: number of blocks of each stage; all but the first halve both axes.
        base_width: channels of a Res2 group, per 64 of the stage's width.
        scale: number of Res2 groups, at least 2.
        expansion: output channels of a stage per channel of its width.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        with_cp: keep only the blocks' inputs and compute the rest again in the backward pass.

    Raises:
        ValueError: ``scale`` below 2.
    """

    passthrough = True
    attention_from = 4  # no stage merges its groups by attention

    def __init__(
        self,
        in_channels: int = 80,
        width: int = 32,
        blocks: Sequence[int] = (3, 4, 6, 3),
        base_width: int = 32,
        scale: int = 2,
        expansion: int = 2,
        norm_momentum: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if scale < 2:
            raise ValueError(f'{type(self).__name__}: scale={scale}, but at least 2 groups are needed.')
        self.in_channels = in_channels
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=norm_momentum)
        self.stages = nn.ModuleList()
        channels, rows = width, in_channels
        for index, count in enumerate(blocks):
            stage_width, stride = width * 2**index, 2 if index else 1
            stage = []
            for step in [stride] + [1] * (count - 1):
                stage.append(
                    Res2Block(
                        channels,
                        stage_width,
                        step,
                        base_width,
                        scale,
                        expansion,
                        self.passthrough,
                        index >= self.attention_from,
                        norm_momentum,
                    )
                )
                channels = stage_width * expansion
            self.stages.append(Stage(*stage, with_cp=with_cp))
            rows = math.ceil(rows / stride)
        self.out_channels = channels * rows
        self.subsampling = 2 ** (len(blocks) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Frame features.

        Args:
            x: [B, F, N] features, any N from 1 on.

        Returns:
            [B, C F', N'], sizes divided by 8 and rounded up.
        """
        out = self.bn1(self.conv1(x.unsqueeze(1))).relu_()  # [B, C, F, N]
        for stage in self.stages:
            out = stage(out)
        return out.flatten(1, 2)
