"""Renaming another toolkit's weights: all faults at once, axes of size one may differ."""

import pytest
import torch

from svtoolkit.errors import CheckpointError
from svtoolkit.zoo.convert_campplus import campplus_keys
from svtoolkit.zoo.convert_ecapa import speechbrain_keys, tao_keys, wespeaker_keys
from svtoolkit.zoo.convert_res2net import (
    eres2net_keys,
    eres2netv2_keys,
    res2net_keys,
    wespeaker_eres2net_keys,
)
from svtoolkit.zoo.key_map import batch_norm, rename_weights, weight_bias


@pytest.mark.parametrize(
    'keys',
    [
        campplus_keys,
        eres2net_keys,
        eres2netv2_keys,
        res2net_keys,
        speechbrain_keys,
        tao_keys,
        wespeaker_eres2net_keys,
        wespeaker_keys,
    ],
)
def test_no_two_keys_have_one_target(keys):
    targets = list(keys().values())
    assert len(set(targets)) == len(targets)


def test_axes_of_size_one_come_and_go():
    keys = weight_bias('fc.conv', 'embedding.linear')
    source = {'fc.conv.weight': torch.arange(6.0).view(2, 3, 1), 'fc.conv.bias': torch.ones(2)}
    target = {'embedding.linear.weight': torch.zeros(2, 3), 'embedding.linear.bias': torch.zeros(2)}
    renamed = rename_weights(source, keys, target)
    assert renamed.keys() == target.keys()
    assert torch.equal(renamed['embedding.linear.weight'], torch.arange(6.0).view(2, 3))


def test_all_faults_are_listed_at_once():
    keys = weight_bias('a', 'x') | weight_bias('b', 'y')
    source = {
        'a.weight': torch.zeros(2, 3),
        'a.bias': torch.zeros(2),
        'b.bias': torch.zeros(2),
        'c.weight': torch.zeros(1),
    }
    target = {
        'x.weight': torch.zeros(3, 2),
        'x.bias': torch.zeros(2),
        'y.weight': torch.zeros(2),
        'z.bias': torch.zeros(4),
    }
    with pytest.raises(CheckpointError) as caught:
        rename_weights(source, keys, target)
    message = str(caught.value)
    assert 'missing: b.weight' in message
    assert 'unexpected: c.weight' in message
    assert 'not filled: z.bias' in message
    assert 'a.weight: shape [2, 3], x.weight has [3, 2]' in message
    assert 'b.bias: the model has no y.bias' in message


def test_norm_without_weights_has_statistics_only():
    assert list(batch_norm('a', 'b', affine=False).values()) == [
        'b.running_mean',
        'b.running_var',
        'b.num_batches_tracked',
    ]
