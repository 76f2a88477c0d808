"""The Python interface: embeddings, verdicts, enrolment."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

import svtoolkit
from svtoolkit.errors import AudioError, CheckpointError, FingerprintError, SvtoolkitError
from svtoolkit.zoo import package


@pytest.fixture(scope='module')
def model(tiny_model):
    return svtoolkit.load(tiny_model)


@pytest.fixture(scope='module')
def waves(tiny_corpus):
    return {
        s: [soundfile.read(tiny_corpus / f'so762/test/s{s}/u{n}.wav', dtype='float32')[0] for n in range(4)]
        for s in (8, 9, 10)
    }


def test_embed_is_the_same_alone_and_in_company(model, waves, tiny_corpus):
    path = tiny_corpus / 'so762/test/s8/u0.wav'
    items = [path, (waves[9][0], 16000), (waves[8][0][:9000], 16000), str(path)]
    together = model.embed(items, batch_size=2)
    assert together.shape == (4, model.embed_dim)
    assert together.dtype == np.float32
    for item, vector in zip(items, together):
        np.testing.assert_allclose(model.embed(item)[0], vector, atol=1e-5)
    np.testing.assert_allclose(together[0], together[3], atol=1e-5)


def test_long_recordings_are_embedded_in_pieces(model, waves, tmp_path):
    minutes = np.tile(waves[8][0], 130)  # 156 s
    path = tmp_path / 'long.wav'
    soundfile.write(path, minutes, 16000)
    seen = []
    handle = model.model.backbone.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].shape[-1])
    )
    vector = model.embed([path])[0]
    handle.remove()
    assert len(seen) == 3
    assert max(seen) < 6100
    np.testing.assert_allclose(model.embed([(minutes, 16000)])[0], vector, atol=1e-3)


def test_arrays_are_checked(model):
    for wave in (np.zeros((2, 100)), np.zeros(0), np.array([0.0, np.nan])):
        with pytest.raises(AudioError):
            model.embed((wave, 16000))


def test_identify_finds_the_enrolled_and_can_say_nobody(model, waves):
    speakers = {str(s): model.enrol([(wave, 16000) for wave in waves[s][:3]]) for s in waves}
    name, score = model.identify((waves[9][0], 16000), speakers)
    assert name in (*speakers, None)
    assert -1 <= score <= 1.0001
    model.threshold, before = 2.0, model.threshold
    assert model.identify((waves[9][0], 16000), speakers)[0] is None
    model.threshold = before
    with pytest.raises(SvtoolkitError, match='nobody is enrolled'):
        model.identify((waves[9][0], 16000), {})


def test_a_package_comes_back_with_its_fingerprint(tiny_model, tmp_path):
    loaded = package.load(tiny_model)
    loaded.save(tmp_path / 'copy')
    assert package.load(tmp_path / 'copy').fingerprint == loaded.fingerprint
    assert package.load(tmp_path / 'copy' / 'model.safetensors').threshold == loaded.threshold
    record = tmp_path / 'copy' / 'model.json'
    record.write_text(record.read_text().replace(loaded.fingerprint, '0' * 16))
    with pytest.raises(FingerprintError, match='belongs to model 0000'):
        package.load(tmp_path / 'copy')


def test_a_package_cannot_ask_for_foreign_code(tiny_model, tmp_path):
    loaded = package.load(tiny_model)
    loaded.save(tmp_path / 'evil')
    record = tmp_path / 'evil' / 'model.json'
    for kind in ('os.system', 'torch.nn.Linear', 'mmengine.Config'):
        record.write_text(record.read_text().replace('"ResNet"', f'"{kind}"'))
        with pytest.raises(CheckpointError, match=kind):
            package.load(tmp_path / 'evil')
        record.write_text(record.read_text().replace(f'"{kind}"', '"ResNet"'))


def test_fingerprint_depends_on_weights_and_front_end(tiny_model):
    loaded = package.load(tiny_model)
    before = loaded.fingerprint
    loaded.config = {
        **loaded.config,
        'data_preprocessor': {**loaded.config['data_preprocessor'], 'normalise': 'none'},
    }
    assert loaded.fingerprint != before
    loaded = package.load(tiny_model)
    with torch.no_grad():
        loaded.model.embedding.linear.weight[0, 0] += 1e-3
    assert loaded.fingerprint != before


def test_importing_the_package_loads_neither_torch_nor_mmengine():
    code = 'import svtoolkit, sys; print([m for m in ("torch", "mmengine", "torchaudio", "cv2") if m in sys.modules])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.strip() == '[]'


def test_metrics_and_backends_work_without_mmengine_and_torch():
    code = (
        'import svtoolkit.metrics, svtoolkit.backends, svtoolkit.audio.io, svtoolkit.audio.vad, sys\n'
        'print([m for m in ("torch", "mmengine") if m in sys.modules])'
    )
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.strip() == '[]'


def test_training_and_embedding_at_the_models_own_rate_need_no_torchaudio(tiny_config, tiny_corpus, tmp_path):
    code = (
        'import sys; sys.modules["torchaudio"] = None\n'
        'import svtoolkit; from svtoolkit.engine import launch\n'
        f'launch.train({str(tiny_config)!r}, {str(tmp_path / "run")!r}, options={{"train_cfg.max_epochs": 1}})\n'
        f'print(svtoolkit.load({str(tmp_path / "run")!r}).embed({str(tiny_corpus / "so762/test/s8/u0.wav")!r}).shape)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.strip().endswith('(1, 16)'), done.stderr
