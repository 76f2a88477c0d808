"""Log-mel spectrograms as torchaudio, SpeechBrain, NeMo and librosa make them: one frame centred on each hop.

Unlike Kaldi's frames (``Fbank``) these are pre-emphasised along the whole signal, keep their mean, and reach
over the ends of the signal, so that there are 1 + T // hop of them.
"""

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from svtoolkit.errors import unknown_name
from svtoolkit.features.front_end import FrontEnd, is_plain_cpu
from svtoolkit.features.mel import mel_filters
from svtoolkit.features.mel_power import fast_mel_power, mel_bands, mel_power
from svtoolkit.features.mel_presets import PRESETS, MelOptions
from svtoolkit.registry import FEATURES

CHOICES = {
    'window': ('hamming', 'hann', 'hann_symmetric'),
    'pad_mode': ('reflect', 'constant'),
    'preemphasis_start': ('reflect', 'keep'),
    'log': ('ln', 'db', 'none'),
}


@FEATURES.register_module()
class LogMel(FrontEnd):
    """Log-mel spectrogram: waveforms [B, T] in ±1 -> [B, F, N] float32. No mean is removed here.

    Every option that is left at None is as in ``preset``; the values that hold are in ``options``.

    Args:
        preset: 'ecapa', 'clova', 'neural_scoring', 'redimnet', 'speechbrain', 'nemo', 'resemblyzer' or
            'librosa'; see ``mel_presets``.
        sample_rate: of the waveforms, in Hz.
        num_mel_bins: triangles, F.
        n_fft: length of the transform in samples.
        win_length: length of the window in samples, at most ``n_fft``.
        hop_length: distance of two frames in samples.
        window: 'hamming' or 'hann' (both periodic), or 'hann_symmetric'.
        pad_mode: what lies beyond the ends of the signal: 'reflect' (mirrored) or 'constant' (zeros).
        drop_last: leave out the frame that is centred behind the last whole hop: T // hop frames.
        scale: factor on the waveform; 32768 for models trained on int16 samples.
        standardise: bring each waveform to mean 0 and deviation 1 (biased, eps 1e-6 beside it) first.
        preemphasis: y[n] = x[n] - c x[n - 1] over the whole signal; 0 for none.
        preemphasis_start: y[0] = x[0] - c x[1] ('reflect') or y[0] = x[0] ('keep').
        low_freq: lower edge of the first triangle, in Hz.
        high_freq: upper edge of the last one; zero or negative is counted from half the sample rate.
        mel_scale: 'htk' or 'slaney'.
        mel_norm: 'none' or 'slaney' (triangles of equal area).
        triangle: 'hz', 'mel' or 'symmetric'; see ``mel_filters``.
        log: 'ln', 'db' (10 log10) or 'none'.
        log_offset: added to the energies before the logarithm.
        log_floor: lower limit of the energies.
        top_db: with 'db', the floor under each utterance's loudest bin, in decibels; 0 for none.

    Raises:
        UnknownNameError: no preset or choice of that name.
        ValueError: the window is longer than the transform, or the mel range does not fit the sample rate.
    """

    filters: Tensor
    window: Tensor

    def __init__(
        self,
        preset: str = 'ecapa',
        sample_rate: int | None = None,
        num_mel_bins: int | None = None,
        n_fft: int | None = None,
        win_length: int | None = None,
        hop_length: int | None = None,
        window: str | None = None,
        pad_mode: str | None = None,
        drop_last: bool | None = None,
        scale: float | None = None,
        standardise: bool | None = None,
        preemphasis: float | None = None,
        preemphasis_start: str | None = None,
        low_freq: float | None = None,
        high_freq: float | None = None,
        mel_scale: str | None = None,
        mel_norm: str | None = None,
        triangle: str | None = None,
        log: str | None = None,
        log_offset: float | None = None,
        log_floor: float | None = None,
        top_db: float | None = None,
    ) -> None:
        given = dict(locals())  # every option by its name
        if preset not in PRESETS:
            raise unknown_name('preset of LogMel', preset, PRESETS)
        options: MelOptions = replace(PRESETS[preset], **_named_options(given))
        _check(options)
        super().__init__(options.sample_rate, options.num_mel_bins)
        self.options = options
        filters = mel_filters(
            options.num_mel_bins,
            options.n_fft,
            options.sample_rate,
            options.low_freq,
            options.high_freq,
            options.mel_scale,
            options.triangle,
            options.mel_norm,
        )
        self._bands = mel_bands(filters)
        self._constant('filters', filters)
        self._constant('window', _window(options.window, options.win_length))

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out for ``num_samples`` samples; at least one."""
        return 1 + max(num_samples, self._shortest) // self.options.hop_length - self.options.drop_last

    @property
    def _shortest(self) -> int:
        """Samples that can be mirrored, or fill one hop; shorter signals are padded with zeros."""
        options = self.options
        mirrored = options.win_length // 2 + 1 if options.pad_mode == 'reflect' else 1
        return max(mirrored, 2, options.hop_length if options.drop_last else 0)

    def _features(self, wave: Tensor) -> Tensor:
        options = self.options
        if wave.shape[-1] < self._shortest:
            wave = pad(wave, (0, self._shortest - wave.shape[-1]))
        num_frames = self.num_frames(wave.shape[-1])
        wave = self._shape_wave(wave)
        # A window centred in n_fft samples begins (n_fft - win_length) // 2 into them.
        before = options.n_fft // 2 - (options.n_fft - options.win_length) // 2
        wave = pad(wave, (before, options.win_length - before), mode=options.pad_mode)
        frames = wave.unfold(-1, options.win_length, options.hop_length)[:, :num_frames]
        if is_plain_cpu(wave):
            energies = fast_mel_power(frames, self.window, options.n_fft, self._bands)
        else:
            energies = mel_power(frames * self.window, options.n_fft, self.filters)
        return self._log(energies.transpose(1, 2))

    def _shape_wave(self, wave: Tensor) -> Tensor:
        """Level and pre-emphasis of the whole signal, [B, T] -> [B, T]."""
        options = self.options
        if options.standardise:
            wave = wave - wave.mean(-1, keepdim=True)
            wave = wave / (wave.square().mean(-1, keepdim=True).sqrt() + 1e-6)
        if options.scale != 1:
            wave = wave * options.scale
        if options.preemphasis:
            start = wave[:, :1]
            if options.preemphasis_start == 'reflect':
                start = start - options.preemphasis * wave[:, 1:2]
            wave = torch.cat([start, wave[:, 1:] - options.preemphasis * wave[:, :-1]], dim=-1)
        return wave

    def _log(self, energies: Tensor) -> Tensor:
        options = self.options
        if options.log == 'none':
            return energies
        energies = (energies + options.log_offset).clamp(min=options.log_floor)
        if options.log == 'ln':
            return energies.log()
        level = 10 * energies.log10()
        if options.top_db > 0:
            level = torch.maximum(level, level.amax((1, 2), keepdim=True) - options.top_db)
        return level


def _named_options(given: dict[str, Any]) -> dict[str, Any]:
    """Those of the arguments of ``LogMel`` that change an option."""
    names = [field.name for field in fields(MelOptions)]
    return {name: given[name] for name in names if given[name] is not None}


def _window(name: str, length: int) -> Tensor:
    """Window of ``length`` samples, float64."""
    with torch.device('cpu'):
        if name == 'hamming':
            return torch.hamming_window(length, periodic=True, dtype=torch.float64)
        return torch.hann_window(length, periodic=name == 'hann', dtype=torch.float64)


def _check(options: MelOptions) -> None:
    for name, known in CHOICES.items():
        if getattr(options, name) not in known:
            raise unknown_name(f'{name} of LogMel', getattr(options, name), known)
    if options.win_length > options.n_fft:
        raise ValueError(f'LogMel: win_length={options.win_length} is longer than n_fft={options.n_fft}.')
