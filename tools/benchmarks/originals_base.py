"""A speaker embedder of another toolkit, from waveform to embedding."""

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass
class Original:
    """One network of another toolkit.

    Attributes:
        name: for people.
        source: what ``svtoolkit convert --from`` is told.
        build: makes their module; it becomes ``network`` when the first of its embeddings is asked for.
        features: waveform [T] in ±1 -> what the network takes, with a batch axis.
        embedding: what the network gives -> [1, D].
        content: state dict -> the checkpoint as their trainer writes it.
        weights: file of the trained weights it has; None for random ones.
        onnx: whether their exporter is tried too.
    """

    name: str
    source: str
    build: Callable[[], nn.Module]
    features: Callable[[Tensor], Tensor]
    embedding: Callable[[object], Tensor] = lambda out: out
    content: Callable[[dict], dict] = dict
    weights: Path | None = None
    onnx: bool = False

    @cached_property
    def network(self) -> nn.Module:
        """Their module; it says nothing while it is built."""
        with redirect_stdout(StringIO()):
            return self.build().eval()

    def embed(self, wave: Tensor) -> Tensor:
        """Embedding of a waveform, [T] -> [D]."""
        with torch.no_grad():
            return self.embedding(self.network(self.features(wave))).flatten()
