"""The plain classifier: a linear layer and cross-entropy."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.models.losses.labels import check_labels
from svtoolkit.registry import HEADS


@HEADS.register_module()
class SoftmaxHead(nn.Module):
    """``softmax(W x + b)`` over the training speakers, computed in float32 also under autocast.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        label_smoothing: probability mass spread evenly over all speakers.

    Raises:
        ValueError: fewer than 2 speakers.
    """

    def __init__(self, embed_dim: int, num_speakers: int, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if num_speakers is None or num_speakers < 2:
            raise ValueError(f'num_speakers={num_speakers}: a classification head needs 2 or more.')
        self.embed_dim = embed_dim
        self.num_speakers = num_speakers
        self.label_smoothing = label_smoothing
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_speakers, embed_dim)))
        self.bias = nn.Parameter(torch.zeros(num_speakers))

    def loss(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Mean cross-entropy and the share of right answers.

        Args:
            embedding: [B, D], any floating dtype.
            labels: [B] int64.

        Returns:
            ``loss``, a scalar, and ``accuracy``, a detached scalar of 0 to 1.

        Raises:
            ValueError: the labels have another dtype, shape or device, or are out of range.
        """
        check_labels(labels, embedding, self.num_speakers)
        logits = self.predict(embedding)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        return {'loss': loss, 'accuracy': (logits.detach().argmax(dim=1) == labels).float().mean()}

    def predict(self, embedding: Tensor) -> Tensor:
        """Logits, [B, D] -> [B, S]."""
        with torch.autocast(embedding.device.type, enabled=False):
            exact = torch.promote_types(embedding.dtype, torch.float32)
            return F.linear(embedding.to(exact), self.weight.to(exact), self.bias.to(exact))
