"""ResNet: the sizes of the specification, the stages, the gates, checkpointing and layouts."""

import pytest
import torch

from svtoolkit.models.backbones.resnet import ResNet, SEResNet
from svtoolkit.models.layers.embedding_layer import EmbeddingLayer
from svtoolkit.models.necks.stats_pooling import StatsPooling

SMALL = dict(in_channels=20, widths=(4, 8, 8, 16), blocks=(1, 1, 1, 1))


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    'config, expected',  # open_sv.md section 3, counted from the original's modules
    [
        (dict(), 5_323_360),
        (dict(in_channels=81), 5_323_360),
        (dict(se_reduction=16), 5_364_662),
        (dict(se_reduction=8), 5_404_076),
        (dict(se_reduction=4), 5_482_904),
        (dict(widths=(64, 128, 256, 512)), 21_275_840),
    ],
)
def test_parameter_count(config, expected):
    assert count(ResNet(**config)) == expected


@pytest.mark.parametrize(
    'bins, embed_dim, expected',  # statistics, linear layer and batch norm behind the 32-64-128-256 network
    [(81, 256, 1_442_560), (80, 256, 1_311_488), (81, 512, 2_885_120), (80, 512, 2_622_976)],
)
def test_parameter_count_behind_the_backbone(bins, embed_dim, expected):
    with torch.device('meta'):
        pooled = StatsPooling(ResNet(in_channels=bins).out_channels).out_channels
        assert count(EmbeddingLayer(pooled, embed_dim, norm='bn')) == expected


def test_buffer_count_is_8548_as_in_the_original():
    assert sum(b.numel() for b in ResNet().buffers()) == 8548


@pytest.mark.parametrize('part, expected', [('layer1', 55_680), ('layer2', 279_680), ('layer3', 1_707_264)])
def test_stage_counts_of_the_neural_scoring_trunk(part, expected):  # neural_scoring.md section 6
    assert count(getattr(ResNet(), part)) == expected


@pytest.mark.parametrize(
    'depth, expected',  # counted from WeSpeaker's classes (dfa7419), pooling and embedding layer left out
    [(18, 2_794_464), (50, 5_888_224), (101, 10_649_312), (152, 14_571_744), (293, 23_382_880)],
)
def test_parameter_count_of_other_depths(depth, expected):
    with torch.device('meta'):
        assert count(ResNet(depth=depth)) == expected


@pytest.mark.parametrize(
    'bins, frames, rows, columns',
    [(81, 200, 11, 25), (81, 300, 11, 38), (80, 200, 10, 25), (80, 300, 10, 38)],
)
def test_last_map_of_the_specification(bins, frames, rows, columns):
    net = ResNet(in_channels=bins).to('meta')
    assert net.out_channels == 256 * rows
    assert net(torch.empty(1, bins, frames, device='meta')).shape == (1, 256 * rows, columns)


@pytest.mark.parametrize('bins, total', [(81, 10720), (80, 10240)])
def test_all_stages_come_in_stage_order(bins, total):
    net = ResNet(in_channels=bins, out_stages=(3, 1, 0, 2)).to('meta')
    maps = net(torch.empty(1, bins, 200, device='meta'))
    assert tuple(m.shape[1] for m in maps) == net.out_channels
    assert sum(net.out_channels) == total
    assert [m.shape[2] for m in maps] == [200, 100, 50, 25]
    assert net.subsampling == (1, 2, 4, 8)


def test_stages_behind_the_last_returned_one_are_not_built():
    assert not hasattr(ResNet(**SMALL, out_stages=(0, 1)), 'layer3')


def test_rows_are_channel_major():
    net = ResNet(**SMALL).eval()
    x = torch.randn(2, 20, 16)
    picture = []
    net.layer4[0].register_forward_hook(lambda module, args, out: picture.append(out))
    rows = net(x)
    channel, row, height = 5, 2, picture[0].shape[2]
    assert torch.equal(rows[:, channel * height + row], picture[0][:, channel, row])


def test_blocks_start_as_their_shortcut_unless_asked_otherwise():
    assert all(block.bn2.weight.eq(0).all() for block in ResNet(**SMALL).layer1)
    assert all(block.bn2.weight.eq(1).all() for block in ResNet(**SMALL, zero_init_last=False).layer1)


def test_norm_momentum_reaches_every_norm():
    net = ResNet(**SMALL, norm_momentum=0.5)
    assert {m.momentum for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {0.5}


def test_frequency_and_time_strides_may_differ():
    net = ResNet(**SMALL, strides=(1, (2, 1), (2, 1), 2), stem_stride=(2, 1), stem_kernel=7)
    assert net(torch.randn(2, 20, 17)).shape == (2, net.out_channels, 9)
    assert net.subsampling == 2


def test_checkpointing_changes_neither_gradients_nor_running_statistics():
    torch.manual_seed(0)
    plain = ResNet(**SMALL, zero_init_last=False, se_reduction=4)
    saving = ResNet(**SMALL, zero_init_last=False, se_reduction=4, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    x = torch.randn(3, 20, 24)
    for net in (plain, saving):
        net(x).square().mean().backward()
    for one, other in zip(plain.parameters(), saving.parameters()):
        torch.testing.assert_close(one.grad, other.grad)
    for one, other in zip(plain.buffers(), saving.buffers()):
        torch.testing.assert_close(one, other)


def test_channels_last_gives_the_same_frames():
    torch.manual_seed(0)
    net = ResNet(**SMALL, zero_init_last=False)
    x = torch.randn(2, 20, 24)
    plain = net(x)
    maps = []
    net.to(memory_format=torch.channels_last)
    net.layer1[0].register_forward_hook(lambda module, args, out: maps.append(out))
    torch.testing.assert_close(net(x), plain)
    assert maps[0].is_contiguous(memory_format=torch.channels_last)


def test_se_resnet_has_gates_of_16_channels_per_unit():
    assert count(SEResNet()) == 5_364_662
    assert count(SEResNet(se_reduction=4)) == 5_482_904


@pytest.mark.parametrize('wrong', [dict(depth=35), dict(block='plain'), dict(widths=(8, 16, 32))])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match='ResNet'):
        ResNet(**wrong)
