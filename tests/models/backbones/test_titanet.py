"""TitaNet: published sizes, and the names of NeMo's weights."""

import pytest
import torch
import torch.nn.functional as F

from svtoolkit.errors import UnknownNameError
from svtoolkit.models.backbones.titanet import TitaNet, rename_titanet


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    'size, expected, published',  # by hand from the layer sizes; millions of the whole model, arXiv 2110.04410
    [('s', 1_891_056, 6.4), ('m', 7_451_888, 13.4), ('l', 19_353_840, 25.3)],
)
def test_published_parameters(size, expected, published):
    with torch.device('meta'):
        net = TitaNet(80, size)
    width = net.out_channels
    pooling = 3 * width * 128 + 128 + 2 * 128 + 128 * width + width  # attention with context and batch norm
    behind = 2 * (2 * width) + 2 * width * 192 + 192  # batch norm, linear layer
    classes = 16_681 * 192  # the training speakers
    assert count(net) == expected
    assert int((expected + pooling + behind + classes) / 1e5) / 10 == published


def test_block_is_convolutions_gate_and_shortcut():
    torch.manual_seed(0)
    net = TitaNet(6, channels=8, out_channels=16, repeat=2).eval()
    block, x = net.blocks[1], torch.randn(2, 8, 20)

    def norm(layer, y):
        scale = layer.weight / (layer.running_var + 1e-3).sqrt()  # NeMo's batch norms have eps 1e-3
        return y * scale.view(-1, 1) + (layer.bias - layer.running_mean * scale).view(-1, 1)

    out = x
    for i, conv in enumerate(block.convs):
        out = F.relu(out) if i else out
        out = F.conv1d(out, conv.depthwise.weight, padding=3, groups=8)
        out = norm(conv.norm, F.conv1d(out, conv.pointwise.weight))
    gate = torch.sigmoid(F.relu(out.mean(-1) @ block.gate.down.weight.T) @ block.gate.up.weight.T)
    short = norm(block.shortcut[1], F.conv1d(x, block.shortcut[0].weight))
    torch.testing.assert_close(block(x), F.relu(out * gate[..., None] + short))


def test_names_of_nemo():
    expected = {
        'encoder.encoder.0.mconv.0.conv.weight': 'blocks.0.convs.0.depthwise.weight',
        'encoder.encoder.0.mconv.1.conv.weight': 'blocks.0.convs.0.pointwise.weight',
        'encoder.encoder.0.mconv.2.running_mean': 'blocks.0.convs.0.norm.running_mean',
        'encoder.encoder.0.mconv.3.fc.0.weight': 'blocks.0.gate.down.weight',
        'encoder.encoder.1.mconv.5.conv.weight': 'blocks.1.convs.1.depthwise.weight',
        'encoder.encoder.1.mconv.12.bias': 'blocks.1.convs.2.norm.bias',
        'encoder.encoder.1.mconv.13.fc.2.weight': 'blocks.1.gate.up.weight',
        'encoder.encoder.1.res.0.0.conv.weight': 'blocks.1.shortcut.0.weight',
        'encoder.encoder.1.res.0.1.num_batches_tracked': 'blocks.1.shortcut.1.num_batches_tracked',
        'decoder.final.weight': None,
        'preprocessor.featurizer.window': None,
    }
    ours = TitaNet(6, channels=8, out_channels=16).state_dict()
    for published, name in expected.items():
        assert list(rename_titanet({published: torch.zeros(1)})) == ([name] if name else [])
        assert name is None or name in ours


def test_unknown_size_is_named():
    with pytest.raises(UnknownNameError, match='xl'):
        TitaNet(size='xl')
