"""ERes2Net and ERes2NetV2: the sizes and outputs of the originals."""

import numpy as np
import pytest
import torch
from synthetic_weights import Network, filled, sine_features

from svtoolkit.models.backbones.eres2net import ERes2Net, ERes2NetV2
from svtoolkit.models.layers.res2_block import AttentionalFusion
from svtoolkit.zoo.convert_res2net import eres2net_keys, eres2netv2_keys, wespeaker_eres2net_keys

NECK = dict(type='StatsPooling', unbiased=True, eps=1e-8)
EMBEDDING = dict(embed_dim=192, norm='none')
SMALL = dict(in_channels=24, width=8, blocks=(1, 1, 1, 1), base_width=32)


@pytest.mark.parametrize(('backbone', 'expected'), [  # counted on 3D-Speaker's classes
    (dict(type='ERes2Net'), 6_610_688),
    (dict(type='ERes2Net', width=64), 22_462_784),
    (dict(type='ERes2Net', width=64, base_width=24, scale=3, expansion=4), 55_165_024),
    (dict(type='ERes2NetV2'), 17_859_632),
    (dict(type='ERes2NetV2', base_width=24, scale=4, expansion=4), 53_513_632),
])  # fmt: skip
def test_size_of_the_originals(backbone, expected):
    with torch.device('meta'):
        assert Network(backbone, NECK, EMBEDDING).num_parameters == expected


# Computed once by the original classes with the made-up weights; WeSpeaker's walks in another order.
@pytest.mark.parametrize(('name', 'keys', 'tensors', 'moments', 'start', 'length'), [
    ('ERes2Net', eres2net_keys(), 494, (0.449890, 1.115022),
     (0.28861, 0.28403, 0.20883, -0.07636, 0.24359, -0.43877), 10.36158),
    ('ERes2Net', wespeaker_eres2net_keys(), 494, (0.657857, 1.529320),
     (0.97537, 0.01307, 0.11611, 0.38536, 0.44193, -1.45131), 14.60672),
    ('ERes2NetV2', eres2netv2_keys(), 468, (2.405274, 5.144672),
     (0.43413, -0.82367, 2.61407, 0.32048, 6.09615, 2.67397), 56.30116),
], ids=['3dspeaker', 'wespeaker', 'v2'])  # fmt: skip
def test_embedding_and_frames_are_those_of_the_original(name, keys, tensors, moments, start, length):
    assert sum('num_batches' not in key for key in keys) == tensors
    net = filled(dict(backbone=dict(type=name), neck=NECK, embedding=EMBEDDING), keys)
    with torch.no_grad():
        frames = net.backbone(sine_features())
        embedding = net(sine_features())[0]
    assert (frames.mean().item(), frames.std().item()) == pytest.approx(moments, rel=1e-5)
    np.testing.assert_allclose(embedding[:6] / length, np.array(start) / length, atol=2e-6)
    assert embedding.norm().item() == pytest.approx(length, rel=1e-5)


def test_fusion_weighs_both_maps():
    fusion = AttentionalFusion(8).eval()
    x, y = torch.randn(2, 8, 3, 5), torch.randn(2, 8, 3, 5)
    with torch.no_grad():
        weight = torch.tanh(fusion.attention(torch.cat([x, y], dim=1)))
        torch.testing.assert_close(fusion(x, y), (1 + weight) * x + (1 - weight) * y)
        torch.testing.assert_close(fusion(x, x), 2 * x)


@pytest.mark.parametrize('kind', [ERes2Net, ERes2NetV2])
def test_scripted_network_is_the_same(kind):
    net = kind(**SMALL).eval()
    x = torch.randn(2, 24, 37)
    with torch.no_grad():
        assert torch.equal(torch.jit.script(net)(x), net(x))


@pytest.mark.parametrize('fuse_from', [-1, 4])
def test_fusion_starts_at_a_stage(fuse_from):
    with pytest.raises(ValueError, match=f'fuse_from={fuse_from}, but there are 4 stages'):
        ERes2Net(**SMALL, fuse_from=fuse_from)
