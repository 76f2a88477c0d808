"""Every importable family gives the embedding of its original class, front end included."""

import functools

import pytest
import torch
from foreign_weights import by_key_map, by_list, converted, embedding

from svtoolkit.models.backbones.ecapa_tdnn import ECAPA_PRESETS
from svtoolkit.registry import MODELS
from svtoolkit.zoo.convert_campplus import campplus_keys
from svtoolkit.zoo.convert_clova import clova_keys, rawnet3_keys, vggvox_keys
from svtoolkit.zoo.convert_ecapa import speechbrain_keys, tao_keys, wespeaker_keys
from svtoolkit.zoo.convert_res2net import eres2net_keys, res2net_keys, wespeaker_eres2net_keys
from svtoolkit.zoo.convert_resnet import resnet_keys
from svtoolkit.zoo.package import ModelPackage

FBANK = dict(type='SpeakerPreprocessor', feature=dict(type='Fbank'))
STATS = dict(type='StatsPooling')
REDIMNET = dict(
    F=24,
    C=4,
    block_1d_type='conv+att',
    block_2d_type='convnext_like',
    stages_setup=[(1, 1, 1, [(3, 3)], None), (2, 1, 2, [(3, 3)], 4), (3, 1, 1, [(3, 3)], 3)],
    group_divisor=2,
    out_channels=None,
    embed_dim=16,
    spec_params=dict(do_spec_aug=False, norm_signal=True),
    global_context_att=True,
)
REDIMNET2 = dict(
    F=24,
    C=4,
    causal='none',
    out_channels=5,
    return_2d_output=True,
    block_1d_type='conv+att',
    block_2d_type='basic_resnet',
    stages_setup=[((1, 1), 1, 2, [(3, 3)], 4), ((2, 2), 1, 1, [(3, 3)], 4), ((1, 2), 1, 1, [(3, 3)], 3)],
    embed_dim=16,
    spec_params=dict(do_spec_aug=False),
)

REDIMNET2_DUAL = dict(REDIMNET2, dual_agg=True, agg_gnorm=True)  # as the one trained on VoxBlink2


# Of unit embeddings; float32 leaves up to 2e-5, a wrong padding moves them by 3e-3, a wrong window by 5e-5.
TOLERANCE = 3e-5
# Between tones the filters of RawNet3 give nearly nothing, whose logarithm magnifies the rounding.
LOOSER = {'clova rawnet3': 5e-4}


def network(backbone, neck, bins=80, **layer):
    front_end = dict(FBANK, feature=dict(type='Fbank', num_mel_bins=bins))
    return dict(data_preprocessor=front_end, backbone=backbone, neck=neck, embedding=layer)


def ecapa(preset):
    return dict(data_preprocessor=FBANK, **ECAPA_PRESETS[preset])


def clova(large):
    neck = dict(type='SelfAttentivePooling', attention_channels=None)
    if large:
        return network(dict(type='ClovaResNet'), neck, bins=40, embed_dim=256, norm='none')
    backbone = dict(
        type='ClovaResNet', widths=(32, 64, 128, 256), strides=(1, 2, 2, 2), stem='plain', pool_bins=False
    )
    neck = dict(type='AttentiveStatsPooling', act='relu_bn')
    return network(backbone, neck, bins=64, embed_dim=512, norm='none')


def wespeaker_resnet18():
    neck = dict(type='AttentiveStatsPooling', attention_channels=128, act='tanh')
    net = network(dict(type='ResNet', depth=18), neck, embed_dim=128, norm='none')
    return by_key_map(resnet_keys((2, 2, 2, 2), attentive=True), net)


def campplus(embed_dim):
    net = network(dict(type='CAMPPlus'), STATS, embed_dim=embed_dim, bias=False, norm_affine=False)
    return by_key_map(campplus_keys(), net)


def pictures(kind, keys):
    return by_key_map(keys, network(dict(type=kind), STATS, embed_dim=192, norm='none'))


def tao_checkpoint():
    state = by_key_map(tao_keys(), ecapa('tao_c512'))
    state = {f'speaker_encoder.{key}': value for key, value in state.items()}
    return state | {
        'speaker_encoder.torchfbank.0.flipped_filter': torch.zeros(1, 1, 2),
        'speaker_loss.weight': torch.zeros(5, 192),
    }


def clova_checkpoint(large):
    state = by_key_map(clova_keys(large), clova(large), **({'attention': (128, 1)} if large else {}))
    bank = 'torchfb.mel_scale.fb' if large else 'torchfb.1.mel_scale.fb'
    state[bank] = torch.zeros(257, 40 if large else 64)
    return {'model_state_dict': {f'__S__.{key}': value for key, value in state.items()}, 'epoch': 3}


def vggvox():
    neck = dict(type='SelfAttentivePooling', attention_channels=None)
    net = network(dict(type='VGGVox40'), neck, bins=40, embed_dim=512, norm='none')
    state = by_key_map(vggvox_keys(), net, attention=(512, 1))
    return {f'__S__.{key}': value for key, value in state.items()}


def rawnet3():
    """As its author publishes it, with what the network never calls; the filters spread over the spectrum."""
    neck = dict(type='AttentiveStatsPooling', act='relu_bn', context=True, attention_channels=128)
    net = dict(
        data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Waveform')),
        backbone=dict(type='RawNet3'),
        neck=neck,
        embedding=dict(embed_dim=256, pre_norm='bn', norm='none'),
    )
    state = by_key_map(rawnet3_keys(), net)
    state['conv1.filterbank.low_hz_'] = torch.linspace(0, 7000, 128)[:, None]
    state['conv1.filterbank.band_hz_'] = torch.linspace(50, 500, 128)[:, None]
    unused = {'bn1.weight': torch.ones(256), 'bn6.running_var': torch.ones(256)}
    constant = {
        'preprocess.0.flipped_filter': torch.zeros(1, 1, 2),
        'conv1.filterbank.n_': torch.zeros(1, 125),
    }
    return {'model': state | unused | constant}


# How a checkpoint is made, its toolkit, and what the original class gave for it: unit embedding[0:6], norm.
# WeSpeaker: features of its cli/speaker.py; 3D-Speaker: its process/processor.py; SpeechBrain: Fbank and
# InputNormalization of its verification_ecapa.yaml; NeMo: FilterbankFeatures; the others bring their own.
GOLDEN = {
    'wespeaker resnet': (wespeaker_resnet18, 'wespeaker', 
        (0.094759, -0.008412, -0.016824, -0.015469, -0.051037, -0.023509), 10.55107),
    'wespeaker ecapa': (
        lambda: by_key_map(wespeaker_keys(), ecapa('wespeaker_c512')), 'wespeaker', 
        (-0.001886, -0.048071, 0.01386, -0.015177, -0.051723, -0.099181), 18.5183),
    'wespeaker campplus': (lambda: campplus(512), 'wespeaker', 
        (-0.051255, -0.062688, -0.029245, 0.080134, 0.003133, 0.041683), 2.40577),
    'wespeaker res2net': (lambda: pictures('Res2Net', res2net_keys()), 'wespeaker', 
        (-0.043992, 0.002023, 0.011141, -0.064939, 0.015606, -0.003116), 5.43667),
    'wespeaker eres2net': (
        lambda: pictures('ERes2Net', wespeaker_eres2net_keys()), 'wespeaker', 
        (0.077158, -0.003526, 0.011888, 0.016656, 0.053031, -0.078451), 15.15441),
    '3dspeaker campplus': (lambda: campplus(192), '3dspeaker', 
        (-0.076944, -0.099621, -0.045302, 0.12128, 0.003322, 0.063415), 1.58405),
    '3dspeaker eres2net': (lambda: pictures('ERes2Net', eres2net_keys()), '3dspeaker', 
        (0.0205, -0.013776, 0.030529, -0.022252, 0.037985, 0.029529), 11.83802),
    '3dspeaker ecapa': (
        lambda: by_key_map(speechbrain_keys(), ecapa('speechbrain_c512')), '3dspeaker', 
        (0.016959, -0.007756, -0.002065, 0.050139, 0.012444, -0.093092), 36.36104),
    'speechbrain ecapa': (
        lambda: by_key_map(speechbrain_keys(), ecapa('speechbrain_c512')), 'speechbrain', 
        (-0.016707, -0.015109, -0.004644, 0.040476, -0.007666, -0.130305), 104.13329),
    'tao ecapa': (tao_checkpoint, 'tao', 
        (-0.056894, -0.018694, -0.040111, -0.019889, 0.011735, -0.008487), 52.84426),
    'clova l': (lambda: clova_checkpoint(True), 'clova', 
        (0.043932, -0.006008, -0.016244, -0.000345, 0.014773, -0.069683), 4.97303),
    'clova v2': (lambda: clova_checkpoint(False), 'clova', 
        (0.012123, 0.027883, -0.002225, 0.019353, -0.019157, -0.049612), 7.6893),
    'clova vggvox': (vggvox, 'clova', 
        (0.00801, -0.007542, -0.025043, 0.042213, 0.010817, 0.085322), 22.34742),
    'clova rawnet3': (rawnet3, 'clova', 
        (-0.040183, -0.020999, -0.035291, -0.025747, -0.077864, -0.085165), 35.205),
    'nemo titanet': (lambda: by_list('titanet'), 'nemo', 
        (-0.068022, 0.056426, 0.053338, -0.028945, -0.104137, -0.143482), 0.67731),
    'redimnet': (
        lambda: dict(model_config=REDIMNET, state_dict=by_list('redimnet')), 'redimnet', 
        (-0.019497, -0.432283, -0.094647, 0.050373, 0.013387, -0.105256), 0.57841),
    'redimnet2': (
        lambda: dict(model_config=REDIMNET2, state_dict=by_list('redimnet2')), 'redimnet', 
        (0.383163, 0.341492, -0.450693, 0.221876, -0.077162, -0.121815), 0.63288),
    'redimnet2 dual': (
        lambda: dict(model_config=REDIMNET2_DUAL, state_dict=by_list('redimnet2_dual')), 'redimnet', 
        (0.401382, -0.104983, -0.587015, 0.146221, -0.211556, -0.187868), 0.32063),
}  # fmt: skip


@pytest.fixture(scope='module')
def imported(tmp_path_factory):
    """Converted once per family: name -> package."""

    @functools.cache
    def convert_named(name):
        make, source, *_ = GOLDEN[name]
        return converted(make(), source, tmp_path_factory.mktemp('weights'))

    return convert_named


def difference(vector, name):
    start, norm = GOLDEN[name][2:]
    direction = (vector[:6] / vector.norm() - torch.tensor(start)).abs().max().item()
    return max(direction, abs(vector.norm().item() / norm - 1))


def variant(package, part, changes):
    """The same weights in a network that differs in something no shape shows."""
    model = MODELS.build(package.config | {part: package.config[part] | changes}).eval()
    model.load_state_dict(package.model.state_dict())
    return ModelPackage(package.name, package.config, model)


@pytest.mark.parametrize('name', GOLDEN)
def test_embedding_of_a_waveform_is_that_of_the_original(name, imported):
    assert difference(embedding(imported(name)), name) < LOOSER.get(name, TOLERANCE)


@pytest.mark.parametrize(('name', 'part', 'changes'), [
    ('speechbrain ecapa', 'backbone', dict(res2_passthrough='last')),
    ('speechbrain ecapa', 'backbone', dict(padding_mode='zeros')),
    ('speechbrain ecapa', 'backbone', dict(skip='sum')),
    ('tao ecapa', 'backbone', dict(res2_passthrough='first')),
    ('tao ecapa', 'backbone', dict(padding_mode='reflect')),
    ('tao ecapa', 'backbone', dict(skip='chain')),
    ('wespeaker ecapa', 'backbone', dict(res2_passthrough='first')),
    ('wespeaker ecapa', 'backbone', dict(skip='sum')),
    ('wespeaker ecapa', 'backbone', dict(padding_mode='reflect')),
    ('wespeaker resnet', 'data_preprocessor', dict(normalise='none')),
    ('clova l', 'data_preprocessor', dict(normalise='mean')),
    ('clova rawnet3', 'backbone', dict(sinc_stride=9)),
    ('redimnet', 'data_preprocessor', dict(normalise='none')),
])  # fmt: skip
def test_golden_values_feel_what_no_shape_shows(name, part, changes, imported):
    assert difference(embedding(variant(imported(name), part, changes)), name) > LOOSER.get(name, TOLERANCE)


@pytest.mark.parametrize(('name', 'feature'), [
    ('wespeaker campplus', dict(window='povey')),
    ('wespeaker resnet', dict(snip_edges=False)),
    ('3dspeaker campplus', dict(window='hamming')),
    ('nemo titanet', dict(drop_last=False)),
    ('nemo titanet', dict(preemphasis=0.0)),
    ('speechbrain ecapa', dict(pad_mode='reflect')),
    ('clova v2', dict(preemphasis=0.0)),
    ('clova vggvox', dict(window='hamming')),
    ('redimnet', dict(standardise=False)),
])  # fmt: skip
def test_golden_values_feel_the_front_end(name, feature, imported):
    own = imported(name).config['data_preprocessor']['feature']
    inner = dict(own, feature=own['feature'] | feature) if 'feature' in own else own | feature
    model = variant(imported(name), 'data_preprocessor', dict(feature=inner))
    assert difference(embedding(model), name) > LOOSER.get(name, TOLERANCE)
