"""Additive margin softmax."""

from torch import Tensor

from svtoolkit.models.heads.margin_head import MarginHead
from svtoolkit.registry import HEADS


@HEADS.register_module()
class AMSoftmaxHead(MarginHead):
    """Additive margin on the cosine, ``cos(theta) - margin`` for the true speaker.

    Wang et al. 2018, eq. 5, https://arxiv.org/abs/1801.05599. The arguments are those of ``MarginHead``.

    Example:
        >>> head = AMSoftmaxHead(embed_dim=192, num_speakers=5994)
        >>> head.predict(torch.randn(2, 192)).shape
        torch.Size([2, 5994])
    """

    def target_cosine(self, cosine: Tensor) -> Tensor:
        return cosine - self.margin
