"""Prototypical loss: an utterance against the mean of each speaker's others, by squared distance."""

import torch
import torch.nn.functional as F
from torch import Tensor

from svtoolkit.models.losses.episode_loss import EpisodeLoss, share_right
from svtoolkit.registry import LOSSES


@LOSSES.register_module()
class PrototypicalLoss(EpisodeLoss):
    """Cross-entropy over ``-|q - c|^2``; query q: utterance 0, prototype c: mean of the others.

    Snell et al. 2017, https://arxiv.org/abs/1703.05175, as used by Chung et al. 2020,
    https://arxiv.org/abs/2003.11982. Embeddings are not normalised. Arguments: see ``EpisodeLoss``.
    """

    def episode(self, utts: Tensor) -> dict[str, Tensor]:
        query, prototype = utts[:, 0], utts[:, 1:].mean(dim=1)  # [P, D] each
        logits = -(query.unsqueeze(1) - prototype).square().sum(dim=-1)  # [P, P]
        labels = torch.arange(len(logits), device=logits.device)
        return {'loss': F.cross_entropy(logits, labels), 'accuracy': share_right(logits)}
