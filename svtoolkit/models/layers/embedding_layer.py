"""The layer between pooling and head: pooled statistics to the speaker embedding."""

from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.errors import unknown_name
from svtoolkit.registry import MODELS

ACTIVATIONS = {'none': nn.Identity, 'relu': nn.ReLU}


class L2Norm(nn.Module):
    """Scale every embedding to length one, [B, D] -> [B, D]."""

    def forward(self, embedding: Tensor) -> Tensor:
        return F.normalize(embedding, dim=-1)


@MODELS.register_module()
class EmbeddingLayer(nn.Module):
    """``pre_norm -> linear -> act -> norm``, [B, in_channels] -> [B, embed_dim].

    What it returns is both the input of the head and the embedding that is extracted.

    Args:
        in_channels: width of the pooled vector.
        embed_dim: width of the embedding.
        act: ``none`` or ``relu``.
        norm: ``bn``, ``l2`` or ``none``, after the activation.
        pre_norm: ``bn`` or ``none``, on the pooled vector.
        norm_momentum: of the batch norms, in PyTorch's sense (share of the new batch).
        norm_affine: whether the batch norm behind the linear layer has weight and bias.
        bias: whether the linear layer has a bias.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dim: int = 192,
        act: str = 'none',
        norm: str = 'bn',
        pre_norm: str = 'none',
        norm_momentum: float = 0.1,
        norm_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if act not in ACTIVATIONS:
            raise unknown_name('activation of EmbeddingLayer', act, ACTIVATIONS)
        self.in_channels = in_channels
        self.embed_dim = self.out_channels = embed_dim
        self.pre_norm = _norm(pre_norm, in_channels, norm_momentum, True)
        self.linear = nn.Linear(in_channels, embed_dim, bias=bias)
        self.act = ACTIVATIONS[act]()
        self.norm = _norm(norm, embed_dim, norm_momentum, norm_affine)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.norm(self.act(self.linear(self.pre_norm(pooled))))

    def linear_output(self, pooled: Tensor) -> Tensor:
        """The vector before activation and norm, [B, embed_dim]; PLDA likes it better."""
        return self.linear(self.pre_norm(pooled))


def _norm(kind: str, width: int, momentum: float, affine: bool) -> nn.Module:
    if kind == 'bn':
        return nn.BatchNorm1d(width, momentum=momentum, affine=affine)
    if kind == 'l2':
        return L2Norm()
    if kind == 'none':
        return nn.Identity()
    raise unknown_name('norm of EmbeddingLayer', kind, ['bn', 'l2', 'none'])
