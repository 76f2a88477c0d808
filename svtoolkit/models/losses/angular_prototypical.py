"""Angular prototypical loss: an utterance against the mean of each speaker's others, by cosine."""

import torch
import torch.nn.functional as F
from torch import Tensor

from svtoolkit.models.losses.episode_loss import EpisodeLoss, share_right
from svtoolkit.models.losses.scaled_cosine import ScaledCosine
from svtoolkit.registry import LOSSES


@LOSSES.register_module()
class AngularPrototypicalLoss(EpisodeLoss):
    """Cross-entropy over ``w * cos(q, c) + b``; query q: utterance 0, prototype c: mean of the others.

    Chung et al. 2020, eq. 13, https://arxiv.org/abs/2003.11982.

    Args:
        utts_per_speaker: see ``EpisodeLoss``; best with 2.
        gather: see ``EpisodeLoss``.
        w: first slope, learned; never below 1e-6.
        b: first offset, learned.
    """

    def __init__(
        self, utts_per_speaker: int = 2, gather: bool = False, w: float = 10.0, b: float = -5.0
    ) -> None:
        super().__init__(utts_per_speaker, gather)
        self.line = ScaledCosine(w, b)

    def episode(self, utts: Tensor) -> dict[str, Tensor]:
        query = F.normalize(utts[:, 0], dim=-1, eps=1e-8)
        prototype = F.normalize(utts[:, 1:].mean(dim=1), dim=-1, eps=1e-8)
        logits = self.line(query @ prototype.T)  # [P, P]
        labels = torch.arange(len(logits), device=logits.device)
        return {'loss': F.cross_entropy(logits, labels), 'accuracy': share_right(logits)}
