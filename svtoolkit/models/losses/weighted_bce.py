"""Binary cross-entropy with a weight for each class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.registry import LOSSES


@LOSSES.register_module()
class WeightedBCELoss(nn.Module):
    """``-(w y log p + (1 - w) (1 - y) log(1 - p))`` with p = sigmoid(logit), mean over all elements.

    For scorers that see few target pairs and many others (one of 200: weight 0.95). It shifts the log-odds:
    a log-likelihood ratio is ``logit - log(w P / ((1 - w) N))`` for P target pairs among P + N. Works on
    logits, so the gradient never vanishes, and in float32 also under autocast.

    Args:
        pos_weight: w, the weight of the target pairs, 0 to 1; the others have ``1 - w``. 0.5 is half the
            plain cross-entropy.

    Raises:
        ValueError: ``pos_weight`` is no share.
    """

    def __init__(self, pos_weight: float = 0.95) -> None:
        super().__init__()
        if not 0 < pos_weight < 1:
            raise ValueError(f'pos_weight={pos_weight}: it is a share, 0 < pos_weight < 1.')
        self.pos_weight = pos_weight

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss, a scalar.

        Args:
            logits: any shape.
            labels: the same shape; bool, or numbers 0 and 1.

        Raises:
            ValueError: the shapes differ.
        """
        if logits.shape != labels.shape:
            raise ValueError(f'logits {list(logits.shape)} and labels {list(labels.shape)} differ in shape.')
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            labels = labels.to(logits.dtype)
            weight = torch.where(labels > 0.5, self.pos_weight, 1 - self.pos_weight)
            return F.binary_cross_entropy_with_logits(logits, labels, weight)
