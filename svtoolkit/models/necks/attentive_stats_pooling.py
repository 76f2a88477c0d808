"""Attentive statistics pooling with weights of its own for every channel.

Okabe et al. 2018 (arXiv:1803.10963) introduced the weighted deviation, Desplanques et al. 2020
(arXiv:2005.07143, sec. 3.1) weights per channel and the utterance's statistics as context. Toolkits
differ in small things that a checkpoint depends on, each one an argument here:

===============  ========  ============  =======  ================  =============  =============
origin           channels  act           context  context_unbiased  context_floor  variance_floor
===============  ========  ============  =======  ================  =============  =============
TaoRuijie        256       relu_bn_tanh  yes      yes               1e-4           1e-4
SpeechBrain      128       relu_bn_tanh  yes      no                1e-12          1e-12
WeSpeaker GLOB   128       tanh          yes      yes               1e-7 (added)   1e-7
Clova V2         128       relu_bn       no                                        1e-5
RawNet3          128       relu_bn       yes      yes               1e-4           1e-4 (to 1e4)
===============  ========  ============  =======  ================  =============  =============

Some of them write the variance as E[x^2] - mean^2; here it is always the sum of squared differences,
the same number without the rounding.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.frame_mask import frame_mask
from svtoolkit.models.layers.frame_moments import (
    attention_weights,
    channel_moments,
    frame_moments,
    group_moments,
)
from svtoolkit.registry import NECKS

ACTIVATIONS = ('relu', 'tanh', 'relu_bn', 'relu_bn_tanh')


@NECKS.register_module()
class AttentiveStatsPooling(nn.Module):
    """Attentive mean and deviation of each channel, [B, C, N] -> [B, 2C], all means first; or means alone.

    ``scores = W2 act(W1 [x; mean; deviation] + b1) + b2``, softmax over time. The weights of ``W1``
    are one [A, 3C, 1] tensor as everywhere, but its context columns meet the [B, 2C] statistics once
    per utterance: no [B, 3C, N] map is ever made. The deviations are clamped inside the root, so one
    frame or a constant input gives a finite value and gradient.

    Args:
        in_channels: C.
        attention_channels: A, the width between the two layers.
        act: ``relu``, ``tanh``, ``relu_bn`` or ``relu_bn_tanh`` (in this order).
        context: whether the utterance's mean and deviation join every frame.
        shared: one weight per frame for all channels (RawNet3's ``ASP``).
        stats: append the deviations; the ``SAP`` of Clova V2 goes without.
        context_unbiased: divide the context's variance by frames - 1.
        context_floor: smallest variance of the context.
        context_floor_added: add ``context_floor`` to the variance instead.
        variance_floor: smallest pooled variance.
        variance_ceiling: largest variance of context and pooling.
        norm_momentum: of the batch norm of ``relu_bn``; in training it counts padded frames too.
    """

    def __init__(
        self,
        in_channels: int,
        attention_channels: int = 128,
        act: str = 'relu',
        context: bool = False,
        shared: bool = False,
        stats: bool = True,
        context_unbiased: bool = False,
        context_floor: float = 1e-8,
        context_floor_added: bool = False,
        variance_floor: float = 1e-8,
        variance_ceiling: float = math.inf,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if act not in ACTIVATIONS:
            raise unknown_name('act of AttentiveStatsPooling', act, ACTIVATIONS)
        self.in_channels = in_channels
        self.out_channels = in_channels * (2 if stats else 1)
        self.context = context
        self.shared = shared
        self.stats = stats
        self.context_unbiased = context_unbiased
        self.context_floor = context_floor
        self.context_floor_added = context_floor_added
        self.variance_floor = variance_floor
        self.variance_ceiling = variance_ceiling
        self.project = nn.Conv1d(in_channels * (3 if context else 1), attention_channels, 1)
        steps = {'relu': nn.ReLU, 'tanh': nn.Tanh}
        layers = [
            nn.BatchNorm2d(attention_channels, momentum=norm_momentum) if step == 'bn' else steps[step]()
            for step in act.split('_')
        ]
        self.act = nn.Sequential(*layers)
        self.score = nn.Conv1d(attention_channels, 1 if shared else in_channels, 1)

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pool the frames.

        Args:
            frames: [B, C, N].
            lengths: [B] frames of each utterance, at least 1; all N when None.
        """
        if lengths is not None:
            frames = frames.masked_fill(~frame_mask(lengths, frames.shape[-1]), 0)
        # As a picture of height 1: only convolutions and norms of pictures keep the layout of frames whose
        # channels lie side by side in memory (those of ECAPA-TDNN), and a mixture of layouts is slow.
        hidden = self.act(self._project(frames.unsqueeze(2), frames, lengths))  # [B, A, 1, N]
        scores = _convolve(hidden, self.score.weight, self.score.bias).squeeze(2)  # [B, C or 1, N]
        if self.shared:
            weights = attention_weights(scores, lengths).unsqueeze(1)  # [B, 1, 1, N]
            mean, variance = (x.flatten(1) for x in group_moments(frames.unsqueeze(1), weights))
        else:
            mean, variance = channel_moments(frames, scores, lengths)
        if not self.stats:
            return mean
        return torch.cat([mean, variance.clamp(self.variance_floor, self.variance_ceiling).sqrt()], dim=1)

    def _project(self, picture: Tensor, frames: Tensor, lengths: Tensor | None) -> Tensor:
        if not self.context:
            return _convolve(picture, self.project.weight, self.project.bias)
        mean, variance = frame_moments(frames, lengths, self.context_unbiased)
        if self.context_floor_added:
            variance = variance + self.context_floor
        deviation = variance.clamp(self.context_floor, self.variance_ceiling).sqrt()
        of_frames, of_context = self.project.weight.split([self.in_channels, 2 * self.in_channels], dim=1)
        constant = F.linear(torch.cat([mean, deviation], dim=1), of_context.squeeze(-1), self.project.bias)
        return _convolve(picture, of_frames) + constant[:, :, None, None]


def _convolve(picture: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """1x1 convolution, [B, C, 1, N] with [A, C, 1] -> [B, A, 1, N]."""
    return F.conv2d(picture, weight.unsqueeze(-1), bias)
