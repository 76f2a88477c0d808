"""What all cosine classification heads share: class weights, cosines, scale, loss and prediction.

A head turns embeddings [B, D] into scaled cosines against one weight row per speaker, and lowers the
cosine of the true speaker by a margin. Everything after the embedding is computed in float32 (float64
stays float64), autocast or not: scaled cosines differ in digits that bfloat16 does not have.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.models.heads import class_shard
from svtoolkit.models.losses.gathering import gather, gather_labels
from svtoolkit.models.losses.labels import check_labels


class MarginHead(nn.Module, ABC):
    """Cosine softmax with a margin on the true speaker; a subclass says which margin.

    ``margin`` and ``scale`` are plain attributes, read at every step, so that a schedule sets them.

    Sub-centres (Deng et al. 2020, https://arxiv.org/abs/2010.05350 for speakers): K weight rows for each
    speaker, whose nearest counts. Inter-top-k penalty (Zhao et al. 2021, https://arxiv.org/abs/2110.05042):
    the ``inter_top_k`` nearest wrong speakers get a margin against the true one as well.

    With ``shard=True`` each rank of torch.distributed keeps only its part of the weight rows and sees
    the embeddings of all ranks; see ``class_shard``.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        scale: factor of the cosines (the softmax' inverse temperature).
        margin: the margin, in the unit of the subclass.
        label_smoothing: probability mass spread evenly over all speakers.
        sub_centres: weight rows K of each speaker.
        inter_top_k: how many of the nearest wrong speakers are penalised; 0 switches it off.
        inter_penalty: margin of these speakers, in the unit of the subclass.
        shard: split the weight rows over the ranks.

    Raises:
        ValueError: fewer than 2 speakers, or an argument out of its range.
    """

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        scale: float = 30.0,
        margin: float = 0.2,
        label_smoothing: float = 0.0,
        sub_centres: int = 1,
        inter_top_k: int = 0,
        inter_penalty: float = 0.06,
        shard: bool = False,
    ) -> None:
        super().__init__()
        if num_speakers is None or num_speakers < 2:
            raise ValueError(f'num_speakers={num_speakers}: a classification head needs 2 or more.')
        if sub_centres < 1 or not 0 <= inter_top_k < num_speakers:
            raise ValueError(
                f'sub_centres={sub_centres}, inter_top_k={inter_top_k}: use sub_centres >= 1 and '
                f'0 <= inter_top_k < {num_speakers}.'
            )
        self.embed_dim = embed_dim
        self.num_speakers = num_speakers
        self.scale = scale
        self.margin = margin
        self.label_smoothing = label_smoothing
        self.sub_centres = sub_centres
        self.inter_top_k = inter_top_k
        self.inter_penalty = inter_penalty
        self.shard = shard
        self.first, self.last = class_shard.bounds(num_speakers) if shard else (0, num_speakers)
        weight = nn.init.xavier_uniform_(torch.empty(num_speakers * sub_centres, embed_dim))
        if shard:  # cut from the whole matrix: the same start as without sharding
            weight = weight[self._rows].clone()
        self.weight = nn.Parameter(weight)

    @abstractmethod
    def target_cosine(self, cosine: Tensor) -> Tensor:
        """Cosines to the true speaker, any shape, made smaller by ``self.margin``."""

    def rival_cosine(self, cosine: Tensor) -> Tensor:
        """Cosines to the nearest wrong speakers, any shape, made larger by ``self.inter_penalty``."""
        return cosine + self.inter_penalty

    def cosine(self, embedding: Tensor) -> Tensor:
        """Cosines to this rank's speakers, [B, D] -> [B, S]; the nearest sub-centre counts."""
        with torch.autocast(embedding.device.type, enabled=False):
            exact = torch.promote_types(embedding.dtype, torch.float32)
            cosine = (
                F.normalize(embedding.to(exact), eps=1e-8) @ F.normalize(self.weight.to(exact), eps=1e-8).T
            )
            if self.sub_centres > 1:
                cosine = cosine.unflatten(1, (-1, self.sub_centres)).amax(dim=-1)
            return cosine

    def loss(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Mean cross-entropy, and the share of right answers on the cosines without a margin.

        Args:
            embedding: [B, D], any floating dtype.
            labels: [B] int64.

        Returns:
            ``loss``, a scalar, and ``accuracy``, a detached scalar of 0 to 1.

        Raises:
            ValueError: the labels have another dtype, shape or device, or are out of range.
        """
        check_labels(labels, embedding, self.num_speakers)
        if self.shard:
            embedding, labels = gather(embedding, shared=True), gather_labels(labels)
        with torch.autocast(embedding.device.type, enabled=False):
            cosine = self.cosine(embedding)
            logits = self.scale * self.apply_margins(cosine, labels)
            return {
                'loss': self.criterion(logits, labels),
                'accuracy': self.accuracy(cosine.detach(), labels),
            }

    def predict(self, embedding: Tensor) -> Tensor:
        """Scaled cosines without a margin, [B, D] -> [B, S] (this rank's speakers when sharded)."""
        return self.scale * self.cosine(embedding)

    def apply_margins(self, cosine: Tensor, labels: Tensor) -> Tensor:
        """Cosines [B, S] with the margin on the true speaker and the penalty on the nearest wrong ones."""
        local, owned = self.local_labels(labels)
        index = local.unsqueeze(1)
        if self.inter_top_k:
            cosine = self._penalise_rivals(cosine, index, owned)
        target = cosine.gather(1, index)
        moved = self.target_cosine(target)
        if self.shard:
            moved = torch.where(owned.unsqueeze(1), moved, target)
        return cosine.scatter(1, index, moved)

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of the logits [B, S]."""
        if not self.shard:
            return F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        local, owned = self.local_labels(labels)
        return class_shard.cross_entropy(logits, local, owned, self.num_speakers, self.label_smoothing)

    @torch.no_grad()
    def accuracy(self, cosine: Tensor, labels: Tensor) -> Tensor:
        """Share of rows whose largest cosine is that of the true speaker; a scalar of 0 to 1."""
        best, index = cosine.max(dim=1)
        if self.shard:
            index = class_shard.winner(best, index + self.first)
        return (index == labels).float().mean()

    def local_labels(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Columns of the labels on this rank, [B] (0 where it is another rank's), and whose they are, [B]."""
        owned = (labels >= self.first) & (labels < self.last)
        return torch.where(owned, labels - self.first, 0), owned

    def _penalise_rivals(self, cosine: Tensor, index: Tensor, owned: Tensor) -> Tensor:
        rivals = cosine.detach().clone()
        rivals.scatter_(1, index, torch.where(owned.unsqueeze(1), -torch.inf, rivals.gather(1, index)))
        top = rivals.topk(min(self.inter_top_k, rivals.shape[1]), dim=1).values
        if self.shard:
            top = class_shard.gather_columns(top).topk(self.inter_top_k, dim=1).values
        return torch.where(rivals >= top[:, -1:], self.rival_cosine(cosine), cosine)

    @property
    def _rows(self) -> slice:
        return slice(self.first * self.sub_centres, self.last * self.sub_centres)

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        key = f'{prefix}weight'
        if self.shard and key in state_dict and len(state_dict[key]) == self.num_speakers * self.sub_centres:
            state_dict[key] = state_dict[key][self._rows]  # a whole matrix: take this rank's rows
        super()._load_from_state_dict(state_dict, prefix, *args)
