"""MUSAN and RIRS_NOISES: kinds, lists, packs."""

import numpy as np
import pytest
import soundfile

from svtoolkit.audio import io
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.packs import Pack
from svtoolkit.datasets.sources import musan, rirs_noises
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.errors import ManifestError


@pytest.fixture
def musan_folder(tmp_path, speech):
    root = tmp_path / 'noise/musan'  # a folder above is called like a kind
    for number, path in enumerate(
        [
            'music/fma/music-fma-0000',
            'noise/free-sound/noise-free-sound-0000',
            'noise/sound-bible/noise-sound-bible-0001',
            'speech/us-gov/speech-us-gov-0000',
        ]
    ):
        speech.write(root / f'{path}.wav', 0, number)
    return root  # fmt: skip


def test_musan_lists_and_pack(musan_folder, tmp_path):
    report = musan.prepare(musan_folder, tmp_path / 'out', pack=True)
    whole = Manifest.read(tmp_path / 'out/musan.tsv', audio_check=True)
    assert list(whole.extra['kind']) == ['music', 'noise', 'noise', 'speech']
    assert len(Manifest.read(tmp_path / 'out/musan_noise.tsv')) == 2
    pack = Pack(tmp_path / 'out/musan.pack')
    assert pack.names == list(whole.utts)
    assert pack.kinds == list(whole.extra['kind'])
    assert pack.attributes['corpus'] == 'musan'
    np.testing.assert_allclose(pack.read(0), io.read(whole.path(0)), atol=2**-15)
    assert not (tmp_path / 'out/musan_rir.pack').exists()
    assert (report.speakers, report.utterances) == (0, 4)


def test_the_list_and_the_pack_are_read_by_the_transforms(musan_folder, tmp_path):
    musan.prepare(musan_folder, tmp_path / 'out', pack=True)
    for source in (
        SoundSource(None, str(tmp_path / 'out/musan.tsv'), 16000),
        SoundSource(str(tmp_path / 'out/musan.pack'), None, 16000),
    ):
        assert source.kinds() == {'music', 'noise', 'speech'}
        assert len(source.whole(int(source.of_kind('speech')[0]))) == 8000


def test_rirs_noises(tmp_path, speech):
    root = tmp_path / 'RIRS_NOISES'
    speech.write(root / 'simulated_rirs/smallroom/Room001/Room001-00001.wav', 0, 0)
    speech.write(root / 'real_rirs_isotropic_noises/RWCP_type1_rir_cirline_jr1_imp010.wav', 0, 1, channels=3)
    speech.write(root / 'real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav', 0, 2)
    speech.write(root / 'pointsource_noises/noise-free-sound-0000.wav', 0, 3)
    rirs_noises.prepare(root, tmp_path / 'out', pack=True)
    rirs = Manifest.read(tmp_path / 'out/rirs_noises_rir.tsv', audio_check=True)
    assert len(rirs) == 2
    assert set(Manifest.read(tmp_path / 'out/rirs_noises.tsv').extra['kind']) == {'rir', 'noise'}
    several = next(row for row, utt in enumerate(rirs.utts) if 'RWCP' in utt)
    first = soundfile.read(root / rirs.utts[several])[0][:, 0]
    np.testing.assert_allclose(io.read(rirs.path(several)), first, atol=2**-15)
    responses = Pack(tmp_path / 'out/rirs_noises_rir.pack')
    assert set(responses.kinds) == {'rir'}
    assert np.abs(responses.read(0)).max() == pytest.approx(0.9, abs=1e-4)
    assert set(Pack(tmp_path / 'out/rirs_noises.pack').kinds) == {'noise'}


def test_sounds_in_other_folders_are_not_taken(tmp_path, speech):
    speech.write(tmp_path / 'other/what.wav')
    with pytest.raises(ManifestError, match='no recordings of rirs_noises'):
        rirs_noises.prepare(tmp_path / 'other', tmp_path / 'out')
