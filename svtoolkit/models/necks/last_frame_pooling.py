"""The last frame as the summary of the utterance, for recurrent backbones."""

import torch
from torch import Tensor, nn

from svtoolkit.registry import NECKS


@NECKS.register_module()
class LastFramePooling(nn.Module):
    """Frame at the end of each utterance, [B, C, N] -> [B, C]. Wan et al. 2018, https://arxiv.org/abs/1710.10467.

    Args:
        in_channels: C.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = in_channels

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Pick the frame.

        Args:
            frames: [B, C, N].
            lengths: [B] frames of each utterance, at least 1; all N when None.
        """
        if lengths is None:
            return frames[..., -1]
        last = lengths.to(torch.int64).clamp(max=frames.shape[-1]) - 1
        return frames.gather(2, last.view(-1, 1, 1).expand(-1, frames.shape[1], 1)).squeeze(2)
