"""CAM++: the size and output of the original, and its masks."""

import copy

import numpy as np
import pytest
import torch
from synthetic_weights import Network, filled, sine_features

from svtoolkit.models.backbones.campplus import CAMPPlus, ContextMask
from svtoolkit.zoo.convert_campplus import campplus_keys

CONFIG = dict(
    backbone=dict(type='CAMPPlus'),
    neck=dict(type='StatsPooling', unbiased=True, eps=0.0),
    embedding=dict(embed_dim=512, bias=False, norm_affine=False),
)
SMALL = dict(in_channels=24, head_channels=4, stem_channels=16, layers=(2, 2, 2), growth=4)


def rising_features():
    """333 frames of a rising sine, loud enough to move the masks, [1, 80, 333]."""
    j = np.arange(333.0 * 80)
    values = 100 * (1 + j / 1000) * np.sin(0.05 * j + 2e-6 * j**2)
    return torch.from_numpy(values.astype(np.float32)).view(1, 333, 80).transpose(1, 2)


@pytest.fixture(scope='module')
def golden_net():
    return filled(CONFIG, campplus_keys())


def test_size_of_the_published_model():
    with torch.device('meta'):
        assert Network(**CONFIG).num_parameters == 7_176_224  # 3D-Speaker's class, 7.2 M in the paper


def test_key_map_walks_as_many_tensors_as_the_original():
    assert sum('num_batches' not in key for key in campplus_keys()) == 815


# Computed once by 3D-Speaker's CAMPPlus with the made-up weights.
@pytest.mark.parametrize(('features', 'start', 'length'), [
    (sine_features(), (-0.12684, -0.15197, -0.06493, 0.19045, 0.00755, 0.10132), 2.38014),
    (rising_features(), (1.90587, -3.08971, -0.87938, 0.21871, -1.12444, 0.07817), 39.6612),
])  # fmt: skip
def test_embedding_is_that_of_the_original(features, start, length, golden_net):
    with torch.no_grad():
        embedding = golden_net(features)[0]
    np.testing.assert_allclose(embedding[:6], start, atol=1.5e-5)
    assert embedding.norm().item() == pytest.approx(length, rel=1e-5)


def test_golden_values_feel_the_length_of_a_segment(golden_net):
    net = copy.deepcopy(golden_net)
    for module in net.modules():
        if isinstance(module, ContextMask):
            module.segment_frames = 99
    with torch.no_grad():
        assert (net(rising_features()) - golden_net(rising_features())).abs().max() > 1e-3


def test_frames_are_those_of_the_original(golden_net):
    with torch.no_grad():
        frames = golden_net.backbone(sine_features())
    assert frames.shape == (1, 512, 100)
    assert frames.mean().item() == pytest.approx(0.049840, abs=5e-6)
    assert frames.std().item() == pytest.approx(0.075770, abs=5e-6)


@pytest.mark.parametrize('frames', [1, 3, 4, 5, 8, 11])
def test_mask_sees_the_utterance_and_its_segment(frames):
    mask = ContextMask(4, 3, segment_frames=4).eval()
    x = torch.randn(2, 4, 1, frames)
    with torch.no_grad():
        gates = mask(x)
        for start in range(0, frames, 4):
            segment = x[..., start : start + 4].mean(-1, keepdim=True) + x.mean(-1, keepdim=True)
            expected = mask.up(mask.down(segment).relu()).sigmoid()
            torch.testing.assert_close(
                gates[..., start : start + 4], expected.expand_as(gates[..., start : start + 4])
            )


def test_scripted_network_is_the_same():
    net = CAMPPlus(**SMALL).eval()
    x = torch.randn(2, 24, 230)
    with torch.no_grad():
        assert torch.equal(torch.jit.script(net)(x), net(x))


def test_checkpointing_gives_the_same_gradients_and_statistics():
    torch.manual_seed(0)
    plain, frugal = CAMPPlus(**SMALL), CAMPPlus(**SMALL, with_cp=True)
    frugal.load_state_dict(plain.state_dict())
    x = torch.randn(3, 24, 40)
    for net in (plain, frugal):
        net(x).square().mean().backward()
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)
    for (name, a), b in zip(plain.named_buffers(), frugal.buffers()):
        torch.testing.assert_close(a, b, msg=name)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match='a kernel size and a dilation per block'):
        CAMPPlus(layers=(2, 2))
