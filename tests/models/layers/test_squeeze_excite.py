"""Squeeze-and-excitation against its formula, and its lengths."""

import torch

from svtoolkit.models.layers.squeeze_excite import SqueezeExcite1d, SqueezeExcite2d


def test_gate_of_a_map():
    torch.manual_seed(0)
    gate, x = SqueezeExcite2d(4, 2), torch.randn(3, 4, 5, 6)
    hidden = torch.relu(x.mean((2, 3)) @ gate.down.weight[:, :, 0, 0].T + gate.down.bias)
    scale = torch.sigmoid(hidden @ gate.up.weight[:, :, 0, 0].T + gate.up.bias)
    torch.testing.assert_close(gate(x), x * scale[:, :, None, None])


def test_one_row_high_map_and_sequence_agree():
    torch.manual_seed(0)
    flat, tall = SqueezeExcite1d(4, 2), SqueezeExcite2d(4, 2)
    tall.load_state_dict(
        {key: v.unsqueeze(-1) if v.dim() == 3 else v for key, v in flat.state_dict().items()}
    )
    x = torch.randn(3, 4, 6)
    torch.testing.assert_close(flat(x), tall(x.unsqueeze(2)).squeeze(2))


def test_padding_does_not_open_the_gate():
    torch.manual_seed(0)
    gate, x = SqueezeExcite1d(4, 2), torch.randn(2, 4, 6)
    out = gate(x, torch.tensor([6, 3]))
    torch.testing.assert_close(out[1:, :, :3], gate(x[1:, :, :3]))


def test_half_precision_stays_half():
    gate = SqueezeExcite1d(4, 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert gate(torch.randn(2, 4, 6).bfloat16()).dtype == torch.bfloat16
