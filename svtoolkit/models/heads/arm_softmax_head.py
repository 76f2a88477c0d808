"""Additive margin softmax that stops pushing speakers who are far enough away."""

import torch
from torch import Tensor

from svtoolkit.models.heads.margin_head import MarginHead
from svtoolkit.registry import HEADS


@HEADS.register_module()
class ARMSoftmaxHead(MarginHead):
    """AM-softmax whose logits of other speakers are 0 where they lie below the true speaker's.

    After Li et al. 2021, "Real additive margin softmax", https://arxiv.org/abs/2110.09116; the form of the
    Clova-style trainers. The paper's own equation counts all logits from the true speaker's one, so that
    a speaker outside the margin adds a constant and no gradient: ``relative=True``.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        scale: factor of the cosines.
        margin: margin on the cosine.
        relative: count logits from the true speaker's, as in the paper.
        label_smoothing: see ``MarginHead``.
        sub_centres: see ``MarginHead``.
    """

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        scale: float = 30.0,
        margin: float = 0.2,
        relative: bool = False,
        label_smoothing: float = 0.0,
        sub_centres: int = 1,
    ) -> None:
        super().__init__(embed_dim, num_speakers, scale, margin, label_smoothing, sub_centres)
        self.relative = relative

    def target_cosine(self, cosine: Tensor) -> Tensor:
        return cosine - self.margin

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        target = logits.gather(1, labels.unsqueeze(1))
        if self.relative:
            return super().criterion((logits - target).clamp(min=0), labels)
        return super().criterion(torch.where(logits < target, 0, logits), labels)
