"""Mel filter banks: where the triangles stand, and what shape they have.

One function serves every front end of the toolkit. Two mel scales are in use: HTK's, 2595 log10(1 + f/700)
(Kaldi writes it 1127 ln(1 + f/700): the same curve, and only its shape counts here), and Slaney's of the
Auditory Toolbox, which librosa and NeMo use: linear to 1 kHz, logarithmic above. Frequencies are in Hz,
filters are built in float64.
"""

import math

import torch
from torch import Tensor

MEL_SCALES = ('htk', 'slaney')
TRIANGLES = ('hz', 'mel', 'symmetric')
MEL_NORMS = ('none', 'slaney')

_SLANEY_STEP_HZ = 200.0 / 3  # width of a mel below the knee
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_LOG_STEP = math.log(6.4) / 27  # 27 mels from 1 kHz to 6.4 kHz


def hz_to_mel(hz: Tensor, scale: str = 'htk') -> Tensor:
    """Mel values of frequencies in Hz, of any shape; ``scale`` is 'htk' or 'slaney'."""
    if scale == 'htk':
        return 2595.0 * torch.log10(1.0 + hz / 700.0)
    knee = _SLANEY_KNEE_HZ / _SLANEY_STEP_HZ
    above = knee + torch.log(hz.clamp(min=1.0) / _SLANEY_KNEE_HZ) / _SLANEY_LOG_STEP
    return torch.where(hz < _SLANEY_KNEE_HZ, hz / _SLANEY_STEP_HZ, above)


def mel_to_hz(mel: Tensor, scale: str = 'htk') -> Tensor:
    """Frequencies in Hz of mel values; the inverse of ``hz_to_mel``."""
    if scale == 'htk':
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    knee = _SLANEY_KNEE_HZ / _SLANEY_STEP_HZ
    above = _SLANEY_KNEE_HZ * torch.exp(_SLANEY_LOG_STEP * (mel - knee))
    return torch.where(mel < knee, mel * _SLANEY_STEP_HZ, above)


def mel_filters(
    num_mel_bins: int,
    n_fft: int,
    sample_rate: int,
    low_hz: float = 0.0,
    high_hz: float = 0.0,
    scale: str = 'htk',
    triangle: str = 'hz',
    norm: str = 'none',
) -> Tensor:
    """Weights that turn a power spectrum into mel bands, [n_fft // 2 + 1, num_mel_bins] float64.

    Args:
        num_mel_bins: number of triangles.
        n_fft: length of the transform in samples.
        sample_rate: in Hz.
        low_hz: lower edge of the first triangle.
        high_hz: upper edge of the last one; zero or negative is counted from half the sample rate.
        scale: 'htk' or 'slaney'; the triangles' corners are equally spaced on it.
        triangle: what the sides are linear in: 'hz' (torchaudio, librosa), 'mel' (Kaldi), or 'symmetric'
            (linear in Hz, both sides as wide as the lower one: SpeechBrain).
        norm: 'none', or 'slaney' for triangles of equal area in Hz (2 / width).

    Raises:
        ValueError: an option is unknown, or the edges do not lie in order inside 0 .. sample_rate / 2.
    """
    for what, value, known in (
        ('scale', scale, MEL_SCALES),
        ('triangle', triangle, TRIANGLES),
        ('norm', norm, MEL_NORMS),
    ):
        if value not in known:
            raise ValueError(
                f'{what}={value!r} of the mel filters is unknown; use one of {", ".join(known)}.'
            )
    nyquist = sample_rate / 2
    top_hz = high_hz if high_hz > 0 else nyquist + high_hz
    if not 0 <= low_hz < top_hz <= nyquist:
        raise ValueError(
            f'mel filters from {low_hz:g} to {top_hz:g} Hz do not fit a sample rate of {sample_rate} Hz; '
            f'use 0 <= low < high <= {nyquist:g}.'
        )
    with torch.device('cpu'):  # also where modules are built without memory, on the meta device
        ends = hz_to_mel(torch.tensor([low_hz, top_hz], dtype=torch.float64), scale)
        corners = torch.linspace(float(ends[0]), float(ends[1]), num_mel_bins + 2, dtype=torch.float64)
        axis = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * (sample_rate / n_fft)
    if triangle == 'mel':
        axis = hz_to_mel(axis, scale)
    else:
        corners = mel_to_hz(corners, scale)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    below = centre - left
    above = below if triangle == 'symmetric' else right - centre
    rise = (axis[:, None] - left) / below  # [n_fft // 2 + 1, num_mel_bins]
    fall = (centre + above - axis[:, None]) / above
    filters = torch.minimum(rise, fall).clamp(min=0.0)
    if norm == 'slaney':
        filters = filters * (2.0 / (right - left))
    return filters
