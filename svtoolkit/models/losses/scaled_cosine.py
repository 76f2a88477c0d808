"""A learnable line ``w * cosine + b`` whose slope never turns negative."""

import torch
from torch import Tensor, nn


class ScaledCosine(nn.Module):
    """``w * cosine + b``, element by element; w counts as 1e-6 where training drives it below.

    The gradient of w passes the floor, so that it can return. Weight decay pulls both values towards 0:
    give them none (``paramwise_cfg`` with ``custom_keys={'line': dict(decay_mult=0)}``).

    Args:
        w: first slope.
        b: first offset.
    """

    FLOOR = 1e-6

    def __init__(self, w: float = 10.0, b: float = -5.0) -> None:
        super().__init__()
        self.raw_w = nn.Parameter(torch.tensor(w))
        self.b = nn.Parameter(torch.tensor(b))

    @property
    def w(self) -> Tensor:
        """The slope in use, at least 1e-6."""
        return self.raw_w + (self.raw_w.clamp(min=self.FLOOR) - self.raw_w).detach()

    def forward(self, cosine: Tensor) -> Tensor:
        return self.w * cosine + self.b
