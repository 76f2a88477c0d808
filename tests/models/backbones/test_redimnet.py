"""ReDimNet and ReDimNet2 against the original classes: sizes, outputs for given weights, published names."""

import pytest
import torch

from svtoolkit.errors import UnknownNameError
from svtoolkit.models.backbones.redimnet import ReDimNet, rename_redimnet
from svtoolkit.models.backbones.redimnet2 import ReDimNet2, rename_redimnet2

STAGES = ((1, 1, 1, None), (2, 1, 2, 4), (3, 1, 1, 3))
POOLED_STAGES = (((1, 1), 1, 2, 4), ((2, 2), 2, 1, None), ((1, 2), 1, 0.5, 3))


def count(module):
    return sum(p.numel() for p in module.parameters())


def fill(module):
    """Weights that depend on their shape alone, so that the original can be filled with the same."""
    module.double()
    for key, value in module.state_dict().items():
        if value.is_floating_point():
            index = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
            wave = torch.sin(0.37 * index + value.numel())
            value.copy_(1 + 0.5 * wave**2 if key.endswith('running_var') else 0.2 * wave)
    return module.eval()


def signal(bins, frames):
    f, n = torch.arange(bins).view(-1, 1), torch.arange(frames)
    return torch.sin(0.3 * f + 0.17 * n + 0.01 * f * n).double()[None]


def summary(out):
    return [out.sum().item(), out.abs().max().item(), out.flatten()[0].item(), out.flatten()[-1].item()]


@pytest.mark.parametrize('size, bins, expected', [
    ('b0', 60, 463_330), ('b1', 72, 1_348_152), ('b2', 72, 3_854_576), ('b3', 72, 2_186_748),
    ('b4', 72, 4_365_296), ('b5', 72, 5_583_536), ('b6', 72, 12_939_248),
])  # fmt: skip
def test_sizes_have_the_parameters_of_the_original_class(size, bins, expected):
    with torch.device('meta'):  # counted from IDRnD/ReDimNet (dd9f519) with WeSpeaker's stage tables
        assert count(ReDimNet(bins, size)) == expected


@pytest.mark.parametrize('size, expected, published', [
    ('b0', 595_060, 1.1), ('b1', 1_122_064, 2.1), ('b2', 2_378_560, 3.6), ('b3', 2_622_600, 4.1),
    ('b4', 4_581_216, 6.6), ('b5', 6_879_592, 8.9), ('b6', 10_573_440, 12.3),
])  # fmt: skip
def test_sizes_of_redimnet2_have_the_published_parameters(size, expected, published):
    with torch.device('meta'):  # counted from PalabraAI/redimnet2; millions of the whole model in its README
        net = ReDimNet2(72, size)
    width = net.out_channels
    pooling = 3 * width * 128 + 128 + 128 * width + width  # attention with context
    behind = 2 * (2 * width) + 2 * width * 192 + 192  # batch norm, linear layer
    assert count(net) == expected
    assert int((expected + pooling + behind) / 1e5) / 10 == published


@pytest.mark.parametrize('options, shape, expected', [
    (dict(block='convnext_like', group=2), (48, 9), [-64.805355, 0.576147, -0.170996, 0.035219]),
    (dict(block='basic_resnet', context='att', out_channels=6), (6, 9),
     [3.094855, 0.157084, -0.063541, 0.083896]),
    (dict(block='basic_resnet_fwse', group=4, context='conv'), (48, 9),
     [-31.179288, 0.817483, -0.112356, 0.554504]),
    (dict(block='convnext_like_relu', context='fc'), (48, 9), [-65.550028, 0.495564, -0.168381, 0.004788]),
])  # fmt: skip
def test_output_is_that_of_the_original_class(options, shape, expected):
    net = fill(ReDimNet(12, channels=4, stages=STAGES, **{'group': 1, **options}))
    out = net(signal(12, 9))
    assert out.shape == (1, *shape)
    assert summary(out) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize('options, shape, expected', [
    (dict(out_channels=5), (30, 8), [-17.355553, 0.380115, -0.079696, 0.073595]),
    (dict(out_channels=5, out_map=False, dual=True, group_norm=True), (5, 8),
     [-1.053695, 1.22184, -1.22184, 0.602962]),
    (dict(group_norm=True), (48, 8), [17.129406, 0.383879, -0.163181, 0.177223]),
])  # fmt: skip
def test_output_is_that_of_the_original_redimnet2(options, shape, expected):
    net = fill(ReDimNet2(12, channels=4, stages=POOLED_STAGES, **options))
    out = net(signal(12, 10))  # 2 frames do not fill the pooling of 4
    assert out.shape == (1, *shape)
    assert summary(out) == pytest.approx(expected, abs=2e-6)


def test_published_names():
    expected = {
        'stem.0.weight': 'stem.0.weight',
        'stem.1.bias': 'stem.1.bias',
        'stage0.0.w': None,
        'stage1.0.w': 'stages.1.mix.weight',
        'stage1.2.bias': 'stages.1.down.bias',
        'stage1.3.conv_block.dwconvs.0.weight': 'stages.1.blocks.0.convs.0.weight',
        'stage1.4.conv_block.norm.running_var': 'stages.1.blocks.1.norm.running_var',
        'stage1.4.conv_block.pwconv1.weight': 'stages.1.blocks.1.pointwise.weight',
        'stage2.5.conv_block.conv1pw.bias': 'stages.2.blocks.2.pointwise1.bias',
        'stage2.5.conv_block.bn2.weight': 'stages.2.blocks.2.norm2.weight',
        'stage2.5.conv_block.se.squeeze.weight': 'stages.2.blocks.2.gate.down.weight',
        'stage2.5.conv_block.se.exitation.weight': 'stages.2.blocks.2.gate.up.weight',
        'stage2.6.3.weight': 'stages.2.squeeze.3.weight',
        'stage2.8.red_dim_conv.0.weight': 'stages.2.context.down.weight',
        'stage2.8.red_dim_conv.1.weight': 'stages.2.context.norm.weight',
        'stage2.8.tcm.3.dwconvs.0.bias': 'stages.2.context.layers.3.convs.0.bias',
        'stage2.8.tcm.4.attention.k_proj.weight': 'stages.2.context.transformer.key.weight',
        'stage2.8.tcm.4.attention.out_proj.bias': 'stages.2.context.transformer.out.bias',
        'stage2.8.tcm.4.layer_norm.weight': 'stages.2.context.transformer.norm1.weight',
        'stage2.8.tcm.4.feed_forward.output_dense.weight': 'stages.2.context.transformer.down.weight',
        'stage2.8.tcm.4.final_layer_norm.bias': 'stages.2.context.transformer.norm2.bias',
        'stage2.8.exp_dim_conv.weight': 'stages.2.context.up.weight',
        'fin_wght1d.w': 'mix.weight',
        'mfa.0.weight': 'out.0.weight',
        'pool.linear1.weight': None,
        'spec.torchfbank.0.flipped_filter': None,
    }
    for prefix in ('', 'backbone.'):
        for published, ours in expected.items():
            assert list(rename_redimnet({prefix + published: torch.zeros(1)})) == ([ours] if ours else [])


def test_published_names_of_redimnet2():
    expected = {
        'stem_gnorm.weight': 'stem_norm.weight',
        'stage0.2.weight': 'stages.0.down.weight',
        'stage0.10.weight': 'stages.0.norm.weight',
        'stage1.6.1.running_mean': 'stages.1.squeeze.1.running_mean',
        'stage1_pre.0.w': 'stages.1.mix.weight',
        'stage1_pre.3.conv_block.bn1.weight': 'stages.1.blocks.0.norm1.weight',
        'stage1_1d.red_dim_conv.0.weight': 'stages.1.context.down.weight',
        'stage1_up_2d.1.weight': 'stages.1.map_norm.weight',
        'stage1_up_1d.1.bias': 'stages.1.norm.bias',
        'head.weight': 'out.weight',
        'stage0_pre.0.w': None,
        'linear.weight': None,
    }
    for published, ours in expected.items():
        assert list(rename_redimnet2({f'backbone.{published}': torch.zeros(1)})) == ([ours] if ours else [])


@pytest.mark.parametrize(
    'network, thirds', [(ReDimNet, ((3, 1, 1, None),)), (ReDimNet2, (((3, 1), 1, 1, None),))]
)
def test_wrong_sizes_and_bins_are_named(network, thirds):
    with pytest.raises(UnknownNameError, match='b7'):
        network(72, 'b7')
    with pytest.raises(ValueError, match='in_channels=70'):
        network(70, stages=thirds)
    with pytest.raises(ValueError, match='divisible by 4'):
        network(70, 'b3')
    with pytest.raises(UnknownNameError, match='basic_resnet'):
        network(72, 'b2', block='basic_restnet')


def test_too_few_frames_are_named():
    with pytest.raises(ValueError, match='needs 4 frames, got 3'):
        ReDimNet2(12, channels=4, stages=POOLED_STAGES)(torch.zeros(1, 12, 3))
