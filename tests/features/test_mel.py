"""Mel filters against torchaudio's, numbers of the original systems, and by hand."""

import pytest
import torch

from svtoolkit.features.mel import hz_to_mel, mel_filters, mel_to_hz
from svtoolkit.features.mel_power import mel_bands


@pytest.mark.parametrize('scale', ['htk', 'slaney'])
def test_scales_are_inverse(scale):
    hz = torch.linspace(0, 8000, 100, dtype=torch.float64)
    torch.testing.assert_close(mel_to_hz(hz_to_mel(hz, scale), scale), hz)


def test_scales_at_known_points():
    """HTK: 1000 Hz is 1000 mel. Slaney: 200/3 Hz a mel up to 1 kHz, 27 more to 6.4 kHz."""
    assert hz_to_mel(torch.tensor(1000.0)).item() == pytest.approx(999.99, abs=0.01)
    assert hz_to_mel(torch.tensor([500.0, 1000.0, 6400.0]), 'slaney').tolist() == pytest.approx([7.5, 15, 42])


@pytest.mark.parametrize('scale', ['htk', 'slaney'])
@pytest.mark.parametrize('norm', ['none', 'slaney'])
def test_equals_torchaudio(torchaudio, scale, norm):
    expected = torchaudio.functional.melscale_fbanks(
        257, 20.0, 7600.0, 40, 16000, norm=None if norm == 'none' else norm, mel_scale=scale
    )
    got = mel_filters(40, 512, 16000, 20.0, 7600.0, scale, norm=norm)
    torch.testing.assert_close(got.float(), expected, atol=1e-4, rtol=0)


def test_ecapa_filter_bank():
    """Sum and reach of the filters of TaoRuijie/ECAPA-TDNN."""
    filters = mel_filters(80, 512, 16000, 20.0, 7600.0)
    assert filters.sum().item() == pytest.approx(238.258362, abs=1e-2)
    assert filters[:, 0].nonzero().flatten().tolist() == [1, 2]
    assert filters[:, 79].nonzero().flatten().tolist() == list(range(228, 244))
    assert (filters.sum(0) > 0).all()


def test_bands_hold_the_whole_bank():
    filters = mel_filters(37, 512, 16000, triangle='mel').float()
    squares = torch.rand(5, 2 * 257)
    power = squares.view(5, 257, 2).sum(-1)
    got = torch.cat([squares[:, first : first + len(w)] @ w for first, w in mel_bands(filters)], dim=1)
    torch.testing.assert_close(got, power @ filters)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match='slaney'):
        mel_filters(40, 512, 16000, scale='bark')
    with pytest.raises(ValueError, match='9000'):
        mel_filters(40, 512, 16000, high_hz=9000.0)
