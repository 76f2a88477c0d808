"""A front end whose rows have mean 0 and deviation 1 over time, by the unbiased deviation."""

from torch import Tensor

from svtoolkit.features.front_end import FrontEnd
from svtoolkit.registry import FEATURES


@FEATURES.register_module()
class Standardised(FrontEnd):
    """``(x - mean) / (deviation + eps)`` of each row over time, [B, T] -> [B, F, N] float32.

    NeMo divides by the unbiased deviation plus 1e-5 (``normalize: per_feature``), ReDimNet's ``mvn`` by that
    plus 1e-8; ``SpeakerPreprocessor(normalise='mean_std')`` is the biased one of the Clova trainer. A single
    frame, whose unbiased deviation is not defined, gives zeros.

    Args:
        feature: config of the front end; NeMo's by default.
        eps: added to the deviation.
    """

    def __init__(self, feature: dict | None = None, eps: float = 1e-5) -> None:
        front_end = FEATURES.build(feature or dict(type='LogMel', preset='nemo'))
        super().__init__(front_end.sample_rate, front_end.num_bins)
        self.feature = front_end
        self.eps = eps

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out for ``num_samples`` samples; at least one."""
        return self.feature.num_frames(num_samples)

    def _features(self, wave: Tensor) -> Tensor:
        features = self.feature(wave)
        features = features - features.mean(dim=-1, keepdim=True)
        degrees = max(features.shape[-1] - 1, 1)
        deviation = (features.square().sum(dim=-1, keepdim=True) / degrees).sqrt()
        return features / (deviation + self.eps)
