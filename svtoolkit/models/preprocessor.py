"""From a batch of waveforms to normalised features on the model's device."""

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from svtoolkit.errors import unknown_name
from svtoolkit.models.layers.autocast import no_autocast
from svtoolkit.registry import MODELS

NORMALISE = ('none', 'mean', 'mean_std')


@MODELS.register_module()
class SpeakerPreprocessor(BaseDataPreprocessor):
    """Device transfer, features in float32, normalisation over time, and masks in training only.

    Means are removed over what comes in: the crop in training, the whole utterance in evaluation.

    Args:
        feature: config of a front end, [B, T] -> [B, F, N].
        normalise: ``none``, ``mean`` or ``mean_std`` (biased variance, eps 1e-5), per bin over time.
        augment: config of a feature augmentation such as SpecAugment, applied in training only.
        non_blocking: copy to the device without waiting (pinned memory).
    """

    def __init__(
        self, feature: dict, normalise: str = 'mean', augment: dict | None = None, non_blocking: bool = True
    ) -> None:
        super().__init__(non_blocking)
        if normalise not in NORMALISE:
            raise unknown_name('normalise of SpeakerPreprocessor', normalise, NORMALISE)
        self.feature = MODELS.build(feature)
        self.normalise = normalise
        self.augment = MODELS.build(augment) if augment else None

    @property
    def num_bins(self) -> int:
        """Number of rows of the features."""
        return self.feature.num_bins

    @property
    def sample_rate(self) -> int:
        """Rate in Hz the waveforms must have."""
        return self.feature.sample_rate

    def features(self, wave: Tensor) -> Tensor:
        """Normalised features without augmentation, [B, T] -> [B, F, N]."""
        with no_autocast(wave):
            features = self.feature(wave.float())
            if self.normalise != 'none':
                features = features - features.mean(dim=-1, keepdim=True)
            if self.normalise == 'mean_std':
                variance = features.square().mean(dim=-1, keepdim=True)
                features = features * torch.rsqrt(variance + 1e-5)
        return features

    def forward(self, data: dict, training: bool = False) -> dict:
        """Turn ``inputs`` [B, T] of a batch into features [B, F, N]; ``data_samples`` stay as they are."""
        data = self.cast_data(data)
        with torch.no_grad():
            features = self.features(data['inputs'])
            if training and self.augment is not None:
                features = self.augment(features)
        return dict(inputs=features, data_samples=data.get('data_samples'))

    def cast_data(self, data):
        """Move the waveforms to the device; sample records hold plain values and need no move."""
        return {**data, 'inputs': data['inputs'].to(self.device, non_blocking=self._non_blocking)}
