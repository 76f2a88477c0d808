"""Heads beside AM and AAM: softmax, SphereFace2, real additive margin, metric and combined heads."""

import math

import pytest
import torch
import torch.nn.functional as F

from svtoolkit.errors import ConfigError, SvtoolkitError, UnknownNameError
from svtoolkit.models.heads.am_softmax_head import AMSoftmaxHead
from svtoolkit.models.heads.arm_softmax_head import ARMSoftmaxHead
from svtoolkit.models.heads.combined_head import CombinedHead
from svtoolkit.models.heads.metric_head import MetricHead
from svtoolkit.models.heads.softmax_head import SoftmaxHead
from svtoolkit.models.heads.sphereface2_head import SphereFace2Head

ANGULAR_PROTO = dict(type='MetricHead', loss=dict(type='AngularPrototypicalLoss'))


def clova_utts():
    i, j, k = torch.arange(4.0).double(), torch.arange(2.0).double(), torch.arange(3.0).double()
    utts = torch.sin(0.3 * (i + 1).view(-1, 1, 1) * (k + 1) + 0.7 * j.view(1, -1, 1))
    return utts.flatten(0, 1), torch.arange(4).repeat_interleave(2)


def clova_weight():
    c = torch.arange(1.0, 5).double()
    return torch.cos(0.4 * c.view(-1, 1) * c[:3])


def test_softmax_example_of_the_clova_trainer():
    head = SoftmaxHead(3, 4).double()
    head.weight.data = clova_weight()
    utts, labels = clova_utts()
    assert head.loss(utts[::2], labels[::2])['loss'].item() == pytest.approx(2.031608, abs=1e-5)
    assert head.loss(utts, labels)['loss'].item() == pytest.approx(1.810298, abs=1e-5)


@pytest.mark.parametrize(
    'heads, weights, expected',
    [
        ([dict(type='SoftmaxHead'), ANGULAR_PROTO], None, 3.266284),
        ([dict(type='AAMSoftmaxHead', margin=0.2), ANGULAR_PROTO, dict(type='SoftmaxHead')], [1 / 3] * 3,
         10.823187),
    ],
)  # fmt: skip
def test_combinations_of_the_clova_trainer(heads, weights, expected):
    head = CombinedHead(3, 4, heads, weights).double()
    for part in head.heads:
        if hasattr(part, 'weight'):
            part.weight.data = clova_weight()
    result = head.loss(*clova_utts())
    assert result['loss'].item() == pytest.approx(expected, abs=1e-5)
    assert [key for key in result if 'loss' in key] == ['loss']  # others would be summed once more
    assert len(result) == 2 + len(heads)


def test_combined_head_passes_the_margin_on():
    head = CombinedHead(3, 4, [dict(type='AMSoftmaxHead'), dict(type='AAMSoftmaxHead'), ANGULAR_PROTO])
    head.margin = 0.05
    assert [head.heads[0].margin, head.heads[1].margin, head.margin] == [0.05] * 3
    plain = CombinedHead(3, 4, [dict(type='SoftmaxHead'), ANGULAR_PROTO])
    assert not hasattr(plain, 'margin')
    with pytest.raises(AttributeError, match='has a margin'):
        plain.margin = 0.1


def test_combined_head_names_faults():
    with pytest.raises(ConfigError, match='1 heads and 2 weights'):
        CombinedHead(3, 4, [dict(type='SoftmaxHead')], [1, 2])
    with pytest.raises(UnknownNameError, match='SoftmaxHead'):
        CombinedHead(3, 4, [dict(type='SoftmaxHaed')])


def test_metric_head_cannot_classify():
    head = MetricHead(3, loss=dict(type='GE2ELoss'), utts_per_speaker=4)
    assert head.episode_loss.utts_per_speaker == 4
    with pytest.raises(SvtoolkitError, match='cannot classify'):
        head.predict(torch.zeros(1, 3))


def test_sphereface2_is_the_formula_of_the_paper():
    torch.manual_seed(0)
    head = SphereFace2Head(5, 4, scale=8.0, margin=0.3, balance=0.6, sharpness=2.0)
    embedding, labels = torch.randn(3, 5), torch.tensor([2, 0, 3])
    bias, total = head.bias.item(), 0.0
    for row, label in zip(F.normalize(embedding) @ F.normalize(head.weight).T, labels.tolist()):
        for speaker, cosine in enumerate(row.tolist()):
            g = 2 * ((cosine + 1) / 2) ** 2 - 1
            if speaker == label:
                total += 0.6 / 8 * math.log(1 + math.exp(-(8 * (g - 0.3) + bias)))
            else:
                total += 0.4 / 8 * math.log(1 + math.exp(8 * (g + 0.3) + bias))
    assert head.loss(embedding, labels)['loss'].item() == pytest.approx(total / 3, rel=1e-5)


@pytest.mark.parametrize('num_speakers', [2, 10, 600])
def test_sphereface2_bias_starts_in_balance(num_speakers):
    head = SphereFace2Head(num_speakers + 1, num_speakers)
    head.weight.data = torch.eye(num_speakers, num_speakers + 1)
    embedding = torch.eye(num_speakers + 1)[-1:]  # at a right angle to every speaker
    head.loss(embedding, torch.tensor([0]))['loss'].backward()
    own_pull = 0.7 * torch.sigmoid(-(32 * (-0.75 - 0.2) + head.bias)).item() / 32
    assert abs(head.bias.grad.item()) < 1e-4 * own_pull


def test_real_margin_stops_pushing_far_speakers():
    head = ARMSoftmaxHead(2, 3, scale=10.0, margin=0.1)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    embedding, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    # logits 9 (true), 0 and 8: both others lie below 9 and count as 0
    expected = math.log(math.exp(9) + 2) - 9
    assert head.loss(embedding, labels)['loss'].item() == pytest.approx(expected, abs=1e-6)
    head.relative = True
    embedding.requires_grad_()
    loss = head.loss(embedding, labels)['loss']
    loss.backward()
    assert loss.item() == pytest.approx(math.log(3), abs=1e-6)
    assert embedding.grad.abs().max() == 0


def test_sub_centres_take_the_nearest():
    head = AMSoftmaxHead(2, 2, margin=0.0, sub_centres=2)
    head.weight.data = torch.tensor([[1.0, 0], [0, 1.0], [-1.0, 0], [0, -1.0]])
    cosine = head.cosine(torch.tensor([[0.6, 0.8], [-0.6, 0.8]]))
    torch.testing.assert_close(cosine, torch.tensor([[0.8, -0.6], [0.8, 0.6]]))


def test_inter_top_k_lifts_the_nearest_wrong_speakers_only():
    head = AMSoftmaxHead(4, 4, scale=1.0, margin=0.2, inter_top_k=2, inter_penalty=0.1)
    cosine = torch.tensor([[0.9, 0.5, 0.7, 0.1], [0.9, 0.5, 0.7, 0.1]])
    moved = head.apply_margins(cosine, torch.tensor([1, 0]))
    torch.testing.assert_close(moved, torch.tensor([[1.0, 0.3, 0.8, 0.1], [0.7, 0.6, 0.8, 0.1]]))


def test_label_smoothing_is_that_of_cross_entropy():
    torch.manual_seed(0)
    head = AMSoftmaxHead(4, 5, margin=0.0, label_smoothing=0.1)
    embedding, labels = torch.randn(6, 4), torch.randint(5, (6,))
    expected = F.cross_entropy(head.predict(embedding), labels, label_smoothing=0.1)
    torch.testing.assert_close(head.loss(embedding, labels)['loss'], expected)


@pytest.mark.parametrize('options, message', [
    (dict(num_speakers=1), 'num_speakers=1'),
    (dict(num_speakers=4, sub_centres=0), 'sub_centres=0'),
    (dict(num_speakers=4, inter_top_k=4), 'inter_top_k=4'),
])  # fmt: skip
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        AMSoftmaxHead(4, **options)
