"""RES-SE-TDNN: counts of open_sv.md section 3."""

import pytest
import torch

from svtoolkit.models.backbones.res_se_tdnn import RESSETDNN
from svtoolkit.models.layers.embedding_layer import EmbeddingLayer
from svtoolkit.models.necks.stats_pooling import StatsPooling


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('bins, expected', [(81, 10_410_835), (80, 10_408_275)])
def test_count(bins, expected):
    with torch.device('meta'):
        assert count(RESSETDNN(bins)) == expected


def test_embedding_layer_behind_it():
    assert count(EmbeddingLayer(StatsPooling(1500).out_channels, 256)) == 768_768


def test_every_frame_stays():
    assert RESSETDNN(20, width=16, out_channels=24)(torch.randn(2, 20, 13)).shape == (2, 24, 13)


def test_blocks_of_different_widths_get_a_shortcut():
    net = RESSETDNN(20, width=(16, 16, 24), kernel_sizes=(5, 3, 1), out_channels=32)
    assert [len(layer.shortcut) for layer in net.layers[1:3]] == [0, 2]
    assert net(torch.randn(2, 20, 13)).shape == (2, 32, 13)
