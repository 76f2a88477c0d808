"""VGGVox-40: counts and map sizes of clova_score_norm.md section 2, and its shortest input."""

import pytest
import torch
from torch import nn

from svtoolkit.models.backbones.vggvox import VGGVox40
from svtoolkit.models.necks.self_attentive_pooling import SelfAttentivePooling


@pytest.mark.parametrize(
    'attentive, embed_dim, expected',
    [
        (True, 512, 4_032_448),
        (True, 1024, 4_295_104),
        (False, 512, 3_769_280),
        (False, 1024, 4_031_936),
    ],
)
def test_counts(attentive, embed_dim, expected):
    with torch.device('meta'):
        parts = [VGGVox40(), nn.Linear(512, embed_dim)]
        if attentive:
            parts.append(SelfAttentivePooling(512, attention_channels=None))
    assert sum(p.numel() for part in parts for p in part.parameters()) == expected


def test_maps_of_202_frames():
    net, shapes = VGGVox40().to('meta'), []
    for layer in net.layers:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            layer.register_forward_hook(lambda module, args, out: shapes.append(tuple(out.shape[1:])))
    assert net(torch.empty(1, 40, 202, device='meta')).shape == (1, 512, 5)
    assert shapes == [
        (96, 40, 100),
        (96, 40, 49),
        (256, 19, 24),
        (256, 9, 11),
        (384, 9, 11),
        (256, 9, 11),
        (256, 9, 11),
        (256, 4, 5),
        (512, 1, 5),
    ]


@pytest.mark.parametrize('frames, expected', [(63, 1), (94, 1), (95, 2), (202, 5)])
def test_frames(frames, expected):
    net = VGGVox40().to('meta').eval()
    assert net(torch.empty(1, 40, frames, device='meta')).shape[-1] == expected


def test_too_short_or_too_high_is_refused():
    with pytest.raises(ValueError, match='63 frames'):
        VGGVox40(width=0.1)(torch.randn(1, 40, 62))
    with pytest.raises(ValueError, match='40 bins'):
        VGGVox40(in_channels=64)
