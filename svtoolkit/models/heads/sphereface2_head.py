"""SphereFace2: one yes-or-no question for each speaker instead of one choice among all."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.models.heads.margin_head import MarginHead
from svtoolkit.registry import HEADS


@HEADS.register_module()
class SphereFace2Head(MarginHead):
    """Binary cross-entropy of every speaker, with an additive margin on both sides.

    Wen et al. 2021, eq. 9 (cosine margin), https://arxiv.org/abs/2108.01513; for speakers Han et al. 2023,
    https://arxiv.org/abs/2210.15903. The cosine is sharpened to ``g(z) = 2 ((z + 1) / 2)**sharpness - 1``;
    logits are ``scale * (g - margin) + bias`` for the true speaker, ``scale * (g + margin) + bias`` for the
    others. The bias starts where both sides pull equally hard at a cosine of 0.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        scale: factor of the sharpened cosines.
        margin: margin on the sharpened cosines.
        balance: weight of the true speaker's term, 0 to 1; the others have ``1 - balance``.
        sharpness: exponent t of g; 1 leaves the cosine as it is.
        sub_centres: see ``MarginHead``.
    """

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        scale: float = 32.0,
        margin: float = 0.2,
        balance: float = 0.7,
        sharpness: float = 3.0,
        sub_centres: int = 1,
    ) -> None:
        super().__init__(embed_dim, num_speakers, scale, margin, sub_centres=sub_centres)
        if not 0 < balance < 1:
            raise ValueError(f'balance={balance}: it is a share, 0 < balance < 1.')
        self.balance = balance
        self.sharpness = sharpness
        self.bias = nn.Parameter(torch.tensor(self._balanced_bias()))

    def target_cosine(self, cosine: Tensor) -> Tensor:
        return self.sharpen(cosine) - self.margin

    def sharpen(self, cosine: Tensor) -> Tensor:
        """The g of the paper: of cosines, any shape, to -1 .. 1."""
        return 2 * ((cosine.clamp(min=-1) + 1) / 2) ** self.sharpness - 1

    def apply_margins(self, cosine: Tensor, labels: Tensor) -> Tensor:
        index = labels.unsqueeze(1)
        others = self.sharpen(cosine) + self.margin
        return others.scatter(1, index, self.target_cosine(cosine.gather(1, index)))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        index = labels.unsqueeze(1)
        logits = logits + self.bias
        own = F.softplus(-logits.gather(1, index)).squeeze(1)
        others = F.softplus(logits).scatter(1, index, 0).sum(dim=1)
        return (self.balance * own + (1 - self.balance) * others).mean() / self.scale

    def _balanced_bias(self) -> float:
        # solves balance * sigmoid(-(own + b)) = (1 - balance) * (S - 1) * sigmoid(others + b) for b
        ratio = self.balance / (1 - self.balance) / (self.num_speakers - 1)
        at_zero = 2 * 0.5**self.sharpness - 1
        own, others = self.scale * (at_zero - self.margin), self.scale * (at_zero + self.margin)
        root = math.sqrt((1 - ratio) ** 2 + 4 * ratio * math.exp(own - others))
        return math.log(2 * ratio) - others - math.log(1 - ratio + root)
