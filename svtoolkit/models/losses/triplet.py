"""Triplet loss with mined negatives."""

import torch
import torch.nn.functional as F
from torch import Tensor

from svtoolkit.models.losses.episode_loss import EpisodeLoss, share_right
from svtoolkit.registry import LOSSES


@LOSSES.register_module()
class TripletLoss(EpisodeLoss):
    """``relu(d_p^2 - d_n^2 + margin)``; anchor: utterance 0, positive: utterance 1 of the same speaker.

    Chung et al. 2020, sec. 2.2, https://arxiv.org/abs/2003.11982. Embeddings are normalised. The negative
    is utterance 1 of another speaker of the batch, drawn with torch's generator of the embeddings' device
    (so a seed fixes it): with probability ``hard_prob`` one of the ``hard_rank + 1`` nearest, otherwise any;
    with a negative ``hard_rank`` a semi-hard one (farther than the positive, but within the margin), and
    any when there is none. ``accuracy``: share of anchors whose positive is nearer than all negatives.

    Args:
        margin: added to the difference of the squared distances.
        hard_prob: share of the hard draws, 0 to 1.
        hard_rank: how far down the list of nearest negatives a hard draw goes; below 0: semi-hard.
        utts_per_speaker: exactly 2.
        gather: see ``EpisodeLoss``.

    Raises:
        ValueError: ``utts_per_speaker`` is not 2.
    """

    def __init__(
        self,
        margin: float = 0.1,
        hard_prob: float = 0.5,
        hard_rank: int = 10,
        utts_per_speaker: int = 2,
        gather: bool = False,
    ) -> None:
        super().__init__(utts_per_speaker, gather)
        if utts_per_speaker != 2:
            raise ValueError(
                f'utts_per_speaker={utts_per_speaker}: a triplet has an anchor and one positive.'
            )
        self.margin = margin
        self.hard_prob = hard_prob
        self.hard_rank = hard_rank

    def episode(self, utts: Tensor) -> dict[str, Tensor]:
        anchor, positive = F.normalize(utts, dim=-1, eps=1e-8).unbind(dim=1)  # [P, D] each
        distance = (anchor.unsqueeze(1) - positive).square().sum(dim=-1)  # [P, P], anchors in rows
        negative = self.pick_negatives(-distance.detach())
        away = distance.gather(1, negative.unsqueeze(1)).squeeze(1)
        loss = F.relu(distance.diagonal() - away + self.margin).mean()
        return {'loss': loss, 'accuracy': share_right(-distance)}

    def pick_negatives(self, similarity: Tensor) -> Tensor:
        """Speaker of the negative of every anchor, [P, P] -> [P] int64."""
        speakers, device = len(similarity), similarity.device
        if self.hard_rank < 0:
            others = ~torch.eye(speakers, dtype=torch.bool, device=device)
            semi = self.semi_hard(similarity)
            weight = torch.where(semi.any(dim=1, keepdim=True), semi, others)
            return torch.multinomial(weight.float(), 1).squeeze(1)
        # the anchor itself goes to the end of each list, out of reach
        nearest = similarity.clone().fill_diagonal_(-torch.inf).argsort(dim=1, descending=True)
        hard = torch.rand(speakers, device=device) < self.hard_prob
        reach = torch.where(hard, min(self.hard_rank + 1, speakers - 1), speakers - 1)
        rank = (torch.rand(speakers, device=device) * reach).long()
        return nearest.gather(1, torch.minimum(rank, reach - 1).unsqueeze(1)).squeeze(1)

    def semi_hard(self, similarity: Tensor) -> Tensor:
        """Which negatives lie beyond the positive but within the margin, [P, P] -> [P, P] bool."""
        own = similarity.diagonal().unsqueeze(1)
        return (similarity < own) & (similarity > own - self.margin)
