"""RawNet3: speaker frames from the waveform itself. Jung et al. 2022 (arXiv:2203.08488).

Its first layer is a bank of parametric band-pass filters (Ravanelli & Bengio 2018, arXiv:1808.00158) with
an odd twin for each even filter (Pariente et al. 2020, arXiv:1910.10400). The published model's pooling is
``AttentiveStatsPooling(act='relu_bn', context=True, context_unbiased=True, context_floor=1e-4,
variance_floor=1e-4, variance_ceiling=1e4)``, then batch norm and a linear layer.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.models.layers.autocast import no_autocast
from svtoolkit.models.layers.res2 import Res2Sequence, TimeConv
from svtoolkit.registry import BACKBONES


class SincBank(nn.Module):
    """Windowed band-pass filters with learned edges, [B, 1, T] -> [B, filters, N]; first even, then odd ones.

    Args:
        num_filters: even number of filters; half as many pairs of edges are learned.
        kernel_size: taps, odd.
        stride: samples between frames.
        sample_rate: in Hz.
    """

    min_low_hz = 50.0
    min_band_hz = 50.0

    def __init__(
        self, num_filters: int, kernel_size: int = 251, stride: int = 10, sample_rate: int = 16000
    ) -> None:
        super().__init__()
        self.stride = stride
        self.sample_rate = sample_rate
        # Edges start equally wide in mel from 30 Hz up.
        top_hz = sample_rate / 2 - (self.min_low_hz + self.min_band_hz)
        mel = torch.linspace(_hz_to_mel(30.0), _hz_to_mel(top_hz), num_filters // 2 + 1, dtype=torch.float64)
        hz = 700 * (10 ** (mel / 2595) - 1)
        self.low_hz = nn.Parameter(hz[:-1].float().unsqueeze(1))  # [pairs, 1]
        self.band_hz = nn.Parameter(hz.diff().float().unsqueeze(1))
        half = kernel_size // 2
        angle = 2 * math.pi * torch.arange(-half, 0.0) / sample_rate  # [half], the taps left of the centre
        window = torch.hamming_window(kernel_size, periodic=False)[:half]
        self.angle: Tensor
        self.window: Tensor
        self.register_buffer('angle', angle, persistent=False)
        self.register_buffer('window', window, persistent=False)

    def filters(self) -> Tensor:
        """Impulse responses, [filters, 1, kernel_size]; the even ones are 1 at the centre."""
        low = self.min_low_hz + self.low_hz.abs()
        high = (low + self.min_band_hz + self.band_hz.abs()).clamp(max=self.sample_rate / 2)
        band = high - low
        shape = self.window / (self.angle * band)  # [pairs, half]
        even = ((high * self.angle).sin() - (low * self.angle).sin()) * shape
        odd = ((low * self.angle).cos() - (high * self.angle).cos()) * shape
        even = torch.cat([even, torch.ones_like(band), even.flip(1)], dim=1)
        odd = torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], dim=1)
        return torch.cat([even, odd]).unsqueeze(1)

    def forward(self, wave: Tensor) -> Tensor:
        return F.conv1d(wave, self.filters(), stride=self.stride)


class AlphaScaling(nn.Module):
    """``(x + alpha) * sigmoid(fc(mean of x))`` per channel, [B, C, 1, N] -> the same. Jung et al. 2020, AFMS.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc(x.mean((2, 3))))  # [B, C]
        return (x + self.alpha[:, None, None]) * gate[:, :, None, None]


class RawNetBlock(nn.Module):
    """1x1, Res2 and 1x1 convolution, shortcut, max-pool, scaling; [B, C, 1, N] -> [B, width, 1, N / pool].

    Args:
        in_channels: C.
        width: channels of the block.
        dilation: of the Res2 convolutions.
        scale: Res2 groups.
        pool: frames per maximum; 1 keeps all.
    """

    def __init__(self, in_channels: int, width: int, dilation: int, scale: int, pool: int) -> None:
        super().__init__()
        self.tdnn1 = TimeConv(in_channels, width)
        self.res2 = Res2Sequence(width, 3, dilation, scale)
        self.tdnn2 = TimeConv(width, width)
        self.pool = nn.MaxPool2d((1, pool)) if pool > 1 else nn.Identity()
        self.scaling = AlphaScaling(width)
        same = in_channels == width
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.tdnn2(self.res2(self.tdnn1(x))) + self.shortcut(x)
        return self.scaling(self.pool(out))


@BACKBONES.register_module()
class RawNet3(nn.Module):
    """RawNet3 up to its frames, [B, 1, T] waveform -> [B, out_channels, N]; front end ``Waveform``.

    Pre-emphasis, instance norm and sinc bank run in float32. 48,240 samples give 4,799, 959, then 319
    frames. Pools drop what does not fill them, so N <= T / subsampling, and T >= ``min_frames`` samples.

    Args:
        in_channels: rows of the input, 1: the waveform.
        channels: width of the three blocks; the sinc bank has a quarter of it.
        out_channels: width of the frames.
        sinc_stride: samples between the sinc bank's frames.
        scale: Res2 groups of each block.
        sample_rate: in Hz.

    Raises:
        ValueError: ``in_channels`` is not 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: int = 1024,
        out_channels: int = 1536,
        sinc_stride: int = 10,
        scale: int = 8,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__()
        if in_channels != 1:
            raise ValueError(
                f"RawNet3 takes waveforms, one row (feature='Waveform'); got {in_channels} rows."
            )
        self.in_channels = in_channels
        self.wave_norm = nn.InstanceNorm1d(1, eps=1e-4, affine=True)
        self.sinc = SincBank(channels // 4, 251, sinc_stride, sample_rate)
        self.block1 = RawNetBlock(channels // 4, channels, 2, scale, pool=5)
        self.block2 = RawNetBlock(channels, channels, 3, scale, pool=3)
        self.block3 = RawNetBlock(channels, channels, 4, scale, pool=1)
        self.merge = TimeConv(3 * channels, out_channels, norm=False)
        self.out_channels = out_channels
        self.subsampling = 15 * sinc_stride
        self.min_frames = 251 + 14 * sinc_stride

    def forward(self, x: Tensor) -> Tensor:
        """Frame features.

        Args:
            x: [B, 1, T] waveforms, T >= ``min_frames``.

        Raises:
            ValueError: fewer samples.
        """
        if x.shape[-1] < self.min_frames:
            raise ValueError(f'RawNet3 needs {self.min_frames} samples, got {x.shape[-1]}.')
        with no_autocast(x):
            x = self._filter_bank(x)  # [B, channels / 4, N]
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        x1 = self.block1(x)
        x2 = self.block2(x1)
        x1 = F.max_pool2d(x1, (1, 3))
        x3 = self.block3(x1 + x2)
        return self.merge(torch.cat([x1, x2, x3], dim=1)).squeeze(2)

    def _filter_bank(self, wave: Tensor) -> Tensor:
        wave = F.pad(wave, (1, 0), mode='reflect')
        wave = self.wave_norm(wave[:, :, 1:] - 0.97 * wave[:, :, :-1])
        energy = torch.log(self.sinc(wave).abs() + 1e-6)
        return energy - energy.mean(-1, keepdim=True)


def _hz_to_mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
