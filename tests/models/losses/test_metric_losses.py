"""Metric-learning losses against the worked example of the Clova-style trainer (float64, 6 digits)."""

import pytest
import torch

from svtoolkit.models.losses.angular_prototypical import AngularPrototypicalLoss
from svtoolkit.models.losses.ge2e import GE2ELoss
from svtoolkit.models.losses.prototypical import PrototypicalLoss
from svtoolkit.models.losses.triplet import TripletLoss

EVERY_LOSS = [PrototypicalLoss, AngularPrototypicalLoss, GE2ELoss, TripletLoss]


def example():
    """4 speakers x 2 utterances x 3 values: x[i, j, k] = sin(.3 (i+1)(k+1) + .7 j)."""
    i, j, k = torch.arange(4.0).double(), torch.arange(2.0).double(), torch.arange(3.0).double()
    utts = torch.sin(0.3 * (i + 1).view(-1, 1, 1) * (k + 1) + 0.7 * j.view(1, -1, 1))
    return utts.flatten(0, 1), torch.arange(4).repeat_interleave(2)


@pytest.mark.parametrize(
    'loss, expected',
    [
        (AngularPrototypicalLoss(), 1.455986),
        (PrototypicalLoss(), 1.117866),
        (GE2ELoss(clamp=True), 1.128167),
        (GE2ELoss(), 1.128137),
        (TripletLoss(margin=0.1, hard_prob=1.0, hard_rank=0), 0.288373),
        (TripletLoss(margin=0.2, hard_prob=1.0, hard_rank=0), 0.364476),
    ],
)
def test_worked_example(loss, expected):
    assert loss.double()(*example())['loss'].item() == pytest.approx(expected, abs=1e-5)


def distances():
    utts = torch.nn.functional.normalize(example()[0], dim=1).unflatten(0, (4, 2))
    return -(utts[:, :1] - utts[:, 1].unsqueeze(0)).square().sum(-1)


def test_triplet_mines_the_hardest_and_the_semi_hard():
    assert TripletLoss(hard_prob=1.0, hard_rank=0).pick_negatives(distances()).tolist() == [1, 0, 1, 2]
    semi = TripletLoss(margin=0.2, hard_rank=-1).semi_hard(distances())
    assert semi.nonzero().tolist() == [[0, 1]]


@pytest.mark.parametrize(
    'options, expected',
    [
        (dict(hard_prob=0.0), [{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]),
        (dict(hard_rank=1, hard_prob=1.0), [{1, 2}, {0, 2}, {0, 1}, {1, 2}]),
        (dict(hard_rank=-1), [{1}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}]),  # only anchor 0 has a semi-hard one
    ],
)
def test_triplet_draws_reach_every_allowed_speaker_and_no_other(options, expected):
    torch.manual_seed(0)
    loss = TripletLoss(**{'margin': 0.2, **options})
    draws = [loss.pick_negatives(distances()).tolist() for _ in range(200)]
    assert [set(picks) for picks in zip(*draws)] == expected


def test_triplet_rank_beyond_the_batch_takes_any_other():
    picks = TripletLoss(hard_prob=1.0, hard_rank=50).pick_negatives(distances())
    assert all(pick != anchor for anchor, pick in enumerate(picks.tolist()))


def test_triplet_is_seeded_by_torch():
    loss, (utts, labels) = TripletLoss(), example()
    values = []
    for _ in range(2):
        torch.manual_seed(3)
        values.append([loss(utts, labels)['loss'].item() for _ in range(5)])
    assert values[0] == values[1]


@pytest.mark.parametrize('dim, speakers', [(3, 8), (16, 4)])
def test_prototypical_is_the_plain_loop_for_narrow_and_wide_embeddings(dim, speakers):
    torch.manual_seed(0)
    utts = torch.randn(speakers, 3, dim, dtype=torch.float64)
    logits = torch.empty(speakers, speakers, dtype=torch.float64)
    for a in range(speakers):
        for b in range(speakers):
            logits[a, b] = -((utts[a, 0] - (utts[b, 1] + utts[b, 2]) / 2) ** 2).sum()
    expected = -logits.log_softmax(1).diagonal().mean().item()
    loss = PrototypicalLoss(utts_per_speaker=3)
    got = loss(utts.flatten(0, 1), torch.arange(speakers).repeat_interleave(3))
    assert got['loss'].item() == pytest.approx(expected, abs=1e-10)


def test_prototypical_reference_value_of_the_spec():
    torch.manual_seed(0)  # the case that the original computes wrongly (8.80) on a current torch
    utts = torch.randn(4, 2, 16, dtype=torch.float64)
    loss = PrototypicalLoss()(utts.flatten(0, 1), torch.arange(4).repeat_interleave(2))
    assert loss['loss'].item() == pytest.approx(17.250140, abs=1e-5)


@pytest.mark.parametrize('loss_class', [AngularPrototypicalLoss, GE2ELoss])
def test_slope_never_leaves_the_positive_side_and_can_return(loss_class):
    loss = loss_class()
    with torch.no_grad():
        loss.line.raw_w.fill_(-3.0)  # as after a too long step
    assert loss.line.w.item() == pytest.approx(1e-6, rel=0.1)
    utts, labels = example()
    result = loss(utts.float(), labels)
    result['loss'].backward()
    assert loss.line.raw_w.grad.abs() > 0


@pytest.mark.parametrize('loss_class', EVERY_LOSS)
def test_perfect_batch_is_all_right_and_random_is_a_share(loss_class):
    utts, labels = torch.eye(4).repeat_interleave(2, 0), torch.arange(4).repeat_interleave(2)
    assert loss_class()(utts, labels)['accuracy'].item() == 1
    accuracy = loss_class()(*example())['accuracy']
    assert 0 <= accuracy <= 1
    assert not accuracy.requires_grad


@pytest.mark.parametrize('loss_class', EVERY_LOSS)
def test_gradients_are_finite_for_equal_and_zero_embeddings_in_bfloat16(loss_class):
    for utts in (torch.ones(8, 4), torch.zeros(8, 4)):
        utts = utts.bfloat16().requires_grad_()
        loss = loss_class()(utts, torch.arange(4).repeat_interleave(2))['loss']
        loss.backward()
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert utts.grad.isfinite().all()


@pytest.mark.parametrize('loss_class', EVERY_LOSS)
@pytest.mark.parametrize(
    'labels, message',
    [
        ([0, 1, 0, 1], 'next to each other'),
        ([0, 0, 1], 'utterances'),
        ([0, 0], '2 or more speakers'),
        ([1, 1, 1, 1], 'comes twice'),
    ],
)
def test_wrong_batches_are_named(loss_class, labels, message):
    with pytest.raises(ValueError, match=message):
        loss_class()(torch.randn(len(labels), 4), torch.tensor(labels))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match='utts_per_speaker=1'):
        AngularPrototypicalLoss(utts_per_speaker=1)
    with pytest.raises(ValueError, match='utts_per_speaker=3'):
        TripletLoss(utts_per_speaker=3)
