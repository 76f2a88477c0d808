"""Self-attentive pooling against the specification's values and counts."""

import pytest
import torch

from svtoolkit.models.necks.self_attentive_pooling import SelfAttentivePooling


@pytest.mark.parametrize('channels, expected', [(2816, 360_704), (2560, 327_936)])  # open_sv.md section 3
def test_parameter_count(channels, expected):
    assert sum(p.numel() for p in SelfAttentivePooling(channels).parameters()) == expected


def test_values_of_the_specification(golden_frames):
    pool = SelfAttentivePooling(6, attention_channels=3, stats=True).double()
    a, d = torch.meshgrid(torch.arange(3).double(), torch.arange(6).double(), indexing='ij')
    with torch.no_grad():
        pool.project.weight.copy_(torch.cos(0.3 * a + 0.7 * d).unsqueeze(-1))
        pool.project.bias.copy_(0.1 * torch.arange(3))
        pool.query.copy_(torch.tensor([0.5, -0.3, 0.8]))
    mean = [0.7972, 0.6914, 0.1348, -0.4062, -0.5550, -0.2958]
    deviation = [0.2388, 0.3147, 0.6259, 0.5924, 0.4113, 0.6361]
    weights = [0.0224, 0.0414, 0.0878, 0.1217, 0.1278, 0.1287, 0.1287, 0.1279, 0.1217, 0.0919]
    expected = torch.tensor(mean + deviation, dtype=torch.float64)
    torch.testing.assert_close(pool(golden_frames)[0], expected, atol=6e-5, rtol=0)
    torch.testing.assert_close(
        pool.weights(golden_frames)[0, 0], torch.tensor(weights).double(), atol=6e-5, rtol=0
    )


def test_without_stats_only_the_means_come():
    torch.manual_seed(0)
    both = SelfAttentivePooling(4, stats=True)
    mean = SelfAttentivePooling(4)
    mean.load_state_dict(both.state_dict())
    frames = torch.randn(2, 4, 9)
    assert torch.equal(mean(frames), both(frames)[:, :4])


def test_clova_attention_has_as_many_rows_as_channels():
    assert SelfAttentivePooling(6, attention_channels=None).query.shape == (6,)
