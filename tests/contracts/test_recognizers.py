"""Every backbone with every neck and, in turn, every head: a step of training, and embeddings of any batch."""

import importlib.util

import numpy as np
import pytest
import torch
from small import NECKS, NEEDS, SMALL
from test_heads import ARGUMENTS

from svtoolkit.datasets.samples import SpeakerSample
from svtoolkit.registry import MODELS

SEVERAL_MAPS = 'MultiStagePooling'  # takes the stages of a ResNet
TWO_HEADS = dict(num_heads=2, split=False)  # whose heads see all channels, whatever their number
LABELS = [0, 0, 1, 1]


def pairs():
    """(backbone, neck, head): all pairs of the first two, and over them all pairs of the last two."""
    heads, single = list(ARGUMENTS), [neck for neck in NECKS if neck != SEVERAL_MAPS]
    found = []
    for row, backbone in enumerate(SMALL):
        missing = backbone in NEEDS and importlib.util.find_spec(NEEDS[backbone]) is None
        marks = [pytest.mark.skip(reason=f'needs {NEEDS[backbone]}')] if missing else []
        for column, neck in enumerate(single):
            found.append(pytest.param(backbone, neck, heads[(row + column) % len(heads)], marks=marks))
    return found + [('ResNet', SEVERAL_MAPS, head) for head in heads]


def build(backbone, neck, head):
    torch.manual_seed(0)
    settings = dict(SMALL[backbone])
    bins = settings.pop('in_channels')
    feature = dict(type='Waveform') if bins == 1 else dict(type='LogMel', num_mel_bins=bins)
    if neck == SEVERAL_MAPS:
        settings['out_stages'] = (1, 3)
    return MODELS.build(
        dict(
            type='EmbeddingRecognizer',
            data_preprocessor=dict(type='SpeakerPreprocessor', feature=feature),
            backbone=dict(type=backbone, **settings),
            neck=dict(type=neck, **(TWO_HEADS if 'num_heads' in NECKS[neck][0] else NECKS[neck][0])),
            embedding=dict(embed_dim=6, norm='bn'),
            head=dict(type=head, num_speakers=5, **ARGUMENTS[head]),
        )
    )


@pytest.mark.parametrize(('backbone', 'neck', 'head'), pairs())
def test_parts_fit_together(backbone, neck, head):
    model = build(backbone, neck, head)
    frames = getattr(model.backbone, 'min_frames', 1) + 9 + 2 * np.max(model.backbone.subsampling)
    x = torch.randn(4, model.data_preprocessor.num_bins, frames)
    samples = [SpeakerSample(label, f'u{index}', f's{label}', 0) for index, label in enumerate(LABELS)]
    model.train()(x, samples, mode='loss')['loss'].backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in trained)
    assert any(p.grad is not None and p.grad.any() for p in model.backbone.parameters() if p.requires_grad)
    model.eval()
    with torch.no_grad():
        batch, alone = model(x[:2]), torch.cat([model(x[:1]), model(x[1:2])])
    assert batch.shape == (2, model.embed_dim) == (2, 6)
    torch.testing.assert_close(batch, alone, atol=1e-3, rtol=1e-3)
