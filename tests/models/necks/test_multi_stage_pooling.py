"""Multi-stage pooling: widths of the specification, order of the stages, lengths of each stage."""

import pytest
import torch

from svtoolkit.models.backbones.resnet import ResNet, SEResNet
from svtoolkit.models.layers.embedding_layer import EmbeddingLayer
from svtoolkit.models.necks.multi_stage_pooling import MultiStagePooling


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


@pytest.mark.parametrize(
    'bins, net, width, layer, total',  # open_sv.md section 3
    [
        (81, ResNet, 21440, 10_978_816, 16_302_176),
        (81, SEResNet, 21440, 10_978_816, 16_343_478),
        (80, ResNet, 20480, 10_487_296, 15_810_656),
    ],
)
def test_widths_and_counts_of_the_specification(bins, net, width, layer, total):
    with torch.device('meta'):
        backbone = net(in_channels=bins, out_stages=(0, 1, 2, 3))
        neck = MultiStagePooling(backbone.out_channels)
        embedding = EmbeddingLayer(neck.out_channels, 512, act='relu')
        assert neck.out_channels == width
        assert count(embedding) == layer
        assert count(backbone, neck, embedding) == total


def test_stages_follow_one_another():
    maps = torch.randn(2, 3, 8), torch.randn(2, 5, 4)
    neck = MultiStagePooling((3, 5), pool=dict(type='MeanPooling'))
    torch.testing.assert_close(neck(maps), torch.cat([x.mean(-1) for x in maps], dim=1))


def test_every_stage_has_its_own_lengths():
    torch.manual_seed(0)
    neck = MultiStagePooling((3, 5))
    maps = torch.randn(2, 3, 8), torch.randn(2, 5, 4)
    padded = neck(maps, (torch.tensor([8, 6]), torch.tensor([4, 3])))
    alone = neck((maps[0][1:, :, :6], maps[1][1:, :, :3]))
    torch.testing.assert_close(padded[1:], alone)


def test_poolings_follow_train_and_eval():
    neck = MultiStagePooling((4, 8), pool=dict(type='AttentiveStatsPooling', act='relu_bn'))
    assert not any(module.training for module in neck.eval().modules())


def test_one_map_is_refused():
    with pytest.raises(ValueError, match='out_stages'):
        MultiStagePooling(256)
