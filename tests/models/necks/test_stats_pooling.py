"""Mean, maximum and statistics pooling against the specification's values."""

import pytest
import torch

from svtoolkit.models.necks.stats_pooling import MaxPooling, MeanPooling, StatsPooling

MEAN = torch.tensor([0.6840, 0.6748, 0.2566, -0.1944, -0.3702, -0.2497], dtype=torch.float64)
BIASED = torch.tensor([0.3324, 0.3077, 0.6707, 0.7210, 0.5265, 0.6156], dtype=torch.float64)
UNBIASED = torch.tensor([0.3503, 0.3244, 0.7069, 0.7600, 0.5550, 0.6489], dtype=torch.float64)


def test_statistics_of_the_specification(golden_frames):
    pooled = StatsPooling(6)(golden_frames)
    torch.testing.assert_close(pooled[0], torch.cat([MEAN, BIASED]), atol=6e-5, rtol=0)
    assert pooled.sum().item() == pytest.approx(7.6053, abs=5e-5)


def test_unbiased_deviation_of_the_specification(golden_frames):
    pooled = StatsPooling(6, unbiased=True)(golden_frames)
    torch.testing.assert_close(pooled[0, 6:], UNBIASED, atol=6e-5, rtol=0)


def test_mean_and_max(golden_frames):
    torch.testing.assert_close(MeanPooling(6)(golden_frames)[0], MEAN, atol=6e-5, rtol=0)
    assert torch.equal(MaxPooling(6)(golden_frames), golden_frames.max(-1).values)


def test_constant_frames_have_the_deviation_of_eps():
    pooled = StatsPooling(3, eps=1e-4)(torch.full((1, 3, 7), 2.0))
    torch.testing.assert_close(pooled, torch.tensor([[2.0, 2.0, 2.0, 0.01, 0.01, 0.01]]))


def test_half_precision_frames_are_pooled_in_float32():
    frames = 100 + torch.randn(2, 3, 50).bfloat16()
    pooled = StatsPooling(3)(frames)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled[:, 3:], frames.float().std(-1, unbiased=False))
