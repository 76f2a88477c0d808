"""ReDimNet: 2-D blocks on time-frequency maps and 1-D blocks along time, on one volume of values.

Yakovlev et al. 2024, https://arxiv.org/abs/2407.18223. Sizes b0 to b6 are the stage tables that WeSpeaker
publishes for them (with 192 values behind attentive pooling its b5 has 7.65 M parameters, the paper counts
9.2 M; the others agree). They take 72 log-mel bins, b0 takes 60.
"""

import re
from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.channel_norm import ChannelNorm
from svtoolkit.models.layers.redim_blocks import (
    TimeContext,
    WeightedSum,
    build_map_block,
    to_map,
    to_signal,
)
from svtoolkit.registry import BACKBONES

# stage: frequency stride, blocks, expansion of the channels inside, reduction of the time context
_B0 = ((1, 2, 1, 30), (2, 3, 2, 30), (1, 3, 3, 30), (2, 4, 2, 10), (1, 3, 1, 10))
_B1 = ((1, 2, 1, None), (2, 3, 1, None), (3, 4, 1, 12), (2, 5, 1, 12), (2, 3, 1, 8))
_B2 = ((1, 2, 1, 12), (2, 2, 1, 12), (1, 3, 1, 12), (2, 4, 1, 8), (1, 4, 1, 8), (2, 4, 1, 4))
_B3 = ((1, 6, 4, 32), (2, 6, 2, 32), (1, 8, 2, 32), (2, 10, 2, 16), (1, 10, 1, 16), (2, 8, 1, 16))
_B4 = ((1, 4, 2, 48), (2, 4, 2, 48), (1, 6, 2, 48), (2, 6, 1, 32), (1, 8, 1, 24), (2, 4, 1, 16))
_B6 = ((1, 4, 4, 32), (2, 6, 2, 32), (1, 6, 2, 24), (3, 8, 1, 24), (1, 8, 1, 16), (2, 8, 1, 16))

SIZES: dict[str, dict] = {
    'b0': dict(channels=10, group=1, block='basic_resnet', stages=_B0),
    'b1': dict(channels=12, group=8, block='convnext_like', stages=_B1),
    'b2': dict(channels=16, group=4, block='convnext_like', stages=_B2),
    'b3': dict(channels=16, group=1, block='basic_resnet_fwse', stages=_B3),
    'b4': dict(channels=32, group=1, block='basic_resnet_fwse', stages=_B4),
    'b5': dict(channels=32, group=16, block='basic_resnet_fwse', stages=_B4),
    'b6': dict(channels=32, group=32, block='basic_resnet', stages=_B6),
}


class ReDimStage(nn.Module):
    """Sum of all earlier signals -> map with fewer bins -> blocks -> signal -> time context.

    Args:
        num_inputs: signals before this stage.
        channels: C of the map that comes in.
        bins: F of the map that comes in.
        stride: bins are divided, channels multiplied by it.
        num_blocks: blocks on maps.
        expansion: of the channels inside the blocks.
        reduction: width of the signal over that of its time context; None for no context.
        block: kind of the blocks.
        group: channels of one group of their spatial convolutions.
        context: kind of the time context.
    """

    def __init__(
        self,
        num_inputs: int,
        channels: int,
        bins: int,
        stride: int,
        num_blocks: int,
        expansion: int,
        reduction: int | None,
        block: str,
        group: int,
        context: str,
    ) -> None:
        super().__init__()
        volume, self.bins = channels * bins, bins
        wide, channels, bins = stride * channels * expansion, stride * channels, bins // stride
        self.mix = WeightedSum(num_inputs, volume) if num_inputs > 1 else None
        self.down = nn.Conv2d(channels // stride, wide, (stride, 1), stride=(stride, 1))
        self.blocks = nn.Sequential(
            *(build_map_block(block, wide, bins, (3, 3), group) for _ in range(num_blocks))
        )
        self.squeeze: nn.Module = nn.Identity()
        if expansion != 1:
            self.squeeze = nn.Sequential(
                nn.Conv2d(wide, channels, 3, padding=1, groups=max(channels // group, 1)),
                nn.BatchNorm2d(channels, eps=1e-6),
                nn.GELU(),
                nn.Conv2d(channels, channels, 1),
            )
        self.context: nn.Module = nn.Identity()
        if reduction is not None:
            self.context = TimeContext(volume, volume // reduction, context)

    def forward(self, signals: list[Tensor]) -> Tensor:
        signal = signals[0] if self.mix is None else self.mix(signals)
        x = self.blocks(self.down(to_map(signal, self.bins)))
        return self.context(to_signal(self.squeeze(x)))


@BACKBONES.register_module()
class ReDimNet(nn.Module):
    """ReDimNet frame features, [B, F, N] -> [B, channels * F, N]; time keeps its rate.

    The channels of the output are frequency-major, as in the published weights.

    Args:
        in_channels: F, divisible by the product of the frequency strides.
        size: ``b0`` ... ``b6``; gives every argument below that is None.
        channels: C behind the first convolution.
        stages: for each stage (frequency stride, blocks, expansion, reduction or None).
        block: ``convnext_like``, ``convnext_like_relu``, ``basic_resnet`` or ``basic_resnet_fwse``.
        group: channels of one group of the blocks' spatial convolutions; 1 is depthwise.
        context: ``fc``, ``conv``, ``att`` or ``conv+att``.
        out_channels: width of a last 1x1 convolution and batch norm; None for none.

    Raises:
        UnknownNameError: size, block or context.
        ValueError: the bins do not fit the strides or the attention heads.
    """

    def __init__(
        self,
        in_channels: int = 72,
        size: str = 'b2',
        channels: int | None = None,
        stages: Sequence[Sequence[int | None]] | None = None,
        block: str | None = None,
        group: int | None = None,
        context: str = 'conv+att',
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise unknown_name('size of ReDimNet', size, SIZES)
        preset = SIZES[size]
        channels = preset['channels'] if channels is None else channels
        group = preset['group'] if group is None else group
        volume, bins, width = channels * in_channels, in_channels, channels
        self.in_channels = in_channels
        self.subsampling = 1
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels))
        self.stages = nn.ModuleList()
        for i, (stride, num_blocks, expansion, reduction) in enumerate(stages or preset['stages']):
            if bins % stride:
                raise ValueError(
                    f'in_channels={in_channels}: stage {i} of ReDimNet cannot divide {bins} bins by '
                    f'{stride}; the published sizes take 72 bins, b0 takes 60.'
                )
            self.stages.append(
                ReDimStage(i + 1, width, bins, stride, num_blocks, expansion, reduction,
                           preset['block'] if block is None else block, group, context)
            )  # fmt: skip
            bins, width = bins // stride, width * stride
        self.mix = WeightedSum(len(self.stages) + 1, volume)
        self.out_channels = volume if out_channels is None else out_channels
        self.out: nn.Module = nn.Identity()
        if out_channels is not None:
            self.out = nn.Sequential(nn.Conv1d(volume, out_channels, 1), nn.BatchNorm1d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        signals = [to_signal(self.stem(x.unsqueeze(1)))]
        for stage in self.stages:
            signals.append(stage(signals))
        return self.out(self.mix(signals))


# inside stages and their blocks: patterns over published names, tried in this order
PUBLISHED_NAMES = (
    (r'\.red_dim_conv\.0\.', '.down.'),
    (r'\.red_dim_conv\.1\.', '.norm.'),
    (r'\.exp_dim_conv\.', '.up.'),
    (r'\.tcm\.\d+\.attention\.q_proj\.', '.transformer.query.'),
    (r'\.tcm\.\d+\.attention\.k_proj\.', '.transformer.key.'),
    (r'\.tcm\.\d+\.attention\.v_proj\.', '.transformer.value.'),
    (r'\.tcm\.\d+\.attention\.out_proj\.', '.transformer.out.'),
    (r'\.tcm\.\d+\.layer_norm\.', '.transformer.norm1.'),
    (r'\.tcm\.\d+\.final_layer_norm\.', '.transformer.norm2.'),
    (r'\.tcm\.\d+\.feed_forward\.intermediate_dense\.', '.transformer.up.'),
    (r'\.tcm\.\d+\.feed_forward\.output_dense\.', '.transformer.down.'),
    (r'\.tcm\.', '.layers.'),
    (r'\.dwconvs\.', '.convs.'),
    (r'\.pwconv1\.', '.pointwise.'),
    (r'\.conv([12])pw\.', r'.pointwise\1.'),
    (r'\.bn([12])\.', r'.norm\1.'),
    (r'\.se\.squeeze\.', '.gate.down.'),
    (r'\.se\.exitation\.', '.gate.up.'),
)


def rename_redimnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the published ReDimNet's backbone under the names of ours.

    Args:
        state: state dict of the published model or of its backbone; what belongs to its front end, pooling
            and embedding layers (``spec``, ``pool``, ``bn``, ``linear``) is left out.
    """
    renamed = {}
    for key, value in state.items():
        key = key.removeprefix('backbone.')
        if re.match(r'(stem|stage\d+|fin_wght1d|mfa)\.', key) and key != 'stage0.0.w':
            # stage 0 has a single input and nothing to weigh
            key = re.sub(r'^fin_wght1d\.w$', 'mix.weight', re.sub(r'^mfa\.', 'out.', key))
            renamed[rename_inside(rename_stage_part(key))] = value
    return renamed


def rename_stage_part(key: str) -> str:
    """``stage<i>.<position>.`` of a published name as part of our stage i: mix, down, blocks, squeeze ..."""
    found = re.match(r'stage(\d+)\.(\d+)\.(.*)$', key)
    if found is None:
        return key
    stage, position, rest = found.groups()
    if position == '0':
        return f'stages.{stage}.mix.weight'
    if position == '2':
        return f'stages.{stage}.down.{rest}'
    if rest.startswith('conv_block.'):  # behind the weights, a reshape and the strided convolution
        return f'stages.{stage}.blocks.{int(position) - 3}.{rest.removeprefix("conv_block.")}'
    if rest.startswith(('red_dim_conv.', 'tcm.', 'exp_dim_conv.')):
        return f'stages.{stage}.context.{rest}'
    return f'stages.{stage}.squeeze.{rest}'


def rename_inside(key: str) -> str:
    """Our names for the layers inside blocks and time contexts."""
    for pattern, ours in PUBLISHED_NAMES:
        key = re.sub(pattern, ours, key)
    return key
