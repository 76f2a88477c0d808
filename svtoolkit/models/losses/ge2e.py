"""Generalised end-to-end loss: every utterance against the mean of every speaker."""

import torch
import torch.nn.functional as F
from torch import Tensor

from svtoolkit.models.losses.episode_loss import EpisodeLoss
from svtoolkit.models.losses.scaled_cosine import ScaledCosine
from svtoolkit.registry import LOSSES


@LOSSES.register_module()
class GE2ELoss(EpisodeLoss):
    """Cross-entropy over ``w * cos + b`` of all utterances; the own mean leaves the utterance out.

    Wan et al. 2018, eq. 6 and 9, https://arxiv.org/abs/1710.10467.

    Args:
        utts_per_speaker: see ``EpisodeLoss``; 3 or more make the better means.
        gather: see ``EpisodeLoss``.
        w: first slope, learned; never below 1e-6.
        b: first offset, learned.
        clamp: raise cosines below 1e-6 to it, as some trainers do; stops the gradient of every negative
            cosine and is not in the paper.
    """

    def __init__(
        self,
        utts_per_speaker: int = 2,
        gather: bool = False,
        w: float = 10.0,
        b: float = -5.0,
        clamp: bool = False,
    ) -> None:
        super().__init__(utts_per_speaker, gather)
        self.line = ScaledCosine(w, b)
        self.clamp = clamp

    def episode(self, utts: Tensor) -> dict[str, Tensor]:
        speakers, per_speaker, _ = utts.shape
        total = utts.sum(dim=1, keepdim=True)  # [P, 1, D]; cosines do not ask for the divisor of a mean
        direction = F.normalize(utts, dim=-1, eps=1e-8)
        own = (direction * F.normalize(total - utts, dim=-1, eps=1e-8)).sum(dim=-1)  # [P, K]
        cosine = direction @ F.normalize(total.squeeze(1), dim=-1, eps=1e-8).T  # [P, K, P]
        same = torch.eye(speakers, dtype=torch.bool, device=utts.device).unsqueeze(1)
        cosine = torch.where(same, own.unsqueeze(-1), cosine)
        if self.clamp:
            cosine = cosine.clamp(min=1e-6)
        logits = self.line(cosine).flatten(0, 1)
        labels = torch.arange(speakers, device=utts.device).repeat_interleave(per_speaker)
        accuracy = (logits.detach().argmax(dim=1) == labels).float().mean()
        return {'loss': F.cross_entropy(logits, labels), 'accuracy': accuracy}
