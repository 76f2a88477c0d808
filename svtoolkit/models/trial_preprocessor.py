"""Features of training trials: a test waveform and an enrolment waveform, each normalised by itself."""

import torch

from svtoolkit.datasets.enrolment_targets import TrialSample
from svtoolkit.models.preprocessor import SpeakerPreprocessor
from svtoolkit.registry import MODELS


@MODELS.register_module()
class TrialPreprocessor(SpeakerPreprocessor):
    """A ``SpeakerPreprocessor`` that parts batches of ``TrialSample`` where the tests end.

    Such a batch becomes ``inputs=(test features [B, F, N], enrolment features [B, F, M])``; the augmentation
    meets the tests only. Other batches pass as they do through the base.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        samples = data.get('data_samples') or []
        if not samples or not isinstance(samples[0], TrialSample):
            return super().forward(data, training)
        test_samples = samples[0].num_samples  # of every item: a step has one length
        wave = self.cast_data(data)['inputs']
        with torch.no_grad():
            enrolment = self.features(wave[:, test_samples:])
        test = super().forward({**data, 'inputs': wave[:, :test_samples]}, training)
        return dict(inputs=(test['inputs'], enrolment), data_samples=samples)
