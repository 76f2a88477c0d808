"""Features cut into overlapping windows, for networks that were trained on crops of one length (d-vectors)."""

import torch.nn.functional as F
from torch import Tensor


class SlidingWindows:
    """Cuts features into windows of one length, [B, F, N] -> [B, W, F, frames].

    As Resemblyzer's ``compute_partial_slices``: windows begin every ``step`` frames until one reaches the end. The
    last is filled up with zeros, which is silence in mel power, or left out when too little of it is covered. An
    input shorter than a window makes one.

    Args:
        frames: length of a window.
        step: frames from the beginning of one window to that of the next.
        min_coverage: least covered share of the last window.

    Raises:
        ValueError: windows that are empty or leave gaps, or a share outside (0, 1].
    """

    def __init__(self, frames: int, step: int, min_coverage: float = 0.75) -> None:
        if not 1 <= step <= frames or not 0 < min_coverage <= 1:
            raise ValueError(
                f'frames={frames}, step={step}, min_coverage={min_coverage}: 1 <= step <= frames and '
                '0 < min_coverage <= 1 are needed.'
            )
        self.frames, self.step, self.min_coverage = frames, step, min_coverage

    def __call__(self, features: Tensor) -> Tensor:
        num_frames = features.shape[-1]
        starts = range(0, max(1, num_frames - self.frames + self.step + 1), self.step)
        count = len(starts)
        # N frames are those of N - 1 steps of the signal, where frames are centred
        if count > 1 and num_frames - 1 - starts[-1] < self.min_coverage * self.frames:
            count -= 1
        end = starts[count - 1] + self.frames
        padded = F.pad(features, (0, max(0, end - num_frames)))[..., :end]
        return padded.unfold(-1, self.frames, self.step).transpose(1, 2)
