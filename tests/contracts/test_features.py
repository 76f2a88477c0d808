"""What every registered front end promises: true frame counts, float32, no state, batch as single."""

import copy
import inspect

import pytest
import torch

import svtoolkit.features  # noqa: F401  (registers the front ends)
from svtoolkit.features.mel_presets import PRESETS
from svtoolkit.registry import FEATURES

REGISTERED = sorted(
    name
    for name, part in FEATURES.module_dict.items()
    if inspect.isclass(part) and part.__module__.startswith('svtoolkit.features.')
)
CONFIGS = (
    [dict(type=name) for name in REGISTERED]
    + [dict(type='LogMel', preset=preset) for preset in PRESETS]
    + [dict(type='Fbank', use_energy=True, snip_edges=False), dict(type='Fbank', sample_rate=8000)]
)
LENGTHS = [0, 1, 2, 79, 100, 399, 400, 559, 560, 4001, 16000]


@pytest.fixture(params=CONFIGS, ids=lambda config: ' '.join(map(str, config.values())))
def feature(request):
    return FEATURES.build(request.param).eval()


def noise(batch, num_samples):
    return 0.1 * torch.randn(batch, num_samples, generator=torch.Generator().manual_seed(7))


def test_known_ones_are_registered():
    assert {'Fbank', 'LogMel', 'MFCC'} <= set(REGISTERED)


@pytest.mark.parametrize('num_samples', LENGTHS)
def test_shape_is_as_declared_and_values_are_finite(feature, num_samples):
    for wave in (noise(2, num_samples), torch.zeros(2, num_samples)):
        before = wave.clone()
        features = feature(wave)
        assert features.shape == (2, feature.num_bins, feature.num_frames(num_samples))
        assert features.shape[-1] >= 1
        assert features.dtype == torch.float32
        assert features.isfinite().all()
        assert torch.equal(wave, before)


def test_batch_equals_single(feature):
    wave = noise(5, 9001) * torch.tensor([[1.0], [0.1], [1e-3], [0.0], [2.0]])
    together = feature(wave)
    alone = torch.cat([feature(row[None]) for row in wave])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-5)


def test_float32_under_autocast_and_in_a_half_model(feature):
    wave = noise(2, 8000)
    expected = feature(wave)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(feature(wave), expected)
        through_gradient = feature(wave.clone().requires_grad_())
    assert through_gradient.dtype == torch.float32
    torch.testing.assert_close(through_gradient.detach(), expected, atol=1e-2, rtol=1e-4)
    assert torch.equal(copy.deepcopy(feature).bfloat16()(wave), expected)


def test_gradient_reaches_the_waveform(feature):
    wave = noise(2, 4000).requires_grad_()
    feature(wave).sum().backward()
    assert wave.grad.isfinite().all()
    assert wave.grad.abs().sum() > 0
    silent = torch.zeros(1, 4000, requires_grad=True)
    feature(silent).sum().backward()
    assert silent.grad.isfinite().all()


def test_leaves_nothing_in_the_state_dict(feature):
    assert not feature.state_dict()
    assert not list(feature.parameters())


@pytest.mark.parametrize('wave', [torch.zeros(400), torch.zeros(1, 1, 400), torch.zeros(1, 400).short()])
def test_refuses_what_is_no_batch_of_float_waveforms(feature, wave):
    with pytest.raises(ValueError, match=r'\[B, T\]'):
        feature(wave)
