"""What the metric-learning losses share: a batch of P speakers with K utterances each.

Utterances of a speaker stand next to each other (speaker 0's K rows, then speaker 1's, ...), as the
balanced sampler gives them; no speaker comes twice. Each loss sees the batch of its own rank; with
``gather=True`` that of all ranks, and the number of GPUs then changes nothing but the speed.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from svtoolkit.models.losses.gathering import gather, gather_labels
from svtoolkit.models.losses.labels import check_labels


class EpisodeLoss(nn.Module, ABC):
    """A loss over P speakers with K utterances each, computed in float32 also under autocast.

    Args:
        utts_per_speaker: K, at least 2.
        gather: compute the loss over the batches of all ranks; otherwise over the rank's own.

    Raises:
        ValueError: ``utts_per_speaker`` below 2.
    """

    def __init__(self, utts_per_speaker: int = 2, gather: bool = False) -> None:
        super().__init__()
        if utts_per_speaker < 2:
            raise ValueError(f'utts_per_speaker={utts_per_speaker}: a metric loss compares 2 or more.')
        self.utts_per_speaker = utts_per_speaker
        self.gather = gather

    def forward(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Loss of one batch.

        Args:
            embedding: [P * K, D], the K utterances of a speaker next to each other.
            labels: [P * K] int64; looked at only to check the order (not on a GPU).

        Returns:
            ``loss``, a scalar, and ``accuracy``, a detached scalar of 0 to 1.

        Raises:
            ValueError: the batch is no P x K batch, or has fewer than 2 speakers.
        """
        check_labels(labels, embedding)
        if self.gather:
            embedding, labels = gather(embedding), gather_labels(labels)
        self._check_order(labels)
        with torch.autocast(embedding.device.type, enabled=False):
            exact = torch.promote_types(embedding.dtype, torch.float32)
            return self.episode(embedding.to(exact).unflatten(0, (-1, self.utts_per_speaker)))

    @abstractmethod
    def episode(self, utts: Tensor) -> dict[str, Tensor]:
        """Loss and accuracy of utterances [P, K, D]."""

    def _check_order(self, labels: Tensor) -> None:
        per_speaker = self.utts_per_speaker
        if len(labels) % per_speaker or len(labels) < 2 * per_speaker:
            raise ValueError(
                f'a batch of {len(labels)} is not 2 or more speakers x {per_speaker} utterances: '
                'use a balanced sampler with that many utterances for each speaker.'
            )
        if labels.device.type != 'cpu':  # a look at GPU labels would stall the queue
            return
        groups = labels.view(-1, per_speaker)
        if (groups != groups[:, :1]).any():
            raise ValueError(
                f'the {per_speaker} utterances of a speaker must stand next to each other, '
                f'but the labels begin {labels[: 4 * per_speaker].tolist()}: use a balanced sampler.'
            )
        if len(groups[:, 0].unique()) < len(groups):
            raise ValueError('a speaker comes twice in one batch and would be its own impostor.')


def share_right(logits: Tensor) -> Tensor:
    """Share of rows [P, P] whose largest value stands on the diagonal; detached, 0 to 1."""
    return (logits.detach().argmax(dim=1) == torch.arange(len(logits), device=logits.device)).float().mean()
