"""ECAPA-TDNN up to its last frame layer. Desplanques et al. 2020 (arXiv:2005.07143).

One class for the variants of TaoRuijie, SpeechBrain, WeSpeaker and VoiceprintRecognition-Pytorch, which
differ in small things that a checkpoint depends on. What stands behind the frames (attentive pooling,
batch norm, linear layer) is a neck and an embedding layer; ``ECAPA_PRESETS`` holds all three parts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.checkpointing import checkpoint_block
from svtoolkit.models.layers.res2 import Res2Sequence, TimeConv
from svtoolkit.models.layers.squeeze_excite import SqueezeExcite1d
from svtoolkit.registry import BACKBONES

SKIPS = ('sum', 'chain')
PADDING_MODES = ('zeros', 'reflect')


class SERes2Block(nn.Module):
    """1x1 convolution, Res2 convolutions, 1x1 convolution and gate, plus the input; [B, C, 1, N] -> the same.

    Args:
        channels: C.
        kernel_size: of the Res2 convolutions.
        dilation: of the Res2 convolutions.
        scale: number of Res2 groups.
        se_channels: channels inside the gate.
        res2_passthrough: ``last`` or ``first``, see ``Res2Sequence``.
        padding_mode: ``zeros`` or ``reflect``.
        norm_momentum: of the batch norms.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        dilation: int,
        scale: int,
        se_channels: int,
        res2_passthrough: str,
        padding_mode: str,
        norm_momentum: float,
    ) -> None:
        super().__init__()
        self.tdnn1 = TimeConv(channels, channels, norm_momentum=norm_momentum)
        self.res2 = Res2Sequence(
            channels, kernel_size, dilation, scale, res2_passthrough, padding_mode, norm_momentum
        )
        self.tdnn2 = TimeConv(channels, channels, norm_momentum=norm_momentum)
        self.se = SqueezeExcite1d(channels, se_channels)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        out = self.tdnn2(self.res2(self.tdnn1(x)))
        return self.se(out.squeeze(2), lengths).unsqueeze(2) + x


@BACKBONES.register_module()
class ECAPATDNN(nn.Module):
    """ECAPA-TDNN frame features, [B, F, N] -> [B, mfa_channels, N].

    The defaults are TaoRuijie's network. ``kernel_sizes`` and ``dilations`` have one entry for the first
    layer and one for each SE-Res2 block.

    Args:
        in_channels: F, the number of feature bins.
        channels: width of the first layer and of the blocks (512 or 1024; 256 for phones).
        mfa_channels: width of the last layer, which reads the outputs of all blocks.
        kernel_sizes: odd.
        dilations: frames between two taps.
        scale: number of Res2 groups; divides ``channels``.
        se_channels: channels inside the gates.
        skip: what a block reads: ``sum``, the first layer plus all blocks before, or ``chain``, the block
            before alone.
        res2_passthrough: ``last`` or ``first``: which Res2 group is not convolved.
        padding_mode: ``zeros``, or ``reflect``, which needs more frames than the widest padding
            (``min_frames``: 5 with the usual dilations).
        mfa_norm: whether a batch norm follows the ReLU of the last layer.
        norm_momentum: of the batch norms, in PyTorch's sense: the share of the new batch.
        with_cp: keep only the blocks' inputs and compute the rest again in the backward pass; batches
            with ``lengths`` keep everything.

    Raises:
        UnknownNameError: unknown skip, pass-through or padding mode.
        ValueError: lists of different lengths, an even kernel, or channels that ``scale`` does not divide.
    """

    def __init__(
        self,
        in_channels: int = 80,
        channels: int = 512,
        mfa_channels: int = 1536,
        kernel_sizes: Sequence[int] = (5, 3, 3, 3),
        dilations: Sequence[int] = (1, 2, 3, 4),
        scale: int = 8,
        se_channels: int = 128,
        skip: str = 'sum',
        res2_passthrough: str = 'last',
        padding_mode: str = 'zeros',
        mfa_norm: bool = False,
        norm_momentum: float = 0.1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if skip not in SKIPS:
            raise unknown_name('skip of ECAPATDNN', skip, SKIPS)
        if padding_mode not in PADDING_MODES:
            raise unknown_name('padding_mode of ECAPATDNN', padding_mode, PADDING_MODES)
        if len(kernel_sizes) != len(dilations) or any(kernel % 2 == 0 for kernel in kernel_sizes):
            raise ValueError(
                f'ECAPATDNN needs one odd kernel size and one dilation per layer; got '
                f'kernel_sizes={tuple(kernel_sizes)}, dilations={tuple(dilations)}.'
            )
        self.in_channels = in_channels
        self.out_channels = mfa_channels
        self.subsampling = 1
        widest = max(kernel // 2 * dilation for kernel, dilation in zip(kernel_sizes, dilations))
        self.min_frames = widest + 1 if padding_mode == 'reflect' else 1
        self.sums_inputs = skip == 'sum'
        self.with_cp = with_cp
        self.stem = TimeConv(
            in_channels, channels, kernel_sizes[0], dilations[0], padding_mode, norm_momentum=norm_momentum
        )
        self.blocks = nn.ModuleList(
            SERes2Block(
                channels,
                kernel_size,
                dilation,
                scale,
                se_channels,
                res2_passthrough,
                padding_mode,
                norm_momentum,
            )
            for kernel_size, dilation in zip(kernel_sizes[1:], dilations[1:])
        )
        self.mfa = TimeConv(
            channels * len(self.blocks), mfa_channels, norm=mfa_norm, norm_momentum=norm_momentum
        )

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Frame features.

        Args:
            x: [B, F, N] features, N at least ``min_frames``.
            lengths: [B] frames of each utterance that count for the gates; all N when None. The
                convolutions see the frames behind them all the same, as in SpeechBrain.

        Returns:
            [B, mfa_channels, N], the channels of a frame side by side in memory.
        """
        x = self.stem(x.unsqueeze(2).contiguous(memory_format=torch.channels_last))  # [B, C, 1, N]
        maps: list[Tensor] = []
        for block in self.blocks:
            if not torch.jit.is_scripting() and self.with_cp and self.training and lengths is None:
                out = checkpoint_block(block, x)
            else:
                out = block(x, lengths)
            maps.append(out)
            x = x + out if self.sums_inputs else out
        return self.mfa(torch.cat(maps, dim=1)).squeeze(2)


def _preset(backbone: dict, neck: dict, norm: str = 'none') -> dict:
    return dict(
        backbone=dict(type='ECAPATDNN', **backbone),
        neck=dict(type='AttentiveStatsPooling', **neck),
        embedding=dict(type='EmbeddingLayer', embed_dim=192, pre_norm='bn', norm=norm),
    )


_TAO_NECK = dict(
    attention_channels=256,
    act='relu_bn_tanh',
    context=True,
    context_unbiased=True,
    context_floor=1e-4,
    variance_floor=1e-4,
)
_SPEECHBRAIN_BACKBONE = dict(skip='chain', res2_passthrough='first', padding_mode='reflect', mfa_norm=True)
_SPEECHBRAIN_NECK = dict(
    attention_channels=128,
    act='relu_bn_tanh',
    context=True,
    context_floor=1e-12,
    variance_floor=1e-12,
)
_WESPEAKER_NECK = dict(attention_channels=128, act='tanh', variance_floor=1e-7)
_WESPEAKER_GLOBAL_NECK = dict(
    **_WESPEAKER_NECK, context=True, context_unbiased=True, context_floor=1e-7, context_floor_added=True
)

# Backbone, neck and embedding of each variant: EmbeddingRecognizer(**ECAPA_PRESETS[name], ...).
ECAPA_PRESETS = {
    'tao_c256': _preset(dict(channels=256), _TAO_NECK, norm='bn'),
    'tao_c512': _preset(dict(channels=512), _TAO_NECK, norm='bn'),
    'tao_c1024': _preset(dict(channels=1024), _TAO_NECK, norm='bn'),
    'speechbrain_c512': _preset(dict(channels=512, **_SPEECHBRAIN_BACKBONE), _SPEECHBRAIN_NECK),
    'speechbrain': _preset(
        dict(channels=1024, mfa_channels=3072, **_SPEECHBRAIN_BACKBONE), _SPEECHBRAIN_NECK
    ),  # the published one
    'wespeaker_c512': _preset(dict(channels=512, skip='chain'), _WESPEAKER_NECK),
    'wespeaker_glob_c512': _preset(dict(channels=512, skip='chain'), _WESPEAKER_GLOBAL_NECK),
    'wespeaker_c1024': _preset(dict(channels=1024, skip='chain'), _WESPEAKER_NECK),
    'wespeaker_glob_c1024': _preset(dict(channels=1024, skip='chain'), _WESPEAKER_GLOBAL_NECK),
    'vpr': _preset(dict(channels=512, **_SPEECHBRAIN_BACKBONE), _SPEECHBRAIN_NECK),
}
