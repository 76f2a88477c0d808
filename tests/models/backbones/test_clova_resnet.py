"""The Clova SE-ResNets: counts and map sizes of clova_score_norm.md section 2."""

import pytest
import torch
from torch import nn

from svtoolkit.models.backbones.clova_resnet import ClovaResNet
from svtoolkit.models.necks.attentive_stats_pooling import AttentiveStatsPooling
from svtoolkit.models.necks.self_attentive_pooling import SelfAttentivePooling

V2 = dict(widths=(32, 64, 128, 256), strides=(1, 2, 2, 2), stem='plain', pool_bins=False)


def count(backbone, pool, embed_dim):
    linear = nn.Linear(pool.out_channels, embed_dim)
    return sum(p.numel() for part in (backbone, pool, linear) for p in part.parameters())


@pytest.mark.parametrize(
    'widths, stats, embed_dim, expected',
    [
        ((16, 32, 64, 128), False, 256, 1_404_054),
        ((16, 32, 64, 128), False, 512, 1_437_078),
        ((16, 32, 64, 128), True, 256, 1_436_822),
        ((16, 32, 64, 128), True, 512, 1_502_614),
        ((32, 64, 128, 256), False, 512, 5_602_988),  # "Half"
        ((32, 64, 128, 256), True, 512, 5_734_060),
    ],
)
@pytest.mark.parametrize('bins', [40, 64])
def test_counts_of_l(widths, stats, embed_dim, expected, bins):
    with torch.device('meta'):
        net = ClovaResNet(bins, widths=widths)
        pool = SelfAttentivePooling(net.out_channels, attention_channels=None, stats=stats)
        assert count(net, pool, embed_dim) == expected


@pytest.mark.parametrize(
    'bins, stats, embed_dim, expected',
    [
        (40, False, 512, 6_389_324),
        (64, False, 256, 6_455_372),
        (64, False, 512, 6_979_916),
        (40, True, 512, 7_044_684),
        (64, True, 256, 6_979_660),
        (64, True, 512, 8_028_492),
        (80, True, 512, 8_684_364),
    ],
)
def test_counts_of_v2(bins, stats, embed_dim, expected):
    with torch.device('meta'):
        net = ClovaResNet(bins, **V2)
        pool = AttentiveStatsPooling(net.out_channels, act='relu_bn', stats=stats)
        assert count(net, pool, embed_dim) == expected


@pytest.mark.parametrize('config, bins, shape', [(dict(), 40, (128, 51)), (V2, 64, (2048, 26))])
def test_maps_of_202_frames(config, bins, shape):
    net = ClovaResNet(bins, **config).to('meta')
    assert net(torch.empty(1, bins, 202, device='meta')).shape == (1, *shape)


def test_first_norm_comes_before_or_behind_the_activation():
    x = torch.randn(4, 20, 30)
    for stem, before in (('large', True), ('plain', False)):
        net = ClovaResNet(20, widths=(4, 4, 4, 4), blocks=(1, 1, 1, 1), stem=stem, se_reduction=2)
        seen = []
        net.bn1.register_forward_pre_hook(lambda module, args, seen=seen: seen.append(args[0].min().item()))
        net(x)
        assert (seen[0] < 0) == before


def test_unknown_stem_is_named():
    with pytest.raises(ValueError, match='large'):
        ClovaResNet(stem='small')
