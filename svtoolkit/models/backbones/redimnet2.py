"""ReDimNet2: ReDimNet whose later stages also run at a lower frame rate.

"ReDimNet2: Scaling speaker verification via time-pooled dimension reshaping" (Interspeech 2026,
https://arxiv.org/abs/2603.11841). Sizes b0 to b6 are those of its published recipes; they take 72
log-mel bins.
"""

import math
import re
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.errors import unknown_name
from svtoolkit.models.backbones.redimnet import rename_inside, rename_stage_part
from svtoolkit.models.layers.channel_norm import ChannelNorm
from svtoolkit.models.layers.redim_blocks import (
    TimeContext,
    WeightedSum,
    build_map_block,
    to_map,
    to_signal,
)
from svtoolkit.registry import BACKBONES

# stage: (frequency stride, time stride), blocks, expansion of the channels inside, reduction of the context
_LIGHT = (((1, 1), 2, 2), ((2, 1), 3, 1), ((1, 2), 4, 1), ((2, 1), 5, 1), ((1, 2), 4, 1), ((2, 1), 3, 1))
_HEAVY = (((1, 1), 2, 4), ((2, 1), 3, 3), ((1, 2), 4, 2), ((2, 1), 5, 1), ((1, 2), 4, 1), ((2, 1), 3, 1))
_WIDE = (((1, 1), 2, 2), ((2, 1), 3, 1), ((1, 2), 4, 1), ((3, 1), 5, 1), ((1, 2), 4, 1), ((2, 1), 3, 1))
_BIG = (((1, 1), 3, 3), ((2, 1), 4, 2), ((1, 2), 5, 2), ((2, 1), 5, 1), ((1, 2), 4, 0.75), ((2, 1), 3, 0.5))


def _stages(table: tuple, *reductions: int) -> tuple:
    return tuple((*stage, reduction) for stage, reduction in zip(table, reductions))


SIZES: dict[str, dict] = {
    'b0': dict(channels=12, out_channels=64, stages=_stages(_LIGHT, 36, 36, 36, 36, 18, 18)),
    'b1': dict(channels=16, out_channels=None, stages=_stages(_LIGHT, 32, 32, 32, 32, 16, 16)),
    'b2': dict(channels=20, out_channels=None, stages=_stages(_WIDE, 40, 30, 30, 20, 20, 10)),
    'b3': dict(channels=24, out_channels=None, stages=_stages(_HEAVY, 24, 24, 24, 24, 24, 24)),
    'b4': dict(channels=32, out_channels=None, stages=_stages(_HEAVY, 24, 24, 24, 24, 24, 24)),
    'b5': dict(channels=48, out_channels=256, stages=_stages(_HEAVY, 48, 48, 48, 48, 32, 32)),
    'b6': dict(channels=64, out_channels=224, stages=_stages(_BIG, 64, 64, 48, 48, 32, 24)),
}


class PooledStage(nn.Module):
    """Sum of earlier signals -> smaller map -> blocks -> signal -> time context -> full frame rate.

    Args:
        num_inputs: signals before this stage.
        channels: C of the map that comes in.
        bins: F of the map that comes in.
        stride: bins are divided, channels multiplied by it.
        pooling: frames of the input to one frame inside.
        num_blocks: blocks on maps.
        expansion: of the channels inside the blocks; may be a fraction.
        reduction: width of the signal over that of its time context; None for no context.
        block: kind of the blocks.
        group: channels of one group of their spatial convolutions.
        norm_groups: groups of a group norm at the end; None for no norm.
        dual: give the signal before the time context as well.
    """

    def __init__(
        self,
        num_inputs: int,
        channels: int,
        bins: int,
        stride: int,
        pooling: int,
        num_blocks: int,
        expansion: float,
        reduction: int | None,
        block: str,
        group: int,
        norm_groups: int | None,
        dual: bool,
    ) -> None:
        super().__init__()
        volume, self.bins, self.pooling = channels * bins, bins, pooling
        wide, bins = int(stride * channels * expansion), bins // stride
        self.mix = WeightedSum(num_inputs, volume) if num_inputs > 1 else None
        size = (stride, pooling)
        self.down = nn.Conv2d(channels, wide, size, stride=size, groups=math.gcd(channels, wide))
        self.blocks = nn.Sequential(
            *(build_map_block(block, wide, bins, (3, 3), group) for _ in range(num_blocks))
        )
        self.squeeze: nn.Module = nn.Identity()
        if expansion != 1:
            narrow = stride * channels
            self.squeeze = nn.Sequential(nn.Conv2d(wide, narrow, 1), nn.BatchNorm2d(narrow, eps=1e-6))
        self.context = None if reduction is None else TimeContext(volume, volume // reduction)
        self.norm, self.map_norm = _norm(norm_groups, volume), None
        self.dual = dual and reduction is not None
        if self.dual:
            self.map_norm = _norm(norm_groups, volume)

    def forward(self, signals: list[Tensor]) -> list[Tensor]:
        signal = signals[0] if self.mix is None else self.mix(signals)
        plain = to_signal(self.squeeze(self.blocks(self.down(to_map(signal, self.bins)))))
        seen = plain if self.context is None else self.context(plain)
        if self.map_norm is None:
            return [self.norm(self._stretch(seen))]
        return [self.map_norm(self._stretch(plain)), self.norm(self._stretch(seen))]

    def _stretch(self, signal: Tensor) -> Tensor:
        return signal if self.pooling == 1 else signal.repeat_interleave(self.pooling, dim=-1)


@BACKBONES.register_module()
class ReDimNet2(nn.Module):
    """ReDimNet2 frame features, [B, F, N] -> [B, out_channels, N']; N' is N without its last N mod 4 frames.

    (4 with the published sizes: the product of the time strides, and ``min_frames``.)

    Args:
        in_channels: F, divisible by the product of the frequency strides.
        size: ``b0`` ... ``b6``; gives ``channels``, ``stages`` and ``out_channels``.
        channels: C behind the first convolution, where not that of the size.
        stages: for each stage ((frequency stride, time stride), blocks, expansion, reduction or None), where
            not those of the size; ``out_channels`` then counts as given.
        out_channels: width of a last 1x1 convolution; None for none. The size's, unless ``stages`` are given.
        out_map: end with a map [B, C, F', N], flattened channel-major like other 2-D networks' (the last
            convolution then gives ``out_channels`` for each bin); False: with a frequency-major signal.
        block: ``convnext_like``, ``convnext_like_relu``, ``basic_resnet`` or ``basic_resnet_fwse``.
        group: channels of one group of the blocks' spatial convolutions; 1 is depthwise.
        dual: later stages see every signal before and after its time context.
        group_norm: norm every signal that later stages see.

    Raises:
        UnknownNameError: size or block.
        ValueError: the bins do not fit the strides or the attention heads.
    """

    def __init__(
        self,
        in_channels: int = 72,
        size: str = 'b2',
        channels: int | None = None,
        stages: Sequence[tuple] | None = None,
        out_channels: int | None = None,
        out_map: bool = True,
        block: str = 'basic_resnet',
        group: int = 1,
        dual: bool = False,
        group_norm: bool = False,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise unknown_name('size of ReDimNet2', size, SIZES)
        preset = SIZES[size]
        channels = preset['channels'] if channels is None else channels
        if stages is None and out_channels is None:
            out_channels = preset['out_channels']
        volume, bins, width, count = channels * in_channels, in_channels, channels, 1
        norm_groups = channels if group_norm else None
        self.in_channels = in_channels
        self.subsampling = 1
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels))
        self.stem_norm = _norm(norm_groups, volume)
        self.min_frames = 1  # the input is cut to a multiple of it
        self.stages = nn.ModuleList()
        for i, ((stride, pooling), num_blocks, expansion, reduction) in enumerate(stages or preset['stages']):
            if bins % stride:
                raise ValueError(
                    f'in_channels={in_channels}: stage {i} of ReDimNet2 cannot divide {bins} bins by '
                    f'{stride}; the published sizes take 72 bins.'
                )
            self.min_frames *= pooling
            stage = PooledStage(count, width, bins, stride, self.min_frames, num_blocks, expansion, reduction,
                                block, group, norm_groups, dual)  # fmt: skip
            self.stages.append(stage)
            bins, width, count = bins // stride, width * stride, count + 1 + stage.dual
        self.mix = WeightedSum(count, volume)
        self.out_bins = bins if out_map else None
        self.out: nn.Module = nn.Identity()
        self.out_channels = volume
        if out_channels is not None:
            self.out_channels = out_channels * (bins if out_map else 1)
            self.out = nn.Conv2d(width, out_channels, 1) if out_map else nn.Conv1d(volume, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        num_frames = x.shape[-1]
        if num_frames < self.min_frames:
            raise ValueError(f'ReDimNet2 needs {self.min_frames} frames, got {num_frames}.')
        x = F.pad(x, (0, -(num_frames % self.min_frames)))  # a slice would tie an export to its rest
        signals = [self.stem_norm(to_signal(self.stem(x.unsqueeze(1))))]
        for stage in self.stages:
            signals = signals + stage(signals)
        signal = self.mix(signals)
        if self.out_bins is None:
            return self.out(signal)
        return self.out(to_map(signal, self.out_bins)).flatten(1, 2)


def _norm(groups: int | None, channels: int) -> nn.Module:
    return nn.Identity() if groups is None else nn.GroupNorm(groups, channels)


def rename_redimnet2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the published ReDimNet2's backbone under the names of ours.

    Args:
        state: state dict of the published model or of its backbone; what belongs to its front end, pooling
            and embedding layers (``spec``, ``pool``, ``bn``, ``linear``) is left out.
    """
    renamed = {}
    for key, value in state.items():
        key = key.removeprefix('backbone.')
        if not re.match(r'(stem|stem_gnorm|stage\d+(_\w+)?|fin_wght1d|head)\.', key):
            continue
        key = re.sub(r'^(stage\d+)_pre\.', r'\1.', key)
        if key == 'stage0.0.w':  # a single input, nothing to weigh
            continue
        key = re.sub(r'^stage(\d+)_1d\.', r'stages.\1.context.', key)
        key = re.sub(r'^stage(\d+)_up_2d\.1\.', r'stages.\1.map_norm.', key)
        key = re.sub(r'^stage(\d+)(_up_1d)?\.\d+\.(weight|bias)$', _norm_name, key)
        key = re.sub(r'^fin_wght1d\.w$', 'mix.weight', re.sub(r'^head\.', 'out.', key))
        renamed[rename_inside(rename_stage_part(re.sub(r'^stem_gnorm\.', 'stem_norm.', key)))] = value
    return renamed


def _norm_name(found: re.Match) -> str:
    # a weight right behind the position is the group norm's, but position 2 is the strided convolution
    if '.2.' in found.group():
        return found.group()
    return f'stages.{found[1]}.norm.{found[3]}'
