"""The x-vector TDNN: context and count of Snyder et al. 2018, table 1."""

import torch

from svtoolkit.models.backbones.xvector import XVector


def test_count():
    """Weights and biases of table 1 with 24 features, and two numbers per channel for each batch norm."""
    layers = [(24 * 5, 512), (512 * 3, 512), (512 * 3, 512), (512, 512), (512, 1500)]
    expected = sum(rows * width + width + 2 * width for rows, width in layers)
    assert sum(p.numel() for p in XVector(24).parameters()) == expected


def test_a_frame_sees_seven_frames_to_either_side():
    torch.manual_seed(0)
    net = XVector(4, widths=(8, 8, 8, 8, 8)).eval()
    x = torch.randn(1, 4, 40, requires_grad=True)
    net(x)[0, :, 20].sum().backward()
    seen = x.grad[0].abs().sum(0).nonzero().squeeze(1).tolist()
    assert (seen[0], seen[-1]) == (13, 27)


def test_widths_and_padding_are_arguments():
    net = XVector(4, widths=(8, 6), kernel_sizes=(3, 1), dilations=(2, 1), padding_mode='reflect')
    assert net(torch.randn(2, 4, 9)).shape == (2, 6, 9)
