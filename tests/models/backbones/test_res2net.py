"""Res2Net: the size and output of the originals."""

import numpy as np
import pytest
import torch
from synthetic_weights import Network, filled, sine_features

from svtoolkit.models.backbones.res2net import Res2Net
from svtoolkit.zoo.convert_res2net import res2net_keys

NECK = dict(type='StatsPooling', unbiased=True, eps=1e-8)
SMALL = dict(in_channels=24, width=4, blocks=(1, 1, 1, 1))


@pytest.mark.parametrize(('options', 'embed_dim', 'expected'), [
    (dict(), 192, 4_033_600),  # 3D-Speaker's class; 4.03 M in its file
    (dict(), 256, 4_689_024),  # WeSpeaker's Res2Net34_Base
    (dict(width=64), 256, 13_481_472),  # WeSpeaker's Res2Net34_Large
])  # fmt: skip
def test_size_of_the_originals(options, embed_dim, expected):
    with torch.device('meta'):
        net = Network(dict(type='Res2Net', **options), NECK, dict(embed_dim=embed_dim, norm='none'))
    assert net.num_parameters == expected


def test_embedding_and_frames_are_those_of_the_original():
    keys = res2net_keys()
    assert sum('num_batches' not in key for key in keys) == 267
    net = filled(dict(backbone=dict(type='Res2Net'), neck=NECK, embedding=dict(norm='none')), keys)
    with torch.no_grad():
        frames = net.backbone(sine_features())
        embedding = net(sine_features())[0]
    # Computed once by 3D-Speaker's Res2Net with the made-up weights.
    assert frames.shape == (1, 5120, 25)
    assert frames.mean().item() == pytest.approx(0.371369, abs=1e-5)
    assert frames.std().item() == pytest.approx(0.436665, abs=1e-5)
    start = (-0.25886, 0.02578, 0.06344, -0.37157, 0.08472, -0.04763)
    np.testing.assert_allclose(embedding[:6], start, atol=1e-5)
    assert embedding.norm().item() == pytest.approx(5.46919, abs=5e-5)


def test_rows_are_channels_then_frequency():
    net = Res2Net(**SMALL).eval()
    x = torch.randn(1, 24, 16)
    out = net.bn1(net.conv1(x.unsqueeze(1))).relu()
    for stage in net.stages:
        out = stage(out)  # [1, C, 3, 2]
    assert torch.equal(net(x)[0, 3 * 5 + 2], out[0, 5, 2])


def test_activations_are_clipped_at_20():
    net = Res2Net(**SMALL).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.fill_(100.0)
    assert net(torch.randn(2, 24, 30)).max() == 20.0


@pytest.mark.parametrize('scale', [2, 4])
def test_scripted_network_is_the_same(scale):
    net = Res2Net(**SMALL, base_width=64, scale=scale).eval()
    x = torch.randn(2, 24, 37)
    with torch.no_grad():
        assert torch.equal(torch.jit.script(net)(x), net(x))


def test_checkpointing_gives_the_same_gradients_and_statistics():
    torch.manual_seed(0)
    plain, frugal = Res2Net(**SMALL), Res2Net(**SMALL, with_cp=True)
    frugal.load_state_dict(plain.state_dict())
    x = torch.randn(3, 24, 40)
    for net in (plain, frugal):
        net(x).square().mean().backward()
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)
    for (name, a), b in zip(plain.named_buffers(), frugal.buffers()):
        torch.testing.assert_close(a, b, msg=name)


def test_one_group_is_refused():
    with pytest.raises(ValueError, match='Res2Net: scale=1'):
        Res2Net(scale=1)
