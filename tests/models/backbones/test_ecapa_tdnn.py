"""ECAPA-TDNN: the parameter counts and outputs of four toolkits from one class."""

import numpy as np
import pytest
import torch
from synthetic_weights import Network, filled, sine_features
from torch.nn import functional as F

from svtoolkit.errors import UnknownNameError
from svtoolkit.features.log_mel import LogMel
from svtoolkit.models.backbones.ecapa_tdnn import ECAPA_PRESETS, ECAPATDNN
from svtoolkit.zoo.convert_ecapa import speechbrain_keys, tao_keys, wespeaker_keys

# Counted on the classes of TaoRuijie, SpeechBrain, WeSpeaker and VoiceprintRecognition-Pytorch.
PARAMETERS = {
    'tao_c256': 4_118_176,
    'tao_c512': 6_978_176,
    'tao_c1024': 15_444_544,
    'speechbrain_c512': 6_194_048,
    'speechbrain': 20_767_552,
    'wespeaker_c512': 5_797_504,
    'wespeaker_glob_c512': 6_190_720,
    'wespeaker_c1024': 14_263_872,
    'wespeaker_glob_c1024': 14_657_088,
    'vpr': 6_194_048,
}

# Computed once by the original classes: made-up weights, sine features; embedding[0:6] and its length.
GOLDEN = {
    'tao_c512': (tao_keys, (0.01157, 0.06518, 0.04165, 0.01794, 0.02399, 0.05138), 1.0),  # L2, as the seed
    'wespeaker_glob_c512': (
        wespeaker_keys,
        (-0.09914, -0.11098, -0.06590, -0.04733, -0.13017, -0.56186),
        3.77475,
    ),
    'speechbrain_c512': (
        speechbrain_keys,
        (0.12544, -0.04772, -0.06152, 0.04649, -0.01651, -0.56877),
        4.60368,
    ),
}
FLIPS = {
    'res2_passthrough': {'last': 'first', 'first': 'last'},
    'skip': {'sum': 'chain', 'chain': 'sum'},
    'padding_mode': {'zeros': 'reflect', 'reflect': 'zeros'},
}
TAO_FLAGS = {'res2_passthrough': 'last', 'skip': 'sum', 'padding_mode': 'zeros'}  # the defaults
SMALL = dict(in_channels=20, channels=32, mfa_channels=48, se_channels=8)


def golden_signal():
    """32,240 samples of tones and a chirp, the signal of the waveform golden values."""
    t = np.arange(32240) / 16000
    wave = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 5000 * t**2)
    wave += 0.3 * np.sin(2 * np.pi * 1234.5 * t + 0.5) * np.cos(2 * np.pi * 3 * t)
    return torch.from_numpy(wave.astype(np.float32))[None]


def tao_features():
    mel = LogMel('ecapa')(golden_signal())
    return mel - mel.mean(-1, keepdim=True)


@pytest.fixture(scope='module')
def golden_nets():
    return {name: filled(ECAPA_PRESETS[name], keys()) for name, (keys, *_) in GOLDEN.items()}


def outputs(net, name):
    with torch.no_grad():
        embedding = net(sine_features())[0]
    return F.normalize(embedding, dim=0) if name == 'tao_c512' else embedding


@pytest.mark.parametrize('name', ECAPA_PRESETS)
def test_presets_have_the_size_of_the_original(name):
    with torch.device('meta'):
        assert Network(**ECAPA_PRESETS[name]).num_parameters == PARAMETERS[name]


@pytest.mark.parametrize(
    ('name', 'stem', 'block', 'mfa'),  # ecapa_service.md section 1, counted on TaoRuijie's class
    [('tao_c512', 206_336, 746_432, 2_360_832), ('tao_c1024', 412_672, 2_713_344, 4_720_128)],
)
def test_stages_have_the_size_of_the_original(name, stem, block, mfa):
    def size(*parts):
        return sum(one.numel() for part in parts for one in part.parameters())

    with torch.device('meta'):
        net = Network(**ECAPA_PRESETS[name])
    backbone, layer = net.backbone, net.embedding
    assert (size(backbone.stem), size(backbone.mfa)) == (stem, mfa)
    assert [size(one) for one in backbone.blocks] == [block] * 3
    assert (size(net.neck), size(layer.pre_norm), size(layer.linear, layer.norm)) == (
        1_575_168,
        6_144,
        590_400,
    )


@pytest.mark.parametrize(('backbone', 'neck', 'expected'), [
    (dict(channels=512, mfa_channels=1536), dict(context=False), 5_800_832),
    (dict(channels=1024, mfa_channels=3072), dict(context=False), 19_981_120),
    (dict(channels=1024, mfa_channels=1536), dict(context=False), 14_267_200),
    (dict(channels=1024, mfa_channels=1536), dict(), 14_660_416),
])  # fmt: skip
def test_flags_change_the_size_as_in_speechbrain(backbone, neck, expected):
    preset = ECAPA_PRESETS['speechbrain']
    with torch.device('meta'):
        net = Network(preset['backbone'] | backbone, preset['neck'] | neck, preset['embedding'])
    assert net.num_parameters == expected


def test_wespeaker_batch_norm_on_the_embedding_adds_its_weights():
    preset = ECAPA_PRESETS['wespeaker_c512']
    with torch.device('meta'):
        net = Network(preset['backbone'], preset['neck'], preset['embedding'] | dict(norm='bn'))
    assert net.num_parameters == PARAMETERS['wespeaker_c512'] + 384
    assert set(wespeaker_keys(emb_bn=True).values()) == set(net.state_dict())


@pytest.mark.parametrize('name', GOLDEN)
def test_embedding_is_that_of_the_original(name, golden_nets):
    _, start, length = GOLDEN[name]
    embedding = outputs(golden_nets[name], name)
    # Printed to five decimals; a wrong padding moves the normalised embedding by 3e-3.
    np.testing.assert_allclose(embedding[:6] / length, np.array(start) / length, atol=1e-5)
    assert embedding.norm().item() == pytest.approx(length, abs=1e-4)


@pytest.mark.parametrize('flag', FLIPS)
@pytest.mark.parametrize('name', GOLDEN)
def test_golden_values_feel_every_incompatible_flag(name, flag, golden_nets):
    preset = ECAPA_PRESETS[name]
    right = preset['backbone'].get(flag, TAO_FLAGS[flag])
    net = Network(preset['backbone'] | {flag: FLIPS[flag][right]}, preset['neck'], preset['embedding']).eval()
    net.load_state_dict(golden_nets[name].state_dict())  # loads without a word
    _, start, length = GOLDEN[name]
    assert np.abs(outputs(net, name)[:6].numpy() - start).max() / length > 1e-4


def test_tao_stages_and_embedding_of_a_waveform(golden_nets):
    net, maps = golden_nets['tao_c512'], {}
    layers = dict(stem=net.backbone.stem, mfa=net.backbone.mfa.conv) | {
        f'block{index}': block for index, block in enumerate(net.backbone.blocks)
    }
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: maps.update({name: out.clone()}))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        embedding = net(tao_features())[0]
    for hook in hooks:
        hook.remove()
    # Mean and deviation of the maps of TaoRuijie's class with the same weights.
    expected = dict(
        stem=(0.699121, 1.873060),
        block0=(0.981092, 1.940686),
        block1=(2.404367, 3.995383),
        block2=(5.432287, 8.183494),
        mfa=(-0.065512, 6.384889),
    )
    for name, (mean, deviation) in expected.items():
        assert maps[name].shape[-1] == 202
        assert maps[name].mean().item() == pytest.approx(mean, abs=2e-4)
        assert maps[name].std().item() == pytest.approx(deviation, abs=5e-4)
    start = np.array([-3.006542, -0.987877, -2.119622, -1.051027, 0.620112, -0.448468])
    np.testing.assert_allclose(F.normalize(embedding, dim=0)[:6], start / 52.8443, atol=1e-4)
    assert embedding.norm().item() == pytest.approx(52.8443, abs=5e-3)


def test_tao_wide_network_of_a_waveform():
    net = filled(ECAPA_PRESETS['tao_c1024'], tao_keys())
    with torch.no_grad():
        embedding = net(tao_features())[0]
    start = np.array([-3.188199, -5.341799, 3.188816, -4.113531, -0.997833, -0.860816])
    np.testing.assert_allclose(F.normalize(embedding, dim=0)[:6], start / 43.7606, atol=1e-4)


def test_key_maps_walk_as_many_tensors_as_the_originals():
    maps = (tao_keys(), speechbrain_keys(), wespeaker_keys())
    assert [sum('num_batches' not in key for key in keys) for keys in maps] == [200, 200, 192]


@pytest.mark.parametrize(
    'options', [{}, dict(padding_mode='reflect', res2_passthrough='first', mfa_norm=True)]
)
def test_scripted_network_is_the_same(options):
    net = ECAPATDNN(**SMALL, **options).eval()
    scripted = torch.jit.script(net)
    x, lengths = torch.randn(2, 20, 37), torch.tensor([37, 20])
    with torch.no_grad():
        assert torch.equal(scripted(x), net(x))
        assert torch.equal(scripted(x, lengths), net(x, lengths))


def test_gates_count_the_given_frames_only():
    net = ECAPATDNN(**SMALL, kernel_sizes=(1, 1, 1, 1)).eval()  # no convolution looks at a neighbour
    x = torch.randn(1, 20, 30)
    padded = torch.cat([x, torch.full((1, 20, 9), 5.0)], dim=-1)
    with torch.no_grad():
        short, long = net(x), net(padded, torch.tensor([30]))
        blind = net(padded)
    torch.testing.assert_close(long[..., :30], short, atol=1e-6, rtol=1e-5)
    assert (blind[..., :30] - short).abs().max() > 1e-3


def test_checkpointing_gives_the_same_gradients_and_statistics():
    torch.manual_seed(0)
    plain, frugal = ECAPATDNN(**SMALL), ECAPATDNN(**SMALL, with_cp=True)
    frugal.load_state_dict(plain.state_dict())
    x = torch.randn(2, 20, 30)
    for net in (plain, frugal):
        net(x).square().mean().backward()
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)
    for (name, a), b in zip(plain.named_buffers(), frugal.buffers()):
        torch.testing.assert_close(a, b, msg=name)


def test_reflected_padding_says_how_many_frames_it_needs():
    net = ECAPATDNN(**SMALL, padding_mode='reflect').eval()
    assert net.min_frames == 5
    assert net(torch.randn(1, 20, 5)).isfinite().all()
    with pytest.raises(RuntimeError, match='Padding size'):
        net(torch.randn(1, 20, 4))


@pytest.mark.parametrize(('options', 'error', 'words'), [
    (dict(skip='sums'), UnknownNameError, "Did you mean 'sum'"),
    (dict(padding_mode='reflected'), UnknownNameError, "'reflect'"),
    (dict(res2_passthrough='middle'), ValueError, 'last'),
    (dict(scale=5), ValueError, 'scale=5'),
    (dict(dilations=(1, 2)), ValueError, 'one dilation per layer'),
    (dict(kernel_sizes=(4, 3, 3, 3)), ValueError, 'odd'),
])  # fmt: skip
def test_wrong_options_are_named(options, error, words):
    with pytest.raises(error, match=words):
        ECAPATDNN(**{**SMALL, **options})
