"""How large a recogniser is: parameters, multiplications for a duration, shape of what comes out.

Counted on torch's meta device, so nothing is computed or stored. Without the head, and without the front
end, which has no weights.
"""

from dataclasses import dataclass

import torch
from mmengine.config import Config
from torch.utils.flop_counter import FlopCounterMode

from svtoolkit.registry import MODELS


@dataclass(frozen=True)
class ModelInfo:
    """Size of a model.

    Attributes:
        parameters: trainable ones, head left out.
        macs: multiply-accumulates of one utterance (half of what FlopCounterMode counts); of a neural scoring
            model as enrolment and as test, without the scorer's layers, which belong to a pair.
        seconds: its length.
        features: shape of its features, [F, N].
        embed_dim: width of the embedding.
    """

    parameters: int
    macs: int
    seconds: float
    features: tuple[int, int]
    embed_dim: int


def model_info(config: Config, seconds: float = 2.0) -> ModelInfo:
    """Measure the recogniser of a config.

    Args:
        config: with a key ``model``.
        seconds: length of the utterance whose multiplications are counted.
    """
    with torch.device('meta'), torch.no_grad():
        model = MODELS.build({**config.model, 'head': None}).eval()
        front_end = model.data_preprocessor.feature
        frames = front_end.num_frames(round(seconds * front_end.sample_rate))
        features = torch.zeros(1, front_end.num_bins, frames)
        both_sides = getattr(model, 'represent', model.embed_features)  # of a neural scoring model
        with FlopCounterMode(display=False) as counter:
            both_sides(features)
    parameters = sum(one.numel() for one in model.parameters() if one.requires_grad)
    macs = counter.get_total_flops() // 2
    return ModelInfo(parameters, macs, seconds, (front_end.num_bins, frames), model.embed_dim)
