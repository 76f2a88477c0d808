"""Converting: what is recognised, what is refused, and that nothing in a file is run."""

import io
import math
import pickle
import tarfile

import pytest
import torch
import torch.nn.functional as F
from foreign_weights import by_key_map, by_list, converted, embedding, filled
from safetensors.torch import save_file

from svtoolkit.errors import CheckpointError, UnknownNameError
from svtoolkit.models.backbones.resnet import BLOCKS
from svtoolkit.registry import MODELS
from svtoolkit.zoo import package as packages
from svtoolkit.zoo import sources
from svtoolkit.zoo.convert import convert, file_sha256
from svtoolkit.zoo.convert_ecapa import speechbrain_keys, wespeaker_keys
from svtoolkit.zoo.convert_lstm import lstm_keys
from svtoolkit.zoo.convert_res2net import eres2net_keys, eres2netv2_keys, res2net_keys
from svtoolkit.zoo.convert_resnet import resnet_keys

FBANK = dict(type='SpeakerPreprocessor', feature=dict(type='Fbank'))
SMALL_ECAPA = dict(
    data_preprocessor=FBANK,
    backbone=dict(type='ECAPATDNN', channels=32, mfa_channels=48, se_channels=8, scale=4, mfa_norm=True),
    neck=dict(type='AttentiveStatsPooling', act='relu_bn_tanh', attention_channels=6, context=True),
    embedding=dict(embed_dim=10, pre_norm='bn', norm='none'),
)


class Malice:
    """Something that unpickling would have to import."""


def small_ecapa():
    return by_key_map(speechbrain_keys(scale=4), SMALL_ECAPA)


def meta_state(keys, backbone, neck, **layer):
    """Names and shapes alone, for networks too large to fill."""
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='EmbeddingRecognizer',
                data_preprocessor=FBANK,
                backbone=backbone,
                neck=neck,
                embedding=layer,
            )
        )
    own = model.state_dict()
    return {theirs: own[ours] for theirs, ours in keys.items()}


@pytest.mark.parametrize('depth', BLOCKS)
def test_depth_of_a_resnet_is_in_its_shapes(depth):
    keys = resnet_keys(BLOCKS[depth], depth >= 50)
    state = meta_state(
        keys, dict(type='ResNet', depth=depth), dict(type='StatsPooling'), embed_dim=256, norm='none'
    )
    recipe = sources.wespeaker(state, {})
    assert recipe.architecture == f'ResNet{depth}'
    assert recipe.front_end['feature'] == dict(type='Fbank', num_mel_bins=80, window='hamming', scale=32768.0)
    assert list(recipe.keys) == list(keys)


@pytest.mark.parametrize('bins', [40, 64, 80, 96])
def test_bins_are_in_the_shapes(bins):
    net = dict(type='ResNet', depth=18)
    front = dict(FBANK, feature=dict(type='Fbank', num_mel_bins=bins))
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='EmbeddingRecognizer',
                data_preprocessor=front,
                backbone=net,
                neck=dict(type='StatsPooling'),
                embedding=dict(embed_dim=8, norm='none'),
            )
        )
    state = {theirs: model.state_dict()[ours] for theirs, ours in resnet_keys((2, 2, 2, 2)).items()}
    assert sources.wespeaker(state, {}).front_end['feature']['num_mel_bins'] == bins


@pytest.mark.parametrize(('channels', 'context', 'emb_bn'), [(512, True, True), (1024, False, False)])
def test_form_of_an_ecapa_is_in_its_shapes(channels, context, emb_bn):
    neck = dict(type='AttentiveStatsPooling', act='tanh', attention_channels=128, context=context)
    state = meta_state(
        wespeaker_keys(emb_bn=emb_bn),
        dict(type='ECAPATDNN', channels=channels),
        neck,
        embed_dim=192,
        pre_norm='bn',
        norm='bn' if emb_bn else 'none',
    )
    network = sources.wespeaker(state, {}).network
    assert network['backbone']['channels'] == channels
    assert network['backbone']['mfa_channels'] == 1536
    assert network['neck']['context'] is context
    assert network['embedding']['norm'] == ('bn' if emb_bn else 'none')


@pytest.mark.parametrize(('backbone', 'keys'), [
    (dict(type='Res2Net'), res2net_keys()),
    (dict(type='Res2Net', width=64), res2net_keys()),
    (dict(type='ERes2Net', width=64), eres2net_keys()),
    (dict(type='ERes2Net', width=64, base_width=24, scale=3, expansion=4), eres2net_keys(scale=3)),
    (dict(type='ERes2NetV2'), eres2netv2_keys()),
    (dict(type='ERes2NetV2', base_width=24, scale=4, expansion=4), eres2netv2_keys(scale=4)),
])  # fmt: skip
def test_form_of_a_res2net_is_in_its_shapes(backbone, keys):
    state = meta_state(keys, backbone, dict(type='StatsPooling'), embed_dim=192, norm='none')
    recipe = sources.three_d_speaker(state, {})
    with torch.device('meta'):
        model = MODELS.build(recipe.config)
    own = model.state_dict()
    assert {key: value.shape for key, value in own.items()} == {
        ours: state[theirs].shape for theirs, ours in keys.items()
    }


def test_wrappers_classifiers_and_front_ends_around_the_weights_do_not_matter(tmp_path):
    bare = embedding(converted(small_ecapa(), 'speechbrain', tmp_path))
    wrapped = {f'module.{key}': value for key, value in small_ecapa().items()}
    wrapped['module.classifier.weight'] = torch.zeros(3, 10)
    assert torch.equal(
        embedding(converted({'state_dict': wrapped, 'epoch': 7}, 'speechbrain', tmp_path)), bare
    )
    save_file(small_ecapa(), tmp_path / 'weights.safetensors')
    assert torch.equal(embedding(convert(tmp_path / 'weights.safetensors', 'speechbrain')), bare)


def test_counters_of_batch_norms_may_be_missing(tmp_path):
    state = {key: value for key, value in small_ecapa().items() if 'num_batches' not in key}
    bare = embedding(converted(small_ecapa(), 'speechbrain', tmp_path))
    assert torch.equal(embedding(converted(state, 'speechbrain', tmp_path)), bare)


def test_converted_model_is_saved_and_loaded_as_any_other(tmp_path):
    package = converted(small_ecapa(), 'speechbrain', tmp_path)
    package.threshold = 0.25
    package.save(tmp_path / 'model')
    loaded = packages.load(tmp_path / 'model')
    assert loaded.fingerprint == package.fingerprint
    assert loaded.threshold == 0.25
    assert loaded.card['source'] == 'speechbrain'
    assert loaded.card['sha256'] == file_sha256(tmp_path / 'weights.pt')
    assert torch.equal(embedding(loaded), embedding(package))


def test_own_front_end_and_threshold_can_be_given(tmp_path):
    converted(small_ecapa(), 'speechbrain', tmp_path)
    feature = dict(type='LogMel', preset='speechbrain', top_db=60.0)
    package = convert(
        tmp_path / 'weights.pt', 'speechbrain', name='mine', feature=feature, normalise='none', threshold=0.3
    )
    assert package.config['data_preprocessor'] == dict(
        type='SpeakerPreprocessor', feature=feature, normalise='none'
    )
    assert (package.name, package.threshold, package.threshold_source) == ('mine', 0.3, 'given at conversion')


def test_random_state_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    converted(small_ecapa(), 'speechbrain', tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_every_fault_of_the_weights_is_listed(tmp_path):
    state = small_ecapa()
    del state['mfa.norm.norm.bias']
    state['extra.weight'] = torch.zeros(2)
    state['blocks.1.tdnn2.conv.conv.weight'] = torch.zeros(32, 31, 1)
    with pytest.raises(CheckpointError) as caught:
        converted(state, 'speechbrain', tmp_path)
    message = str(caught.value)
    assert 'weights.pt as speechbrain' in message
    for fault in (
        'missing: mfa.norm.norm.bias',
        'unexpected: extra.weight',
        'blocks.1.tdnn2.conv.conv.weight: shape [32, 31, 1]',
    ):
        assert fault in message


@pytest.mark.parametrize('source', sources.SOURCES)
def test_weights_of_something_else_are_refused_by_every_source(source, tmp_path):
    with pytest.raises(CheckpointError, match=f'as {source}: '):
        converted({'linear.weight': torch.zeros(2, 3), 'linear.bias': torch.zeros(2)}, source, tmp_path)


def test_two_embedding_layers_are_refused_by_name(tmp_path):
    state = {f'layer{stage}.0.conv1.weight': torch.zeros(4, 4, 3, 3) for stage in (1, 2, 3, 4)}
    state |= {'conv1.weight': torch.zeros(4, 1, 3, 3), 'seg_2.weight': torch.zeros(2, 2)}
    with pytest.raises(CheckpointError, match='two_emb_layer'):
        converted(state, 'wespeaker', tmp_path)


def test_pooling_that_leaves_no_weights_is_not_guessed(tmp_path):
    with pytest.raises(CheckpointError, match='TAP or MAX'):
        converted(
            {'netcnn.0.weight': torch.zeros(96, 1, 5, 7), 'fc.weight': torch.zeros(2, 512)}, 'clova', tmp_path
        )


def test_settings_that_cannot_be_followed_are_named(tmp_path):
    content = dict(
        model_config=dict(feat_type='tf', stages_setup=[], pooling_func='TSTP'),
        state_dict=by_list('redimnet'),
    )
    with pytest.raises(CheckpointError, match="feat_type='tf'(.|\n)*pooling_func='TSTP'"):
        converted(content, 'redimnet', tmp_path)


def test_source_is_named_or_guessed_from_what_was_meant(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'speechbrain'"):
        convert(tmp_path / 'x.pt', 'speechbrian')


def test_file_that_must_be_unpickled_is_refused(tmp_path):
    path = tmp_path / 'model.pt'
    torch.save({'model': Malice()}, path)
    with pytest.raises(CheckpointError, match=r'refused(.|\n)*Malice'):
        convert(path, 'speechbrain')
    path.write_bytes(pickle.dumps({'state_dict': Malice()}))
    with pytest.raises(CheckpointError):
        convert(path, 'speechbrain')


@pytest.mark.parametrize('name', ['model.pt', 'model.safetensors', 'model.nemo', 'model.onnx'])
def test_damaged_and_missing_files_are_named(name, tmp_path):
    if name.endswith('onnx'):
        pytest.importorskip('onnx')
    path = tmp_path / name
    with pytest.raises(CheckpointError, match='no such weight file'):
        convert(path, 'wespeaker')
    path.write_bytes(b'not what it says' * 9)
    with pytest.raises(CheckpointError, match=name):
        convert(path, 'wespeaker')


def test_checkpoint_without_tensors_says_what_it_holds(tmp_path):
    with pytest.raises(CheckpointError, match='holds no weights; its keys are epoch, lr'):
        converted({'epoch': 1, 'lr': 0.1}, 'tao', tmp_path)


def write_nemo(path, **members):
    with tarfile.open(path, 'w') as archive:
        for name, content in members.items():
            info = tarfile.TarInfo('./' + name.replace('__', '.'))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def as_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_nemo_archive_is_read_without_unpacking(tmp_path):
    state = by_list('titanet') | {'preprocessor.featurizer.fb': torch.zeros(1, 80, 257)}
    path = tmp_path / 'titanet.nemo'
    write_nemo(path, model_config__yaml=b'sample_rate: 16000\n', model_weights__ckpt=as_bytes(state))
    inside = converted(state, 'nemo', tmp_path)
    assert convert(path, 'nemo').fingerprint == inside.fingerprint


@pytest.mark.parametrize(('config', 'weights', 'words'), [
    (b'a: !!python/object/apply:os.getcwd []', as_bytes({'x': torch.zeros(1)}), 'plain YAML'),
    (b'a: 1', as_bytes({'x': Malice()}), 'refused'),
    (b'a: 1', None, 'has no model_weights.ckpt'),
])  # fmt: skip
def test_nemo_archive_that_would_run_code_is_refused(config, weights, words, tmp_path):
    members = dict(model_config__yaml=config) | ({} if weights is None else dict(model_weights__ckpt=weights))
    write_nemo(tmp_path / 'bad.nemo', **members)
    with pytest.raises(CheckpointError, match=words):
        convert(tmp_path / 'bad.nemo', 'nemo')


def partial_slices(num_samples):
    """Where the windows of VoiceEncoder.embed_utterance begin, in frames: 1.3 a second, three quarters covered."""
    frames = math.ceil((num_samples + 1) / 160)
    step = round(16000 / 1.3 / 160)
    starts = list(range(0, max(1, frames - 160 + step + 1), step))
    if len(starts) > 1 and (num_samples - 160 * starts[-1]) / (160 * 160) < 0.75:
        starts.pop()
    return starts


@pytest.mark.parametrize('num_samples', [800, 8000, 25_600, 25_919, 31_520, 31_519, 70_001])
def test_resemblyzer_embeds_windows_of_the_padded_waveform(num_samples, tmp_path):
    torch.manual_seed(0)
    lstm, linear = torch.nn.LSTM(40, 24, 3, batch_first=True), torch.nn.Linear(24, 16)
    state = {f'lstm.{key}': value for key, value in lstm.state_dict().items()}
    state |= {f'linear.{key}': value for key, value in linear.state_dict().items()}
    assert list(state) == list(lstm_keys())
    state |= {'similarity_weight': torch.ones(1), 'similarity_bias': torch.ones(1)}
    package = converted({'step': 1, 'model_state': state, 'optimizer_state': {}}, 'resemblyzer', tmp_path)
    wave = 0.1 * torch.randn(1, num_samples)
    starts = partial_slices(num_samples)
    padded = F.pad(wave, (0, max(0, 160 * (starts[-1] + 160) - num_samples)))
    with torch.no_grad():
        mels = package.model.data_preprocessor.features(padded).transpose(1, 2)
        raw = linear(lstm(torch.cat([mels[:, start : start + 160] for start in starts]))[1][0][-1]).relu()
        mean = F.normalize(raw).mean(dim=0, keepdim=True)
        torch.testing.assert_close(package.model.embed(wave), F.normalize(mean))


def test_bilstm_gives_what_its_own_script_gives(data_dir):
    script, path = data_dir / 'scripts/embed_bilstm.py', data_dir / 'weights/bilstm_librispeech.pt'
    if not (script.is_file() and path.is_file()):
        pytest.skip('no weights/bilstm_librispeech.pt')
    import importlib.util

    spec = importlib.util.spec_from_file_location('embed_bilstm', script)
    original = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(original)
    wave = 0.1 * torch.randn(70_001, generator=torch.Generator().manual_seed(0))
    package = convert(path, 'bilstm')
    with torch.no_grad():
        ours = package.model.embed(wave[None])[0]
    torch.testing.assert_close(ours, torch.from_numpy(original.load(path).embed(wave)), atol=1e-5, rtol=0)


def test_filled_weights_count_tensors_but_not_counters():
    state = filled({'a.weight': (2, 3), 'a.num_batches_tracked': (), 'b.bias': (2,)})
    assert state['a.num_batches_tracked'].item() == 0
    assert state['b.bias'][0].item() == pytest.approx(0.05 * 0.8414709848)  # sin(1): tensor number 1
