"""A head without classes: a metric-learning loss over the speakers of the batch."""

from torch import Tensor, nn

from svtoolkit.errors import SvtoolkitError
from svtoolkit.registry import HEADS, LOSSES


@HEADS.register_module()
class MetricHead(nn.Module):
    """Lets a loss over P speakers x K utterances stand where a classifier stands.

    Args:
        embed_dim: size D of an embedding.
        num_speakers: not used; taken so that heads can be exchanged in a config.
        loss: config of the loss, such as ``dict(type='AngularPrototypicalLoss')``.
        utts_per_speaker: K, as in the sampler.
    """

    def __init__(
        self, embed_dim: int, num_speakers: int | None = None, *, loss: dict, utts_per_speaker: int = 2
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.num_speakers = num_speakers
        self.episode_loss = LOSSES.build({**loss, 'utts_per_speaker': utts_per_speaker})

    def loss(self, embedding: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Loss and accuracy of a P x K batch; arguments and errors: see ``EpisodeLoss``."""
        return self.episode_loss(embedding, labels)

    def predict(self, embedding: Tensor) -> Tensor:
        """There is nothing to predict.

        Raises:
            SvtoolkitError: always.
        """
        raise SvtoolkitError('MetricHead knows no speakers, so it cannot classify; compare embeddings.')
