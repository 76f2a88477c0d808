"""Weighted binary cross-entropy against the values of the neural scoring spec."""

import pytest
import torch

from svtoolkit.models.losses.weighted_bce import WeightedBCELoss


@pytest.mark.parametrize('label, p, expected', [(1, 0.9, 0.100092), (0, 0.2, 0.011157), (0, 0.9, 0.115129)])
def test_single_answers(label, p, expected):
    loss = WeightedBCELoss()(torch.logit(torch.tensor([p])), torch.tensor([label]))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('targets, expected, best, least', [
    (1, 0.0377765, 0.087156, 0.0161270),
    (2, 0.0408957, 0.161017, 0.0260398),
])  # fmt: skip
def test_constant_answers_over_200_pairs(targets, expected, best, least):
    loss, labels = WeightedBCELoss(), torch.arange(200) < targets
    assert loss(torch.zeros(200), labels).item() == pytest.approx(expected, abs=1e-6)
    assert loss(torch.full((200,), best).logit(), labels).item() == pytest.approx(least, abs=1e-6)


def test_gradient_lives_where_a_sigmoid_would_be_flat():
    logits = torch.tensor([-200.0], dtype=torch.bfloat16, requires_grad=True)
    WeightedBCELoss()(logits, torch.tensor([True])).backward()
    assert logits.grad.item() == pytest.approx(-0.95, abs=1e-2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r'pos_weight=1\.5'):
        WeightedBCELoss(1.5)
    with pytest.raises(ValueError, match='differ in shape'):
        WeightedBCELoss()(torch.zeros(3), torch.zeros(2))
