"""A weighted sum of several heads on the same embeddings."""

from collections.abc import Sequence

from torch import Tensor, nn

from svtoolkit.errors import ConfigError
from svtoolkit.registry import HEADS


@HEADS.register_module()
class CombinedHead(nn.Module):
    """``sum of weight_i * loss_i``; accuracy and prediction are those of the first head.

    The combinations of the Clova-style trainers on P speakers x 2 utterances: softmax + angular prototypical
    ("softmaxproto") has weights 1 and 1; AAM + angular prototypical + softmax ("AAmSoftmaxAP") 1/3 each.

    ``margin`` reads and sets the margin of all cosine heads in it, so a schedule works as for one head.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: number S of classes.
        heads: configs of the heads, a classifier first.
        weights: one number for each head; 1 for all when None.

    Raises:
        ConfigError: no head, or not one weight for each head.

    Example:
        >>> head = CombinedHead(192, 5994, heads=[
        ...     dict(type='SoftmaxHead'),
        ...     dict(type='MetricHead', loss=dict(type='AngularPrototypicalLoss'))])
        >>> head.predict(torch.randn(2, 192)).shape
        torch.Size([2, 5994])
    """

    def __init__(
        self,
        embed_dim: int,
        num_speakers: int,
        heads: Sequence[dict],
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.weights = [1.0] * len(heads) if weights is None else list(weights)
        if not heads or len(self.weights) != len(heads):
            raise ConfigError(
                f'CombinedHead: {len(heads)} heads and {len(self.weights)} weights do not match.'
            )
        self.embed_dim = embed_dim
        self.num_speakers = num_speakers
        widths = dict(embed_dim=embed_dim, num_speakers=num_speakers)
        self.heads = nn.ModuleList(HEADS.build({**head, **widths}) for head in heads)

    @property
    def margin(self) -> float:
        """Margin of the cosine heads.

        Raises:
            AttributeError: none of the heads has a margin.
        """
        return self._margin_heads()[0].margin

    @margin.setter
    def margin(self, value: float) -> None:
        for head in self._margin_heads():
            head.margin = value

    def loss(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Weighted sum of the losses; ``part_<i>`` are the detached single ones, for the log.

        Args:
            embedding: [B, D], any floating dtype.
            labels: [B] int64.
        """
        results = [head.loss(embedding, labels) for head in self._heads()]
        total = sum(weight * result['loss'] for weight, result in zip(self.weights, results))
        parts = {f'part_{i}': result['loss'].detach() for i, result in enumerate(results)}
        return {'loss': total, 'accuracy': results[0]['accuracy'], **parts}

    def predict(self, embedding: Tensor) -> Tensor:
        """Logits of the first head, [B, D] -> [B, S]."""
        return self._heads()[0].predict(embedding)

    def _heads(self) -> list:
        return list(self.heads)

    def _margin_heads(self) -> list:
        found = [head for head in self._heads() if hasattr(head, 'margin')]
        if not found:
            raise AttributeError('none of the heads in CombinedHead has a margin')
        return found
