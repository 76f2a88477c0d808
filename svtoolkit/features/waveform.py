"""The waveform itself as a feature of one row, for networks that learn their own filters (RawNet3)."""

from torch import Tensor
from torch.nn.functional import pad

from svtoolkit.features.front_end import FrontEnd
from svtoolkit.registry import FEATURES


@FEATURES.register_module()
class Waveform(FrontEnd):
    """Samples as frames, [B, T] in ±1 -> [B, 1, T]; one frame per sample.

    Args:
        sample_rate: of the waveforms, in Hz.
        scale: factor on the samples; 32768 gives the int16 range.
    """

    def __init__(self, sample_rate: int = 16000, scale: float = 1.0) -> None:
        super().__init__(sample_rate, num_bins=1)
        self.scale = scale

    def num_frames(self, num_samples: int) -> int:
        """As many frames as samples; at least one."""
        return max(1, num_samples)

    def _features(self, wave: Tensor) -> Tensor:
        if not wave.shape[-1]:
            wave = pad(wave, (0, 1))
        return (wave * self.scale).unsqueeze(1)
