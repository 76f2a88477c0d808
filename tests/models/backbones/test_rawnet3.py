"""RawNet3: counts and sizes of clova_score_norm.md section 2, and its filters."""

import math

import pytest
import torch

from svtoolkit.models.backbones.rawnet3 import RawNet3, SincBank
from svtoolkit.models.layers.embedding_layer import EmbeddingLayer
from svtoolkit.models.necks.attentive_stats_pooling import AttentiveStatsPooling


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_counts_of_the_parts():
    net = RawNet3()
    parts = [count(part) for part in (net.sinc, net.block1, net.block2, net.block3, net.merge)]
    assert parts == [256, 2_976_384, 3_500_672, 3_500_672, 4_720_128]


@pytest.mark.parametrize(
    'shared, embed_dim, published',
    [(False, 256, 16_280_322), (False, 512, 17_067_522), (True, 256, 16_082_307)],
)
def test_counts_of_the_whole(shared, embed_dim, published):
    with torch.device('meta'):
        net = RawNet3()
        pool = AttentiveStatsPooling(net.out_channels, act='relu_bn', context=True, shared=shared)
        layer = EmbeddingLayer(pool.out_channels, embed_dim, norm='none', pre_norm='bn')
    unused = 512 + 2 * embed_dim  # two batch norms the original has and never calls
    assert count(net, pool, layer) == published - unused


def test_frames_of_three_seconds():
    net, sizes = RawNet3(channels=32, out_channels=48).eval(), []
    for part in (net.sinc, net.block1, net.block2):
        part.register_forward_hook(lambda module, args, out: sizes.append(out.shape[-1]))
    assert net(torch.randn(1, 1, 48_240)).shape == (1, 48, 319)
    assert sizes == [4799, 959, 319]


def test_filters_pass_their_own_band():
    bank = SincBank(8)
    response = torch.fft.rfft(bank.filters().squeeze(1), n=4096).abs()  # [8, 2049]
    low = bank.min_low_hz + bank.low_hz.abs().squeeze(1)
    high = low + bank.min_band_hz + bank.band_hz.abs().squeeze(1)
    hz = torch.linspace(0, 8000, 2049)
    for index in range(8):  # four even filters, then their odd twins
        left, right = low[index % 4].item(), min(high[index % 4].item(), 8000)
        inside = (hz > left + 60) & (hz < right - 60)
        outside = (hz < left - 120) | (hz > right + 120)
        assert response[index][inside].min() > 4 * response[index][outside].max()


def test_filters_against_the_closed_form():
    """Even: the band-pass of two ideal low-passes; odd: its Hilbert twin; 1 and 0 at the centre."""
    bank = SincBank(4)
    even, odd = bank.filters()[:2, 0], bank.filters()[2:, 0]
    low = 50 + bank.low_hz[0].item()
    high = low + 50 + bank.band_hz[0].item()
    tap = 130  # five samples behind the centre
    angle, window = 2 * math.pi * 5 / 16000, 0.54 - 0.46 * math.cos(2 * math.pi * tap / 250)
    scale = window / (angle * (high - low))
    assert even[0, tap].item() == pytest.approx(
        scale * (math.sin(high * angle) - math.sin(low * angle)), 1e-4
    )
    assert odd[0, tap].item() == pytest.approx(scale * (math.cos(low * angle) - math.cos(high * angle)), 1e-4)
    assert (even[0, 125].item(), odd[0, 125].item()) == (1, 0)
    assert torch.equal(even, even.flip(1))
    assert torch.equal(odd, -odd.flip(1))


def test_loudness_does_not_matter():
    net = RawNet3(channels=32, out_channels=48).eval()
    wave = torch.randn(1, 1, 8000)
    with torch.no_grad():
        torch.testing.assert_close(net(wave), net(100 * wave), atol=0.02, rtol=0.02)


def test_too_short_or_many_rows_are_refused():
    with pytest.raises(ValueError, match='391 samples'):
        RawNet3(channels=32)(torch.randn(1, 1, 390))
    with pytest.raises(ValueError, match='Waveform'):
        RawNet3(in_channels=80)
