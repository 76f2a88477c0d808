"""Mel-frequency cepstral coefficients: a cosine transform of a log-mel front end."""

import math

import torch
from torch import Tensor

from svtoolkit.features.front_end import FrontEnd
from svtoolkit.registry import FEATURES


def cosine_transform(num_coeffs: int, num_bins: int) -> Tensor:
    """Orthonormal type-II cosine transform, [num_coeffs, num_bins] float64."""
    with torch.device('cpu'):
        order = torch.arange(num_coeffs, dtype=torch.float64)[:, None]
        place = torch.arange(num_bins, dtype=torch.float64)[None] + 0.5
    matrix = torch.cos(math.pi / num_bins * order * place) * math.sqrt(2.0 / num_bins)
    matrix[0] /= math.sqrt(2.0)
    return matrix


@FEATURES.register_module()
class MFCC(FrontEnd):
    """Cepstral coefficients: waveforms [B, T] in ±1 -> [B, F, N] float32, coefficient 0 first.

    With its defaults these are the numbers of ``librosa.feature.mfcc(n_mfcc=40)`` at 16 kHz, the input of the
    small BiLSTM encoders of SpeakerRecognitionFromScratch. Davis & Mermelstein 1980.

    Args:
        num_coeffs: coefficients F, at most the bins of ``mel``.
        mel: config of the log-mel front end; librosa's by default.

    Raises:
        ValueError: more coefficients than mel bins.
    """

    transform: Tensor

    def __init__(self, num_coeffs: int = 40, mel: dict | None = None) -> None:
        front_end = FEATURES.build(mel or dict(type='LogMel', preset='librosa'))
        if not 1 <= num_coeffs <= front_end.num_bins:
            raise ValueError(f'MFCC: num_coeffs={num_coeffs}, but there are {front_end.num_bins} mel bins.')
        super().__init__(front_end.sample_rate, num_coeffs)
        self.mel = front_end
        self._constant('transform', cosine_transform(num_coeffs, front_end.num_bins))

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out for ``num_samples`` samples; at least one."""
        return self.mel.num_frames(num_samples)

    def _features(self, wave: Tensor) -> Tensor:
        return self.transform @ self.mel(wave)
