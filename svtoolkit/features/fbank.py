"""Kaldi's log-mel filter bank, batched, differentiable and exportable, with a fast way for the CPU.

The numbers are those of Kaldi's ``compute-fbank-feats`` (feature-fbank.cc, feature-window.cc,
mel-computations.cc): cut into frames, take out the frame's mean, pre-emphasise inside the frame, window,
power spectrum, triangles linear in mel, natural log. Waveforms come in ±1 and are brought to the range of
int16 samples by ``scale``.
"""

import math

import torch
from torch import Tensor, nn

from svtoolkit.features.front_end import FrontEnd, is_plain_cpu
from svtoolkit.features.mel import mel_filters
from svtoolkit.features.mel_power import fast_mel_power, mel_bands, mel_power
from svtoolkit.registry import FEATURES

LOG_FLOOR = torch.finfo(torch.float32).eps  # 1.19e-7: Kaldi's floor under every logarithm
WINDOWS = ('povey', 'hamming', 'hanning', 'blackman', 'rectangular')


def kaldi_window(name: str, length: int) -> Tensor:
    """Kaldi's symmetric window of ``length`` samples, float64; the ends are 0, for hamming 0.08."""
    with torch.device('cpu'):
        turn = torch.arange(length, dtype=torch.float64) * (2 * math.pi / (length - 1))
    if name == 'povey':
        return (0.5 - 0.5 * turn.cos()).clamp(min=0.0) ** 0.85
    if name == 'hamming':
        return 0.54 - 0.46 * turn.cos()
    if name == 'hanning':
        return 0.5 - 0.5 * turn.cos()
    if name == 'blackman':
        return 0.42 - 0.5 * turn.cos() + 0.08 * (2 * turn).cos()
    if name == 'rectangular':
        return torch.ones_like(turn)
    raise ValueError(f'window={name!r} is unknown; use one of {", ".join(WINDOWS)}.')


@FEATURES.register_module()
class Fbank(FrontEnd):
    """Kaldi filter bank: waveforms [B, T] in ±1 -> log-mel energies [B, F, N] float32, natural log.

    No mean is removed here: that is the preprocessor's work. Audio shorter than one frame is padded with
    zeros to one.

    Args:
        sample_rate: of the waveforms, in Hz.
        num_mel_bins: triangles; with ``use_energy`` one more row comes out.
        use_energy: add the frame's log energy: row 0, mel k in row k + 1 (the last row with ``htk_compat``).
        raw_energy: the energy is taken before pre-emphasis and window, else after them.
        window: 'povey', 'hamming', 'hanning', 'blackman' or 'rectangular', all symmetric.
        low_freq: lower edge of the first triangle, in Hz.
        high_freq: upper edge of the last one; zero or negative is counted from half the sample rate.
        frame_length_ms: length of a frame.
        frame_shift_ms: distance of two frames.
        preemphasis: y[n] = x[n] - c x[n - 1] inside each frame; before its first sample stands that
            sample itself.
        remove_dc_offset: take the mean out of each frame first.
        dither: deviation of the noise added to each frame, in units of the scaled samples; in training only.
        energy_floor: lower limit of the energy (not of its log); 0 for none.
        htk_compat: energy in the last row.
        snip_edges: only frames that lie inside the signal; else about T / shift frames, the signal mirrored
            at its ends.
        scale: factor on the waveform; 32768 for models trained on int16 samples, 1 for those trained on ±1.

    Raises:
        ValueError: a window is unknown, or the mel range does not fit the sample rate.
    """

    filters: Tensor
    window: Tensor

    def __init__(
        self,
        sample_rate: int = 16000,
        num_mel_bins: int = 80,
        use_energy: bool = False,
        raw_energy: bool = True,
        window: str = 'povey',
        low_freq: float = 20.0,
        high_freq: float = 0.0,
        frame_length_ms: float = 25.0,
        frame_shift_ms: float = 10.0,
        preemphasis: float = 0.97,
        remove_dc_offset: bool = True,
        dither: float = 0.0,
        energy_floor: float = 0.0,
        htk_compat: bool = False,
        snip_edges: bool = True,
        scale: float = 32768.0,
    ) -> None:
        super().__init__(sample_rate, num_mel_bins + use_energy)
        self.num_mel_bins = num_mel_bins
        self.use_energy = use_energy
        self.raw_energy = raw_energy
        self.preemphasis = preemphasis
        self.remove_dc_offset = remove_dc_offset
        self.dither = dither
        self.energy_floor = energy_floor
        self.htk_compat = htk_compat
        self.snip_edges = snip_edges
        self.scale = scale
        self.frame_length = int(sample_rate * frame_length_ms / 1000)
        self.frame_shift = int(sample_rate * frame_shift_ms / 1000)
        self.n_fft = 1 << (self.frame_length - 1).bit_length()  # the next power of two
        filters = mel_filters(num_mel_bins, self.n_fft, sample_rate, low_freq, high_freq, triangle='mel')
        filters[-1] = 0.0  # Kaldi leaves out the bin at half the sample rate
        self._bands = mel_bands(filters)
        self._constant('filters', filters)
        self._constant('window', kaldi_window(window, self.frame_length))

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out for ``num_samples`` samples; at least one."""
        if self.snip_edges:
            return 1 + max(num_samples - self.frame_length, 0) // self.frame_shift
        return max(1, (num_samples + self.frame_shift // 2) // self.frame_shift)

    def _features(self, wave: Tensor) -> Tensor:
        wave = self._cover_frames(wave)
        dithered = self.training and self.dither > 0
        mel, energy = self._fast(wave) if is_plain_cpu(wave) and not dithered else self._plain(wave)
        if energy is not None:
            energy = energy.clamp(min=max(LOG_FLOOR, self.energy_floor)).log().unsqueeze(-1)
            mel = torch.cat([mel, energy] if self.htk_compat else [energy, mel], dim=-1)
        return mel.transpose(1, 2)

    def _cover_frames(self, wave: Tensor) -> Tensor:
        """Lengthen [B, T] at its ends so that cutting it into whole frames gives the frames of Kaldi."""
        shortest = self.frame_length if self.snip_edges else self.frame_shift - self.frame_shift // 2
        if wave.shape[-1] < shortest:
            wave = nn.functional.pad(wave, (0, shortest - wave.shape[-1]))
        if self.snip_edges:
            return wave
        size = wave.shape[-1]
        start = self.frame_shift // 2 - self.frame_length // 2
        stop = start + (self.num_frames(size) - 1) * self.frame_shift + self.frame_length
        before = _mirror(torch.arange(min(start, 0), 0, device=wave.device), size)
        after = _mirror(torch.arange(size, max(stop, size), device=wave.device), size)
        return torch.cat([wave[:, before], wave[:, max(start, 0) : stop], wave[:, after]], dim=-1)

    def _plain(self, wave: Tensor) -> tuple[Tensor, Tensor | None]:
        """The textbook way, for any device and gradients: [B, T] -> log-mel [B, N, mels], energy [B, N]."""
        frames = (wave * self.scale).unfold(-1, self.frame_length, self.frame_shift)  # [B, N, frame_length]
        if self.training and self.dither > 0:
            frames = frames + self.dither * torch.randn_like(frames)
        if self.remove_dc_offset:
            frames = frames - frames.mean(-1, keepdim=True)
        shaped = frames
        if self.preemphasis:
            shaped = frames - self.preemphasis * torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        shaped = shaped * self.window
        mel = mel_power(shaped, self.n_fft, self.filters).clamp(min=LOG_FLOOR).log()
        if not self.use_energy:
            return mel, None
        return mel, (frames if self.raw_energy else shaped).square().sum(-1)

    def _fast(self, wave: Tensor) -> tuple[Tensor, Tensor | None]:
        """The same numbers for the CPU, several times faster.

        A frame x loses its mean m, then is pre-emphasised: y[n] = (x[n] - m) - c (x[n-1] - m)
        = (x[n] - c x[n-1]) - (1 - c) m, and y[0] = (1 - c) (x[0] - m). So the signal is pre-emphasised once
        for all the frames that share a sample, only the first sample of each frame is put right, and the mean
        goes by one rank-1 update.
        """
        keep = 1 - self.preemphasis
        window = self.window * self.scale
        emphasised = torch.empty_like(wave)
        torch.sub(wave[:, 1:], wave[:, :-1], alpha=self.preemphasis, out=emphasised[:, 1:])
        frames = emphasised.unfold(-1, self.frame_length, self.frame_shift)  # [B, N, frame_length]
        first = wave[:, :: self.frame_shift] * (keep * window[0])
        mean = self._frame_sums(wave) / self.frame_length  # [B, N]
        energy = mean.new_empty(mean.shape) if self.use_energy else None
        if energy is not None and self.raw_energy:
            squares = self._frame_sums(wave.double().square())
            offset = self.frame_length * mean.double().square() if self.remove_dc_offset else 0.0
            energy.copy_((squares - offset) * self.scale**2)

        def adjust(windowed: Tensor, of_batch: slice, of_frames: slice) -> None:
            windowed[..., 0] = first[of_batch, of_frames][:, : windowed.shape[1]]
            if self.remove_dc_offset:
                windowed.addcmul_(mean[of_batch, of_frames, None], window, value=-keep)
            if energy is not None and not self.raw_energy:
                energy[of_batch, of_frames] = windowed.square().sum(-1)

        mel = fast_mel_power(frames, window, self.n_fft, self._bands, adjust, _floor_log)
        return mel, energy

    def _frame_sums(self, signal: Tensor) -> Tensor:
        """Sum of each frame, [B, T] -> [B, N], from sums of the blocks that frames share."""
        block = math.gcd(self.frame_length, self.frame_shift)
        count = signal.shape[-1] // block
        blocks = signal[:, : count * block].reshape(len(signal), count, block).sum(-1)
        return blocks.unfold(-1, self.frame_length // block, self.frame_shift // block).sum(-1)


def _floor_log(energies: Tensor) -> Tensor:
    return energies.clamp_(min=LOG_FLOOR).log_()


def _mirror(index: Tensor, size: int) -> Tensor:
    """Bring indices into 0 .. size - 1 by mirroring at both ends, the end samples standing twice (Kaldi)."""
    index = index % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)
