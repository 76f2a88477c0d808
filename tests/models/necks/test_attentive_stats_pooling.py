"""Attentive statistics pooling: the specification's values, counts, and the split context layer."""

import pytest
import torch

from svtoolkit.models.necks.attentive_stats_pooling import AttentiveStatsPooling


def count(module):
    return sum(p.numel() for p in module.parameters())


def angles(rows, columns, of_row, of_column, start=0.0):
    row, column = torch.meshgrid(torch.arange(rows).double(), torch.arange(columns).double(), indexing='ij')
    return start + of_row * row + of_column * column


@pytest.mark.parametrize(
    'channels, config, expected',
    [  # open_sv.md section 3
        (2816, dict(), 723_840),
        (2816, dict(context=True), 1_444_736),
        (2560, dict(), 658_048),
        (2560, dict(context=True), 1_313_408),
        # neural_scoring.md section 6, ecapa_service.md section 1, clova_score_norm.md 2.5
        (2560, dict(context=True, act='relu_bn_tanh'), 1_313_664),
        (1536, dict(context=True, act='relu_bn_tanh', attention_channels=256), 1_575_168),
        (1536, dict(context=True, act='relu_bn'), 788_352),
    ],
)
def test_parameter_count(channels, config, expected):
    assert count(AttentiveStatsPooling(channels, **config)) == expected


def test_values_of_the_specification(golden_frames):
    pool = AttentiveStatsPooling(6, attention_channels=3, act='tanh').double()
    with torch.no_grad():
        pool.project.weight.copy_(angles(3, 6, 0.3, 0.7).cos().unsqueeze(-1))
        pool.project.bias.copy_(0.1 * torch.arange(3))
        pool.score.weight.copy_(angles(6, 3, 0.5, 0.2).sin().unsqueeze(-1))
        pool.score.bias.zero_()
    mean = [0.7709, 0.7037, 0.1143, -0.4801, -0.6379, -0.3333]
    deviation = [0.2661, 0.3099, 0.5779, 0.5090, 0.3360, 0.6181]
    expected = torch.tensor(mean + deviation, dtype=torch.float64)
    torch.testing.assert_close(pool(golden_frames)[0], expected, atol=6e-5, rtol=0)


def test_values_of_the_clova_layer():  # clova_score_norm.md section 8; channels share the logits 0.1 t there
    t, b = torch.meshgrid(torch.arange(5).double(), torch.arange(3).double(), indexing='ij')
    frames = torch.sin(0.7 * (t + 1) * (b + 1)).T.unsqueeze(0)  # [1, 3, 5]
    frames = torch.cat([frames, 0.1 * t[:, 0].view(1, 1, 5)], dim=1)  # the fourth channel carries the logits
    pool = AttentiveStatsPooling(4, attention_channels=1, act='relu', variance_floor=1e-5).double()
    with torch.no_grad():
        for parameter in pool.parameters():
            parameter.zero_()
        pool.project.weight[0, 3] = 1
        pool.score.weight.fill_(1)
    mean, deviation = pool(frames)[0].view(2, 4)[:, :3]
    expected = torch.tensor([[0.440402, 0.067947, -0.038627], [0.499186, 0.717597, 0.776184]]).double()
    torch.testing.assert_close(mean, expected[0], atol=1e-6, rtol=0)
    torch.testing.assert_close(deviation, expected[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize('unbiased, added', [(False, False), (True, True)])
def test_split_context_layer_equals_one_layer_over_the_concatenation(unbiased, added):
    torch.manual_seed(0)
    pool = AttentiveStatsPooling(
        4, 5, 'tanh', context=True, context_unbiased=unbiased, context_floor=0.1, context_floor_added=added
    )
    frames = torch.randn(2, 4, 7)
    variance = frames.var(-1, unbiased=unbiased, keepdim=True)
    deviation = (variance + 0.1 if added else variance.clamp(min=0.1)).sqrt()
    joined = torch.cat(
        [frames, *(x.expand_as(frames) for x in (frames.mean(-1, keepdim=True), deviation))], 1
    )
    weights = pool.score(torch.tanh(pool.project(joined))).softmax(-1)
    mean = (weights * frames).sum(-1)
    variance = (weights * frames.square()).sum(-1) - mean.square()
    torch.testing.assert_close(pool(frames), torch.cat([mean, variance.sqrt()], dim=1))


def test_shared_weights_are_the_same_for_every_channel():
    torch.manual_seed(0)
    pool = AttentiveStatsPooling(4, 5, 'relu_bn', context=True, shared=True).eval()
    frame = torch.randn(1, 1, 9).expand(1, 4, 9)
    mean, deviation = pool(frame).view(2, 4)
    torch.testing.assert_close(mean, mean[:1].expand(4))
    torch.testing.assert_close(deviation, deviation[:1].expand(4))


def test_variance_stays_between_floor_and_ceiling():
    pool = AttentiveStatsPooling(2, 3, variance_floor=0.25, variance_ceiling=4.0)
    torch.nn.init.zeros_(pool.score.weight)  # all frames weigh the same
    frames = torch.stack([torch.zeros(8), 1000 * torch.arange(8.0)]).unsqueeze(0)
    torch.testing.assert_close(pool(frames)[0, 2:], torch.tensor([0.5, 2.0]))


def test_unknown_activation_is_named():
    with pytest.raises(LookupError, match='relu_bn_tanh'):
        AttentiveStatsPooling(4, act='relu_tanh_bn')
