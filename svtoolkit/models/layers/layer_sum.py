"""A network of ``transformers`` as the weighted sum of its layers, with adapters, for its backbones.

The sum over all layers is that of SUPERB (Yang et al. 2021, https://arxiv.org/abs/2105.01051): layers near the input
know more of the speaker.
"""

import contextlib
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from svtoolkit.audio._torchaudio import TorchaudioMissingError, load_torchaudio
from svtoolkit.errors import ConfigError, MissingExtraError


def import_transformers() -> ModuleType:
    """Import transformers behind the guarded torchaudio, which it imports where one is installed.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    with contextlib.suppress(TorchaudioMissingError):  # it does without
        load_torchaudio()
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), 'ssl') from error
    return transformers


class Adapter(nn.Module):
    """Two layers with a narrow middle, plus the input; changes nothing before training.

    Houlsby et al. 2019, https://arxiv.org/abs/1902.00751; for speakers Peng et al. 2023,
    https://arxiv.org/abs/2210.16032.

    Args:
        width: of the frames.
        hidden: of the middle.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.down = nn.Linear(width, hidden)
        self.up = nn.Linear(hidden, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, frames: Tensor) -> Tensor:
        return frames + self.up(F.gelu(self.down(self.norm(frames))))


class LayerSum(nn.Module, ABC):
    """Weighted sum of a network's layers, [B, F, N] -> [B, hidden, N'].

    The sum is over the input of the first layer and the output of each; networks that norm the last output
    once more (the large ones) are taken before that. Layer drop and the network's own masks are switched
    off: their random numbers are not those of the run.

    Args:
        pretrained: name on the Hugging Face hub or folder of a model with safetensors or plain weights.
        config: instead of it, the settings of a new network with random weights; ``model_type`` names its kind.
        freeze: train neither its layers nor its norms; weights of the sum and adapters still learn.
        adapter_dim: width of an adapter behind each layer; None for no adapters.

    Raises:
        MissingExtraError: transformers is not installed.
        ConfigError: not exactly one of ``pretrained`` and ``config``.
    """

    def __init__(
        self, pretrained: str | None, config: dict | None, freeze: bool, adapter_dim: int | None
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (pretrained is None) == (config is None):
            raise ConfigError(
                f"{name}: give either pretrained='name or folder' or config=dict(model_type=...)."
            )
        net: Any = _load(pretrained) if pretrained is not None else _build(dict(config or {}), name)
        net.config.layerdrop = 0.0
        net.config.apply_spec_augment = False
        if getattr(net, 'masked_spec_embed', None) is not None:
            net.masked_spec_embed.requires_grad_(False)  # only the masks would use it
        if freeze:
            net.requires_grad_(False)
        self.net = net
        self.freeze = freeze
        width, num_layers = net.config.hidden_size, len(net.encoder.layers)
        self.out_channels = width
        self.mix = nn.Parameter(torch.zeros(num_layers + 1))
        self.adapters = None
        if adapter_dim is not None:
            self.adapters = nn.ModuleList(Adapter(width, adapter_dim) for _ in range(num_layers))

    @abstractmethod
    def network_input(self, x: Tensor) -> Tensor:
        """What the network reads, from the features [B, F, N]."""

    def train(self, mode: bool = True) -> 'LayerSum':
        """As usual, but a frozen network stays in evaluation mode."""
        super().train(mode)
        if self.freeze:
            self.net.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        quiet = torch.no_grad() if self.freeze and self.adapters is None else contextlib.nullcontext()
        with quiet:
            states = self.layer_states(self.network_input(x))
        weight = self.mix.softmax(dim=0).to(states[0].dtype)
        total = weight[0] * states[0]
        for i in range(1, len(states)):
            total = total + weight[i] * states[i]
        return total.transpose(1, 2)

    def layer_states(self, given: Tensor) -> list[Tensor]:
        """Input of the first layer and output of each, of what the network reads -> list of [B, N', hidden]."""
        states: list[Tensor] = []

        def keep_input(_layer: nn.Module, inputs: tuple) -> None:
            states.append(inputs[0])

        def keep_output(_layer: nn.Module, _inputs: tuple, output):
            frames = output[0] if isinstance(output, tuple) else output
            if self.adapters is not None:
                frames = self.adapters[len(states) - 1](frames)
            states.append(frames)
            return (frames, *output[1:]) if isinstance(output, tuple) else frames

        net: Any = self.net
        layers = net.encoder.layers
        hooks = [layers[0].register_forward_pre_hook(keep_input)]
        hooks += [layer.register_forward_hook(keep_output) for layer in layers]
        try:
            net(given)
        finally:
            for hook in hooks:
                hook.remove()
        return states


def _load(name: str) -> nn.Module:
    return import_transformers().AutoModel.from_pretrained(name, weights_only=True)


def _build(settings: dict, name: str) -> nn.Module:
    transformers = import_transformers()
    if 'model_type' not in settings:
        raise ConfigError(f"{name}: config has no model_type, such as 'wavlm' or 'hubert'.")
    return transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**settings))
