import pickle

import numpy as np
import pytest
import soundfile

from svtoolkit.datasets.packs import write_pack
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.errors import ConfigError, ManifestError, UnknownNameError

NAMES = {
    'musan/noise/free-sound/x-0001.wav': 'noise',
    'musan/music/rfm/music-rfm-0002.wav': 'music',
    'musan/speech/librivox/speech-librivox-0003.wav': 'speech',
    'flat/music_beat.wav': 'music',
    'flat/babble_03voices.wav': 'babble',
    'flat/door.wav': 'noise',
    'RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav': 'rir',
}


def ramp(number: int, length: int) -> np.ndarray:
    return ((1000 * number + np.arange(length)) / 32768).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(NAMES):
        path = tmp_path / 'sounds' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, ramp(number, 100 + number), 16000, subtype='PCM_16')
    return tmp_path / 'sounds'


def as_pack(folder):
    items = [
        (name, kind, ramp(number, 100 + number)) for number, (name, kind) in enumerate(sorted(NAMES.items()))
    ]
    return str(write_pack(folder / 'x.pack', items, 16000).path)


def test_kinds_by_folder_and_file_name(folder):
    source = SoundSource(None, str(folder), 16000)
    assert source.kinds() == {'noise', 'music', 'speech', 'babble', 'rir'}
    for kind in source.kinds():
        expected = sorted(name for name, of in NAMES.items() if of == kind)
        assert [name for number in source.of_kind(kind) for name in [source._paths[number]]] == [
            str(folder / name) for name in expected
        ]


def test_a_folder_named_after_a_kind(tmp_path):
    soundfile.write(tmp_path / 'a.wav', ramp(0, 50), 16000)
    (tmp_path / 'music').mkdir()
    (tmp_path / 'a.wav').rename(tmp_path / 'music' / 'a.wav')
    assert SoundSource(None, str(tmp_path / 'music'), 16000).kinds() == {'music'}


def test_kinds_of_a_list(folder):
    (folder / 'list.tsv').write_text('file\tkind\nflat/door.wav\tmusic\nflat/music_beat.wav\ttune\n')
    assert SoundSource(None, str(folder / 'list.tsv'), 16000).kinds() == {'music', 'tune'}
    (folder / 'list.tsv').write_text('utt\tkind\na\tb\n')
    with pytest.raises(ManifestError):
        SoundSource(None, str(folder / 'list.tsv'), 16000).prepare()


@pytest.mark.parametrize('form', ['pack', 'files'])
def test_pieces(folder, form):
    options = dict(pack=as_pack(folder), files=None) if form == 'pack' else dict(pack=None, files=str(folder))
    source = SoundSource(**options, sample_rate=16000)
    number = int(source.of_kind('babble')[0])
    whole = source.whole(number)
    assert whole.dtype == np.float32
    starts = set()
    for seed in range(300):
        piece = source.piece(number, len(whole) - 3, np.random.default_rng(seed))
        start = round(float(piece[0] - whole[0]) * 32768)
        assert np.array_equal(piece, whole[start : start + len(whole) - 3])
        starts.add(start)
    assert starts == {0, 1, 2, 3}
    long = source.piece(number, 1000, np.random.default_rng(0))
    assert len(long) == 1000
    assert set(long.tolist()) == set(whole.tolist())  # goes round and round
    assert np.array_equal(source.piece(number, 1000, np.random.default_rng(0)), long)


def test_a_source_travels_to_workers(folder):
    source = SoundSource(as_pack(folder), None, 16000)
    expected = source.whole(2)
    assert np.array_equal(pickle.loads(pickle.dumps(source)).whole(2), expected)


def test_wrong_sources(folder, tmp_path):
    for pack, files in ((None, None), ('a', 'b')):
        with pytest.raises(ConfigError, match='pack'):
            SoundSource(pack, files, 16000)
    with pytest.raises(ConfigError, match='16000 Hz, wanted 8000 Hz'):
        SoundSource(as_pack(folder), None, 8000).prepare()
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ManifestError, match='no sounds'):
        SoundSource(None, str(tmp_path / 'empty'), 16000).prepare()
    with pytest.raises(UnknownNameError, match=r"'nois'\. Did you mean 'noise'"):
        SoundSource(None, str(folder), 16000).of_kind('nois')


def test_real_noises(data_dir):
    source = SoundSource(None, str(data_dir / 'noise' / 'noise.tsv'), 16000)
    assert source.kinds() == {'noise', 'music', 'babble'}
    folder = SoundSource(None, str(data_dir / 'noise'), 16000)
    assert {kind: len(folder.of_kind(kind)) for kind in folder.kinds()} == {
        'noise': 7, 'music': 10, 'babble': 5, 'rir': 19}  # fmt: skip
