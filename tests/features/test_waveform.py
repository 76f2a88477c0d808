"""The waveform as a feature."""

import torch

from svtoolkit.features.waveform import Waveform


def test_samples_are_frames():
    wave = torch.rand(2, 50) - 0.5
    feature = Waveform()
    assert (feature.num_bins, feature.sample_rate, feature.num_frames(50)) == (1, 16000, 50)
    assert torch.equal(feature(wave), wave.unsqueeze(1))


def test_scale_multiplies():
    assert Waveform(scale=32768)(torch.full((1, 3), 0.5)).tolist() == [[[16384.0] * 3]]
