"""Self-supervised networks of transformers as backbones, with small random weights."""

import copy
import importlib.util
import sys

import numpy as np
import pytest
import torch

from svtoolkit.errors import ConfigError, MissingExtraError
from svtoolkit.models.backbones.ssl_frontend import SSLFrontEnd, W2VBert
from svtoolkit.models.layers.layer_sum import import_transformers
from svtoolkit.registry import FEATURES

needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec('transformers') is None, reason='needs svtoolkit[ssl]'
)
SMALL = dict(
    hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, conv_dim=(8,) * 7,
    num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
)  # fmt: skip


def build(kind='wavlm', **options):
    torch.manual_seed(0)
    return SSLFrontEnd(config=dict(model_type=kind, **SMALL), **options)


@needs_transformers
@pytest.mark.parametrize('kind', ['wavlm', 'hubert', 'wav2vec2', 'data2vec-audio'])
def test_is_the_weighted_sum_of_the_layers(kind):
    net = build(kind).eval()
    net.mix.data = torch.tensor([0.3, -0.2, 0.5, 1.0])
    wave = torch.randn(2, 1, 4000)
    with torch.no_grad():
        layers = net.net(wave[:, 0], output_hidden_states=True).hidden_states
        expected = sum(w * layer for w, layer in zip(net.mix.softmax(0), layers))
        torch.testing.assert_close(net(wave), expected.transpose(1, 2))
    assert (net.out_channels, net.subsampling, net.min_frames) == (16, 320, 400)


@needs_transformers
def test_frozen_network_stays_still_while_the_sum_learns():
    net = build().train()
    assert not net.net.training
    net(torch.randn(2, 1, 2000)).square().sum().backward()
    assert net.mix.grad.abs().sum() > 0
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ['mix']
    assert torch.equal(net(torch.ones(1, 1, 2000)), net(torch.ones(1, 1, 2000)))


@needs_transformers
def test_adapters_begin_as_nothing_and_then_reach_later_layers():
    plain, net = build().eval(), build(adapter_dim=4).eval()
    wave = torch.randn(1, 1, 3000)
    torch.testing.assert_close(net(wave), plain(wave))
    torch.nn.init.ones_(net.adapters[0].up.bias)
    before, after = plain.layer_states(wave[:, 0]), net.layer_states(wave[:, 0])
    assert torch.equal(before[0], after[0])
    assert all(not torch.allclose(a, b) for a, b in zip(before[1:], after[1:]))
    net.train()(wave).square().sum().backward()
    assert all(p.grad is not None for p in net.adapters.parameters())


@needs_transformers
def test_unfrozen_network_gives_every_parameter_a_gradient():
    net = build(freeze=False).train()
    net(torch.randn(2, 1, 4000)).square().sum().backward()
    assert not [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None]


@needs_transformers
def test_normalise_makes_loudness_irrelevant():
    net = build(normalise=True).eval()
    wave = torch.randn(1, 1, 2000)
    torch.testing.assert_close(net(wave), net(3 * wave + 0.5), atol=1e-4, rtol=1e-4)


@needs_transformers
def test_copies_do_not_share_hooks():
    net = build(adapter_dim=2).eval()
    twin = copy.deepcopy(net)
    wave = torch.randn(1, 1, 2000)
    expected = net(wave)
    torch.nn.init.ones_(net.adapters[0].up.bias)
    torch.testing.assert_close(twin(wave), expected)


@needs_transformers
def test_wrong_arguments_are_named():
    with pytest.raises(ConfigError, match='either pretrained'):
        SSLFrontEnd()
    with pytest.raises(ConfigError, match='in_channels=80'):
        build(in_channels=80)
    with pytest.raises(ConfigError, match='model_type'):
        SSLFrontEnd(config=dict(hidden_size=16))
    with pytest.raises(ValueError, match='400 samples, got 399'):
        build()(torch.zeros(1, 1, 399))


def build_w2v_bert(**options):
    torch.manual_seed(0)
    settings = dict(SMALL, model_type='wav2vec2-bert', feature_projection_input_dim=160)
    return W2VBert(config=settings, **options)


@needs_transformers
def test_w2v_bert_is_the_weighted_sum_of_the_layers_behind_its_own_features():
    """Of an odd number of frames: its extractor pads the last one and masks the pair."""
    extractor = import_transformers().SeamlessM4TFeatureExtractor()
    net = build_w2v_bert().eval()
    net.mix.data = torch.tensor([0.3, -0.2, 0.5, 1.0])
    wave = 0.1 * torch.randn(400 + 160 * 30, generator=torch.Generator().manual_seed(1))
    front_end = FEATURES.build(dict(type='Standardised', feature=dict(type='Fbank'), eps=1e-7))
    given = extractor(np.asarray(wave), sampling_rate=16000, return_tensors='pt')
    with torch.no_grad():
        layers = net.net(**given, output_hidden_states=True).hidden_states
        expected = sum(w * layer for w, layer in zip(net.mix.softmax(0), layers))[:, :15]
        torch.testing.assert_close(net(front_end(wave[None])), expected.transpose(1, 2), atol=1e-3, rtol=1e-3)
    assert (net.out_channels, net.subsampling) == (16, 2)


@needs_transformers
def test_w2v_bert_learns_in_adapters_or_as_a_whole():
    net = build_w2v_bert(adapter_dim=4).train()
    net(torch.randn(2, 80, 21)).square().sum().backward()
    assert {name.split('.')[0] for name, p in net.named_parameters() if p.requires_grad} == {
        'mix',
        'adapters',
    }
    assert all(p.grad is not None for p in net.adapters.parameters())
    with pytest.raises(ConfigError, match='in_channels=40, but the network .wav2vec2-bert. reads 160'):
        build_w2v_bert(in_channels=40)
    with pytest.raises(ValueError, match='2 frames, got 1'):
        net(torch.zeros(1, 80, 1))


def test_missing_transformers_says_which_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(MissingExtraError, match=r'svtoolkit\[ssl\]'):
        SSLFrontEnd(config=dict(model_type='wavlm'))
