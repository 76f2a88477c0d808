"""Additive angular margin softmax (ArcFace)."""

import math

import torch
from torch import Tensor

from svtoolkit.models.heads.margin_head import MarginHead
from svtoolkit.registry import HEADS


@HEADS.register_module()
class AAMSoftmaxHead(MarginHead):
    """Additive margin on the angle, ``cos(theta + margin)`` for the true speaker; radians.

    Deng et al. 2019, eq. 3, https://arxiv.org/abs/1801.07698. Where theta + margin would pass pi the
    cosine rises again; there ``cos(theta) - margin * sin(margin)`` stands instead (with ``easy_margin``:
    no margin at all wherever the cosine is negative). Values and gradients are finite at cosines of ±1.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        scale: factor of the cosines.
        margin: added angle of the true speaker, radians.
        easy_margin: a margin only where the cosine is positive.
        label_smoothing: see ``MarginHead``.
        sub_centres: see ``MarginHead``.
        inter_top_k: see ``MarginHead``.
        inter_penalty: angle taken from the nearest wrong speakers, radians.
        shard: see ``MarginHead``.
    """

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        scale: float = 30.0,
        margin: float = 0.2,
        easy_margin: bool = False,
        label_smoothing: float = 0.0,
        sub_centres: int = 1,
        inter_top_k: int = 0,
        inter_penalty: float = 0.06,
        shard: bool = False,
    ) -> None:
        super().__init__(
            embed_dim, num_speakers, scale, margin, label_smoothing,
            sub_centres, inter_top_k, inter_penalty, shard,
        )  # fmt: skip
        self.easy_margin = easy_margin

    def target_cosine(self, cosine: Tensor) -> Tensor:
        rotated = math.cos(self.margin) * cosine - math.sin(self.margin) * _sine(cosine)
        if self.easy_margin:
            return torch.where(cosine > 0, rotated, cosine)
        shifted = cosine - self.margin * math.sin(self.margin)  # sin(pi - m) = sin(m)
        return torch.where(cosine > math.cos(math.pi - self.margin), rotated, shifted)

    def rival_cosine(self, cosine: Tensor) -> Tensor:
        rotated = math.cos(self.inter_penalty) * cosine + math.sin(self.inter_penalty) * _sine(cosine)
        return torch.where(cosine < math.cos(self.inter_penalty), rotated, cosine)


def _sine(cosine: Tensor) -> Tensor:
    return (1 - cosine.square()).clamp(min=1e-7).sqrt()  # the root has no slope at 0, so it stops before
