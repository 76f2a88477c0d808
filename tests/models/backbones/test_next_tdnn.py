"""NeXt-TDNN: published sizes, outputs of the original's classes for given weights, published names."""

import pytest
import torch

from svtoolkit.models.backbones.next_tdnn import NeXtTDNN, rename_next_tdnn


@pytest.mark.parametrize(
    'channels, depth, kernels, published',  # millions of the whole model, arXiv 2312.08603, table 1
    [(128, 3, (7, 65), 1.9), (256, 3, (7, 65), 7.1), (128, 3, (65,), 1.6), (256, 3, (65,), 6.0)],
)
def test_published_parameters(channels, depth, kernels, published):
    with torch.device('meta'):
        net = NeXtTDNN(80, channels, (depth,) * 3, kernels)
    width, middle = 3 * channels, 3 * channels // 8
    pooling = 2 * width * middle + middle + width + 2 * middle  # two layers, batch norm between
    behind = 2 * (2 * width) + 2 * width * 192 + 192 + 2 * 192  # batch norm, linear layer, batch norm
    total = sum(p.numel() for p in net.parameters()) + pooling + behind
    assert int(total / 1e5) / 10 == published


@pytest.mark.parametrize('kernels, expected', [
    ((3, 5), [7.599471, 0.420369, 0.010296, -0.007693]),
    ((5,), [7.522957, 0.433775, -0.011731, -0.00178]),
])  # fmt: skip
def test_output_is_that_of_the_original_class(kernels, expected):
    net = NeXtTDNN(6, 4, (1, 2, 1), kernels).double()
    for value in net.state_dict().values():  # weights that depend on their shape alone
        index = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
        value.copy_(0.2 * torch.sin(0.37 * index + value.numel()))
    f, n = torch.arange(6).view(-1, 1), torch.arange(9)
    out = net(torch.sin(0.3 * f + 0.17 * n + 0.01 * f * n).double()[None])
    assert out.shape == (1, 12, 6)
    found = [out.sum().item(), out.abs().max().item(), out.flatten()[0].item(), out.flatten()[-1].item()]
    assert found == pytest.approx(expected, abs=2e-6)


def test_published_names_and_shapes():
    state = {
        'stem.0.0.weight': torch.zeros(4, 6, 4),
        'stem.0.1.bias': torch.zeros(4),
        'stages.0.0.projection_linear.weight': torch.zeros(4, 4, 1),
        'stages.0.0.mscconv.1.weight': torch.zeros(2, 1, 5),
        'stages.1.1.pwconv_1stage.bias': torch.zeros(4),
        'stages.1.1.pwconv1.weight': torch.zeros(16, 4),
        'stages.1.1.grn.gamma': torch.zeros(1, 1, 16),
        'stages.2.0.norm.weight': torch.zeros(4),
        'MFA.0.weight': torch.zeros(12, 12, 1),
        'MFA.1.weight': torch.zeros(12),
    }
    ours = NeXtTDNN(6, 4, (1, 2, 1), (3, 5)).state_dict()
    renamed = rename_next_tdnn(state)
    assert len(renamed) == len(state)
    for key, value in renamed.items():
        assert ours[key].shape == value.shape, key
    assert list(rename_next_tdnn({'stages.0.0.dwconv.weight': torch.zeros(1)})) == ['stages.0.0.conv.weight']


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match='even|odd'):
        NeXtTDNN(kernel_sizes=(4,))
    with pytest.raises(ValueError, match='channels=5'):
        NeXtTDNN(channels=5, kernel_sizes=(3, 5))
    with pytest.raises(ValueError, match='needs 4 frames, got 3'):
        NeXtTDNN(6, 4)(torch.zeros(1, 6, 3))
