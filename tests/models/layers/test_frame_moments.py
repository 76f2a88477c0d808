"""Moments over time: own gradients against numeric ones, lengths, precision, one form for all tracers."""

import pytest
import torch
from torch.autograd import gradcheck

from svtoolkit.models.layers import frame_moments as module
from svtoolkit.models.layers.frame_moments import (
    attention_weights,
    channel_moments,
    frame_moments,
    group_moments,
)

LENGTHS = torch.tensor([3, 5])


def double(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize('lengths', [None, LENGTHS])
@pytest.mark.parametrize('unbiased', [False, True])
def test_gradients_of_plain_moments(lengths, unbiased):
    torch.manual_seed(0)
    assert gradcheck(lambda x: frame_moments(x, lengths, unbiased), (double(2, 3, 5),))


@pytest.mark.parametrize('lengths', [None, LENGTHS])
def test_gradients_of_channel_moments(lengths):
    torch.manual_seed(0)
    assert gradcheck(lambda x, s: channel_moments(x, s, lengths), (double(2, 3, 5), double(2, 3, 5)))


def test_gradients_of_group_moments():
    torch.manual_seed(0)

    def moments(frames, scores):
        return group_moments(frames, attention_weights(scores).unsqueeze(1))

    assert gradcheck(moments, (double(2, 1, 3, 5), double(2, 4, 5)))


def test_moments_of_a_tracer_are_the_same(monkeypatch):
    torch.manual_seed(0)
    frames, scores = torch.randn(2, 3, 5, requires_grad=True), torch.randn(2, 3, 5)
    own = [*frame_moments(frames), *channel_moments(frames, scores)]
    monkeypatch.setattr(module, '_traced', lambda: True)
    for one, other in zip(own, [*frame_moments(frames), *channel_moments(frames, scores)]):
        torch.testing.assert_close(one, other)


def test_variance_of_a_large_mean_keeps_its_digits():
    torch.manual_seed(0)
    frames = 1e4 + torch.randn(1, 4, 500)
    expected = frames.double().var(-1, unbiased=False).float()
    weights = attention_weights(torch.zeros(1, 1, 500))
    variances = [
        frame_moments(frames)[1],
        channel_moments(frames, torch.zeros(1, 4, 500))[1],
        group_moments(frames.unsqueeze(1), weights.unsqueeze(1))[1].view(1, 4),
    ]
    for variance in variances:
        torch.testing.assert_close(variance, expected, rtol=1e-3, atol=0)


def test_unbiased_variance_of_one_frame_is_zero():
    assert frame_moments(torch.ones(1, 2, 1), unbiased=True)[1].tolist() == [[0, 0]]
    assert frame_moments(torch.ones(1, 2, 4), torch.tensor([1]), unbiased=True)[1].tolist() == [[0, 0]]


def test_padding_may_hold_anything():
    frames = torch.tensor([[[1.0, 3.0, float('nan'), float('inf')]]])
    mean, variance = frame_moments(frames, torch.tensor([2]))
    assert (mean.item(), variance.item()) == (2, 1)
