"""hf:owner/name: from a mirror or the hub's cache, checked, and converted by what lies in the folder."""

import json
import sys
import types

import pytest
import torch
from foreign_weights import by_key_map, by_list, converted, embedding, golden_signal
from test_convert import SMALL_ECAPA

import svtoolkit
from svtoolkit.errors import CheckpointError, MissingExtraError
from svtoolkit.zoo import hub
from svtoolkit.zoo import package as packages
from svtoolkit.zoo.convert import file_sha256
from svtoolkit.zoo.convert_ecapa import speechbrain_keys
from svtoolkit.zoo.convert_resnet import resnet_keys


def small_resnet():
    network = dict(
        data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Fbank')),
        backbone=dict(type='ResNet', block='basic', blocks=(1, 1, 1, 1), widths=(4, 8, 16, 32)),
        neck=dict(type='StatsPooling'),
        embedding=dict(embed_dim=12, norm='none'),
    )
    return by_key_map(resnet_keys((1, 1, 1, 1)), network)


def small_ecapa():
    return by_key_map(speechbrain_keys(scale=4), SMALL_ECAPA)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv(hub.MIRROR, str(tmp_path / 'mirror'))
    folder = tmp_path / 'mirror' / 'owner' / 'name'
    folder.mkdir(parents=True)
    return folder


def fill(folder, layout):
    """Lay a checkpoint out as its toolkit publishes it."""
    if layout == 'speechbrain':
        (folder / 'hyperparams.yaml').write_text('n_mels: 80\n')
        torch.save(small_ecapa(), folder / 'embedding_model.ckpt')
        torch.save({'x': torch.zeros(1)}, folder / 'classifier.ckpt')
    elif layout == 'wespeaker':
        (folder / 'config.yaml').write_text('model: ResNet\n')
        torch.save(small_resnet(), folder / 'avg_model.pt')
        (folder / 'readme.pt').mkdir()
    elif layout == '3dspeaker':
        (folder / 'configuration.json').write_text(
            json.dumps(dict(model=dict(pretrained_model='resnet.bin')))
        )
        torch.save(small_resnet(), folder / 'resnet.bin')
        torch.save({'x': torch.zeros(1)}, folder / 'other.pt')
    elif layout == 'redimnet':
        from test_sources import REDIMNET

        torch.save(dict(model_config=REDIMNET, state_dict=by_list('redimnet')), folder / 'b0-vox2-lm.pt')


@pytest.mark.parametrize(('layout', 'window'), [
    ('speechbrain', None), ('wespeaker', 'hamming'), ('3dspeaker', 'povey'), ('redimnet', None),
])  # fmt: skip
def test_layout_tells_the_toolkit(layout, window, mirror):
    fill(mirror, layout)
    package = packages.load('hf:owner/name')
    assert package.card['source'] == layout
    assert package.card['origin'] == 'hf:owner/name'
    assert package.config['data_preprocessor']['feature'].get('window') == window


def test_three_lines_embed_with_a_model_of_the_hub(mirror, tmp_path):
    fill(mirror, 'speechbrain')
    model = svtoolkit.load('hf:owner/name')
    vector = model.embed((golden_signal()[0].numpy(), 16000))[0]
    expected = embedding(converted(small_ecapa(), 'speechbrain', tmp_path))
    torch.testing.assert_close(torch.from_numpy(vector), expected, atol=1e-5, rtol=1e-5)


def test_own_packages_are_loaded_as_they_are(mirror, tmp_path):
    package = converted(small_ecapa(), 'speechbrain', tmp_path)
    package.save(mirror)
    assert packages.load('hf:owner/name').fingerprint == package.fingerprint


def test_checksums_are_compared(mirror):
    fill(mirror, 'speechbrain')
    sums = mirror / hub.SUMS
    digest = file_sha256(mirror / 'embedding_model.ckpt')
    sums.write_text(f'{digest}  embedding_model.ckpt\n')
    packages.load('hf:owner/name')
    sums.write_text(f'{"0" * 64}  embedding_model.ckpt\n')
    with pytest.raises(CheckpointError, match=f'should be 0000(.|\n)*{digest}'):
        packages.load('hf:owner/name')
    sums.write_text(f'{digest} *gone.ckpt\n')
    with pytest.raises(CheckpointError, match='gone.ckpt(.|\n)*missing'):
        packages.load('hf:owner/name')


@pytest.mark.parametrize('name', ['owner', 'owner/../name', '/etc/passwd', 'a/b/c', '../x', 'owner/name@'])
def test_names_are_no_paths(name, mirror):
    with pytest.raises(CheckpointError, match='is written hf:owner/name'):
        packages.load(f'hf:{name}')


def test_unknown_models_and_layouts_are_named(mirror):
    with pytest.raises(CheckpointError, match='no folder owner/other'):
        packages.load('hf:owner/other')
    with pytest.raises(CheckpointError, match='not the layout of SpeechBrain'):
        packages.load('hf:owner/name')
    (mirror / 'config.yaml').write_text('')
    for name in 'ab':
        torch.save({}, mirror / f'{name}.pt')
    with pytest.raises(CheckpointError, match='found: a.pt, b.pt'):
        packages.load('hf:owner/name')


def test_hub_package_is_asked_for_when_it_is_missing(monkeypatch):
    monkeypatch.delenv(hub.MIRROR, raising=False)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    with pytest.raises(MissingExtraError, match=r'svtoolkit\[hub\]'):
        packages.load('hf:owner/name')


@pytest.fixture
def fake_hub(tmp_path, monkeypatch):
    """The hub's cache as huggingface_hub lays it out: a snapshot of links to files named by their hash."""
    monkeypatch.delenv(hub.MIRROR, raising=False)
    cache = tmp_path / 'models--owner--name'
    snapshot = cache / 'snapshots' / 'main'
    snapshot.mkdir(parents=True)
    (cache / 'blobs').mkdir()
    fill(snapshot, 'speechbrain')
    weights = snapshot / 'embedding_model.ckpt'
    blob = cache / 'blobs' / file_sha256(weights)
    weights.rename(blob)
    weights.symlink_to(blob)
    asked = []

    def snapshot_download(repository, revision=None, allow_patterns=None):
        asked.append((repository, revision))
        if repository != 'owner/name':
            raise OSError('401 Client Error')
        return str(snapshot)

    module = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, 'huggingface_hub', module)
    return blob, asked


def test_files_of_the_hub_are_checked_against_their_own_name(fake_hub):
    blob, asked = fake_hub
    packages.load('hf:owner/name@v1')
    assert asked == [('owner/name', 'v1')]
    blob.write_bytes(blob.read_bytes()[:-1] + b'x')
    with pytest.raises(CheckpointError, match='fetch the model again'):
        packages.load('hf:owner/name')


def test_failed_downloads_say_how_to_work_offline(fake_hub):
    with pytest.raises(CheckpointError, match=f'OSError: 401(.|\n)*{hub.MIRROR}'):
        packages.load('hf:owner/private')
