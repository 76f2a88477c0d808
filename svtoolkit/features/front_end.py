"""What every front end shares: the contract, float32 arithmetic, and constants that are never rounded."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class FrontEnd(nn.Module, ABC):
    """Waveforms [B, T] in ±1 to features [B, F, N] in float32, also under autocast and in half precision.

    A front end has no parameters: its windows and filters are buffers that follow the module to a device,
    stay out of the state dict, and stay float32 when the model around it is cast.

    Args:
        sample_rate: of the waveforms it takes, in Hz.
        num_bins: rows F of the features.
    """

    def __init__(self, sample_rate: int, num_bins: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.num_bins = num_bins

    @abstractmethod
    def num_frames(self, num_samples: int) -> int:
        """Frames N that come out for ``num_samples`` samples; at least one."""

    @abstractmethod
    def _features(self, wave: Tensor) -> Tensor:
        """Features of float32 waveforms, [B, T] -> [B, F, N]; autocast is off."""

    def forward(self, wave: Tensor) -> Tensor:
        """Features of equally long waveforms, [B, T] in ±1 -> [B, F, N] float32.

        Raises:
            ValueError: the waveforms are not [B, T], or hold integers (samples that nobody scaled to ±1).
        """
        if wave.dim() != 2 or not wave.is_floating_point():
            raise ValueError(
                f'{type(self).__name__} takes waveforms [B, T] of floats in ±1, '
                f'got {list(wave.shape)} {wave.dtype}.'
            )
        kind = wave.device.type
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):  # meta has none
            with torch.autocast(kind, enabled=False):
                return self._features(wave.float())
        return self._features(wave.float())

    def _constant(self, name: str, value: Tensor) -> None:
        """Keep ``value`` as a float32 buffer, on the device modules are being built on."""
        device = torch.empty(0).device
        self.register_buffer(name, value.to(device, torch.float32), persistent=False)

    def _apply(self, fn, recurse=True):
        def move_only(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        return super()._apply(move_only, recurse)


def is_plain_cpu(wave: Tensor) -> bool:
    """Whether buffers may be used again: numbers on a CPU that no gradient, export or trace looks at."""
    watched = wave.requires_grad or torch.compiler.is_compiling() or torch.jit.is_tracing()
    return wave.device.type == 'cpu' and not watched
