"""Self-supervised speech models as backbones, by ``transformers``: ``pip install svtoolkit[ssl]``."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from svtoolkit.errors import ConfigError
from svtoolkit.models.layers.layer_sum import LayerSum
from svtoolkit.registry import BACKBONES


@BACKBONES.register_module()
class SSLFrontEnd(LayerSum):
    """WavLM, HuBERT, wav2vec 2.0 or data2vec, [B, 1, T] waveforms -> [B, hidden, N'], the sum of its layers.

    Behind the feature ``Waveform`` with ``normalise='none'``: these networks read samples in ±1.

    Args:
        in_channels: 1, the row of the feature ``Waveform``.
        pretrained: name on the Hugging Face hub or folder of a model with safetensors or plain weights.
        config: instead of it, the settings of a new network with random weights, such as
            ``dict(model_type='wavlm', hidden_size=256)``.
        freeze: train neither its layers nor its norms; weights of the sum and adapters still learn.
        adapter_dim: width of an adapter behind each layer; None for no adapters.
        normalise: give each waveform mean 0 and variance 1 first, as the large networks want it.

    Raises:
        MissingExtraError: transformers is not installed.
        ConfigError: not exactly one of ``pretrained`` and ``config``, or a feature of more than one row.
    """

    def __init__(
        self,
        in_channels: int = 1,
        pretrained: str | None = None,
        config: dict | None = None,
        freeze: bool = True,
        adapter_dim: int | None = None,
        normalise: bool = False,
    ) -> None:
        super().__init__(pretrained, config, freeze, adapter_dim)
        if in_channels != 1:
            raise ConfigError(
                f'SSLFrontEnd: in_channels={in_channels}, but it reads waveforms: use the feature Waveform.'
            )
        self.normalise = normalise
        kernels, strides = self.net.config.conv_kernel, self.net.config.conv_stride
        self.subsampling = math.prod(strides)
        self.min_frames = _receptive_field(kernels, strides)

    def network_input(self, x: Tensor) -> Tensor:
        wave = x.squeeze(1)
        if wave.shape[-1] < self.min_frames:
            raise ValueError(f'SSLFrontEnd needs {self.min_frames} samples, got {wave.shape[-1]}.')
        return F.layer_norm(wave, wave.shape[-1:], eps=1e-7) if self.normalise else wave


@BACKBONES.register_module()
class W2VBert(LayerSum):
    """w2v-BERT 2.0, [B, F, N] filter bank -> [B, hidden, N // 2], the sum of its layers.

    Barrault et al. 2023, https://arxiv.org/abs/2312.05187. It reads pairs of frames of the feature
    ``Standardised(feature=dict(type='Fbank', num_mel_bins=80), eps=1e-7)`` with ``normalise='none'``; a last frame
    without a partner is dropped.

    Args:
        in_channels: F; the network reads twice as many values.
        pretrained: name on the Hugging Face hub or folder of a model, such as ``facebook/w2v-bert-2.0``.
        config: instead of it, the settings of a new network, such as ``dict(model_type='wav2vec2-bert')``.
        freeze: train neither its layers nor its norms; weights of the sum and adapters still learn.
        adapter_dim: width of an adapter behind each layer; None for no adapters.

    Raises:
        MissingExtraError: transformers is not installed.
        ConfigError: not exactly one of ``pretrained`` and ``config``, or a network that reads something else.
    """

    min_frames = 2

    def __init__(
        self,
        in_channels: int = 80,
        pretrained: str | None = None,
        config: dict | None = None,
        freeze: bool = True,
        adapter_dim: int | None = None,
    ) -> None:
        super().__init__(pretrained, config, freeze, adapter_dim)
        width = getattr(self.net.config, 'feature_projection_input_dim', 0)
        if width != 2 * in_channels:
            raise ConfigError(
                f'W2VBert: in_channels={in_channels}, but the network ({self.net.config.model_type}) reads {width} '
                'values a step, of two frames.'
            )
        self.subsampling = 2

    def network_input(self, x: Tensor) -> Tensor:
        if x.shape[-1] < self.min_frames:
            raise ValueError(f'W2VBert needs {self.min_frames} frames, got {x.shape[-1]}.')
        x = F.pad(x, (0, -(x.shape[-1] % 2)))  # a slice would tie an export to its rest
        return torch.cat([x[..., ::2], x[..., 1::2]], dim=1).transpose(1, 2)


def _receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides)):
        samples = (samples - 1) * stride + kernel
    return samples
