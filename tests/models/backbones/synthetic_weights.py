"""Networks filled with made-up weights, so that two toolkits can be compared without a checkpoint.

The golden values of the tests were computed once by the original classes with these weights; the walk
goes through the *source's* state dict, whose order the key maps of the zoo keep.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from svtoolkit.registry import MODELS


class Network(nn.Module):
    """Backbone, pooling and embedding layer, [B, F, N] -> [B, D], with the keys of a recogniser."""

    def __init__(self, backbone: dict, neck: dict, embedding: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(dict(backbone))
        self.neck = MODELS.build({**neck, 'in_channels': self.backbone.out_channels})
        embedding = {'type': 'EmbeddingLayer', **embedding, 'in_channels': self.neck.out_channels}
        self.embedding = MODELS.build(embedding)

    def forward(self, features: Tensor) -> Tensor:
        return self.embedding(self.neck(self.backbone(features)))

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())


def filled(config: dict, keys: dict[str, str]) -> Network:
    """The network in evaluation mode, each tensor of the key map filled by the formula of its kind."""
    net = Network(**config).eval()
    state = net.state_dict()
    assert set(keys.values()) == set(state), 'the key map must fill all weights'
    tensors = [(key, state[ours]) for key, ours in keys.items() if state[ours].is_floating_point()]
    for k, (key, tensor) in enumerate(tensors):
        tensor.copy_(torch.from_numpy(made_up(key, tensor, k)).view_as(tensor))
    return net


def made_up(key: str, tensor: Tensor, k: int) -> np.ndarray:
    """Values of tensor number k, [numel] float32; the dimensions of size one do not matter."""
    i = np.arange(tensor.numel(), dtype=np.float64)
    if key.endswith('running_var'):
        values = 1 + 0.5 * np.sin(0.37 * i + k)
    elif key.endswith('running_mean'):
        values = 0.1 * np.sin(0.53 * i + k)
    elif tensor.ndim == 1:
        values = 1 + 0.2 * np.sin(0.71 * i + k) if key.endswith('weight') else 0.05 * np.sin(0.29 * i + k)
    else:
        fan_in = tensor.numel() / tensor.shape[0]
        values = math.sqrt(2 / fan_in) * np.sin(0.9 * i + 0.013 * i * np.sin(0.001 * i) + k)
    return values.astype(np.float32)


def sine_features() -> Tensor:
    """sin(0.05 j), j = 0..15999, as 200 frames of 80 bins: [1, 80, 200]."""
    values = np.sin(0.05 * np.arange(16000.0)).astype(np.float32)
    return torch.from_numpy(values).view(1, 200, 80).transpose(1, 2)
