"""The usual recogniser: front end, backbone, pooling, embedding layer and classifier head."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor

from svtoolkit.errors import ConfigError
from svtoolkit.models.layers.sliding_windows import SlidingWindows
from svtoolkit.registry import MODELS


@MODELS.register_module()
class EmbeddingRecognizer(BaseModel):
    """A waveform to one speaker embedding; trained as a classifier of the training speakers.

    Widths between the parts need not be written: the backbone's ``in_channels`` comes from the
    feature's bins, the neck's from the backbone, the embedding layer's from the neck, and the head's
    ``embed_dim`` from the embedding layer.

    Args:
        data_preprocessor: config of a ``SpeakerPreprocessor``.
        backbone: config of a backbone, [B, F, N] -> [B, C, N'].
        neck: config of a pooling, [B, C, N'] -> [B, D].
        embedding: config of the layer behind the pooling; None takes the pooled vector itself.
        head: config of a head; None for a model that only embeds.
        channels_last: keep the backbone's weights in NHWC order, faster for 2-D networks on CPU and
            tensor cores.
        windows: arguments of ``SlidingWindows``: each window is embedded on its own, and the embedding is the
            direction of their mean; None embeds the input as a whole.
        init_cfg: as in mmengine.
    """

    def __init__(
        self,
        data_preprocessor: dict,
        backbone: dict,
        neck: dict,
        embedding: dict | None = None,
        head: dict | None = None,
        channels_last: bool = False,
        windows: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor=MODELS.build(data_preprocessor), init_cfg=init_cfg)
        self.windows = None if windows is None else SlidingWindows(**windows)
        self.backbone = _build('backbone', backbone, in_channels=self.data_preprocessor.num_bins)
        self.neck = _build('neck', neck, in_channels=self.backbone.out_channels)
        width = self.neck.out_channels
        self.embedding = None
        if embedding is not None:
            self.embedding = _build('embedding', {'type': 'EmbeddingLayer', **embedding}, in_channels=width)
            width = self.embedding.embed_dim
        self.embed_dim = width
        self.head: Any = None
        if head is not None:
            if head.get('num_speakers', 0) is None:
                raise ConfigError(
                    'model.head.num_speakers is None: the training manifest fills it; without '
                    'one write the number, or head=None for a model that only embeds.'
                )
            self.head = _build('head', head, embed_dim=width)
        if channels_last:
            self.backbone.to(memory_format=torch.channels_last)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz of the waveforms the model takes."""
        return self.data_preprocessor.sample_rate

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor'):
        """Embed features, or compute the loss or predictions of a batch.

        Args:
            inputs: [B, F, N] features, as the preprocessor gives them.
            data_samples: one ``SpeakerSample`` per item; needed by ``loss`` and ``predict``.
            mode: ``tensor`` -> [B, D]; ``loss`` -> dict of losses; ``predict`` -> one dict per item with
                ``utt`` and ``embedding`` ([D] float32 on the CPU).
        """
        embedding = self.embed_features(inputs)
        if mode == 'tensor':
            return embedding
        data_samples = data_samples or []
        if mode == 'loss':
            labels = torch.tensor([sample.label for sample in data_samples], device=embedding.device)
            return self.head.loss(embedding, labels)
        if mode == 'predict':
            vectors = embedding.float().cpu()
            return [
                dict(utt=sample.utt, speaker=sample.speaker, embedding=vector)
                for sample, vector in zip(data_samples, vectors)
            ]
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}.")

    def embed_features(self, features: Tensor) -> Tensor:
        """Embeddings of features, [B, F, N] -> [B, D]."""
        if self.windows is None:
            return self._embed(features)
        parts = self.windows(features)  # [B, W, F, frames]
        vectors = self._embed(parts.flatten(0, 1)).unflatten(0, parts.shape[:2])
        return F.normalize(vectors.mean(dim=1), dim=-1)

    def _embed(self, features: Tensor) -> Tensor:
        pooled = self.neck(self.backbone(features))
        return pooled if self.embedding is None else self.embedding(pooled)

    def embed(self, wave: Tensor) -> Tensor:
        """Embeddings of waveforms of one length, [B, T] in ±1 -> [B, D]; any gradient mode."""
        return self.embed_features(self.data_preprocessor.features(wave))


def _build(role: str, config: dict, **widths):
    given = {key: config.get(key) for key in widths}
    for key, width in widths.items():
        if given[key] is not None and given[key] != width:
            raise ConfigError(
                f'model.{role}.{key} = {given[key]}, but what comes before it gives {width}; '
                'leave it out to take that.'
            )
    return MODELS.build({**config, **widths})
