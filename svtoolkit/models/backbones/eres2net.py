"""ERes2Net and ERes2NetV2. Chen et al. 2023 (arXiv:2305.12838) and 2024 (arXiv:2406.02167).

A Res2Net in which every group is convolved, the later stages merge their groups by attention ("local
fusion"), and the maps of several stages are merged into the last ("global fusion").
"""

from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.models.backbones.res2net import Res2Net
from svtoolkit.models.layers.res2_block import AttentionalFusion
from svtoolkit.registry import BACKBONES


class KeepFirst(nn.Module):
    """The first of two maps: what stands in for a fusion in the stages before the first one."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x


@BACKBONES.register_module()
class ERes2Net(Res2Net):
    """ERes2Net frame features, [B, F, N] -> [B, C F', N'], row ``c * F' + f``; both axes shrink by 8.

    The defaults are ERes2Net-base; ``width=64`` is the large one, ``width=64, base_width=24, scale=3,
    expansion=4`` the huge one.

    Args:
        in_channels: F, the number of feature bins.
        width: channels of the stem and of the first stage before its expansion; doubles at every stage.
        blocks: number of blocks of each stage; all but the first halve both axes.
        base_width: channels of a Res2 group, per 64 of the stage's width.
        scale: number of Res2 groups, at least 2.
        expansion: output channels of a stage per channel of its width.
        fuse_from: first stage (0 first) whose map is carried on into the following ones.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        with_cp: keep only the blocks' inputs and compute the rest again in the backward pass.

    Raises:
        ValueError: ``scale`` below 2, or ``fuse_from`` is no stage.
    """

    passthrough = False
    attention_from = 2

    def __init__(
        self,
        in_channels: int = 80,
        width: int = 32,
        blocks: Sequence[int] = (3, 4, 6, 3),
        base_width: int = 32,
        scale: int = 2,
        expansion: int = 2,
        fuse_from: int = 0,
        norm_momentum: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__(in_channels, width, blocks, base_width, scale, expansion, norm_momentum, with_cp)
        if not 0 <= fuse_from < len(blocks):
            raise ValueError(
                f'{type(self).__name__}: fuse_from={fuse_from}, but there are {len(blocks)} stages.'
            )
        self.downsamples = nn.ModuleList()
        self.fusions = nn.ModuleList()
        for index in range(len(blocks)):
            channels = width * expansion * 2**index
            if index > fuse_from:
                self.downsamples.append(nn.Conv2d(channels // 2, channels, 3, 2, 1, bias=False))
                self.fusions.append(AttentionalFusion(channels, norm_momentum))
            else:
                self.downsamples.append(nn.Identity())
                self.fusions.append(KeepFirst())

    def forward(self, x: Tensor) -> Tensor:
        """Frame features.

        Args:
            x: [B, F, N] features, any N from 1 on.

        Returns:
            [B, C F', N'], sizes divided by 8 and rounded up.
        """
        out = self.bn1(self.conv1(x.unsqueeze(1))).relu_()  # [B, C, F, N]
        fused = out
        for stage, downsample, fuse in zip(self.stages, self.downsamples, self.fusions):
            out = stage(out)
            fused = fuse(out, downsample(fused))
        return fused.flatten(1, 2)


@BACKBONES.register_module()
class ERes2NetV2(ERes2Net):
    """ERes2NetV2: wider, thinner groups, and only the third stage merged into the last.

    [B, F, N] -> [B, C F', N']; the defaults are the published one, and ``base_width=24, scale=4,
    expansion=4`` its larger variant.

    Args:
        in_channels: F, the number of feature bins.
        width: channels of the stem and of the first stage before its expansion; doubles at every stage.
        blocks: number of blocks of each stage; all but the first halve both axes.
        base_width: channels of a Res2 group, per 64 of the stage's width.
        scale: number of Res2 groups, at least 2.
        expansion: output channels of a stage per channel of its width.
        fuse_from: first stage (0 first) whose map is carried on into the following ones.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        with_cp: keep only the blocks' inputs and compute the rest again in the backward pass.

    Raises:
        ValueError: ``scale`` below 2, or ``fuse_from`` is no stage.
    """

    def __init__(
        self,
        in_channels: int = 80,
        width: int = 64,
        blocks: Sequence[int] = (3, 4, 6, 3),
        base_width: int = 26,
        scale: int = 2,
        expansion: int = 2,
        fuse_from: int = 2,
        norm_momentum: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__(
            in_channels, width, blocks, base_width, scale, expansion, fuse_from, norm_momentum, with_cp
        )
