"""Each recording goes through the model once, and again only when it or the model has changed."""

import os

import numpy as np
import pytest
import soundfile

from svtoolkit.errors import AudioError, ConfigError, ManifestError
from svtoolkit.evaluation.crops import CropSpec
from svtoolkit.evaluation.embedding import Clip, cache_file, clips_of_paths, embed_clips, load_table

RATE = 16000


class Counter:
    """A model whose embedding is (mean, number of samples) and that counts its recordings."""

    sample_rate = RATE

    def __init__(self, fingerprint='model'):
        self.fingerprint = fingerprint
        self.seen = 0

    def embed(self, recordings, batch_size=16):
        self.seen += len(recordings)
        waves = [one[0] if isinstance(one, tuple) else soundfile.read(one)[0] for one in recordings]
        return np.array([[wave.mean() + 1, len(wave)] for wave in waves], np.float32)


@pytest.fixture
def clips(tmp_path):
    for number in range(3):
        soundfile.write(tmp_path / f'{number}.wav', np.full(RATE * (number + 1), 0.1 * number), RATE)
    return clips_of_paths([f'{number}.wav' for number in range(3)], tmp_path)


def test_a_second_run_hits_the_cache(clips, tmp_path):
    first, second, other = Counter(), Counter(), Counter('changed weights')
    table = embed_clips(first, clips, cache=tmp_path / 'cache')
    again = embed_clips(second, clips, cache=tmp_path / 'cache')
    embed_clips(other, clips, cache=tmp_path / 'cache')
    assert (first.seen, second.seen, other.seen) == (3, 0, 3)
    assert again.ids == table.ids == ['0.wav', '1.wav', '2.wav']
    np.testing.assert_array_equal(again.matrix, table.matrix)
    assert again.fingerprint == 'model'


def test_two_names_of_one_file_are_embedded_once(clips):
    model = Counter()
    table = embed_clips(model, clips | {'again': clips['1.wav']})
    assert model.seen == 3
    np.testing.assert_array_equal(table.matrix[1], table.matrix[3])


def test_new_files_and_changed_files_alone_are_embedded(clips, tmp_path):
    embed_clips(Counter(), {'0.wav': clips['0.wav'], '1.wav': clips['1.wav']}, cache=tmp_path / 'cache')
    soundfile.write(clips['1.wav'].path, np.zeros(500), RATE)
    os.utime(clips['1.wav'].path, ns=(0, 0))
    model = Counter()
    table = embed_clips(model, clips, cache=tmp_path / 'cache')
    assert model.seen == 2
    assert table.matrix[:, 1].tolist() == [RATE, 500, 3 * RATE]


def test_crops_and_whole_utterances_have_caches_of_their_own(clips, tmp_path):
    model = Counter()
    embed_clips(model, clips, cache=tmp_path)
    table = embed_clips(model, clips, CropSpec(num=2, frames=50), tmp_path)
    assert model.seen == 3 + 3 * 2
    assert table.matrix.shape == (3, 4)
    assert set(table.matrix[:, 1]) == {0.515 * RATE}
    assert cache_file(tmp_path, 'model', None).name == 'model-whole.npz'
    assert cache_file(tmp_path, 'model', CropSpec(2, 50)).is_file()


def test_a_segment_is_cut_out(clips):
    clip = Clip(clips['2.wav'].path, 0.5, 1.25)
    assert embed_clips(Counter(), {'part': clip}).matrix[0, 1] == 0.75 * RATE
    assert len(clip.read(RATE, max_s=0.25)) == RATE // 4


def test_all_missing_files_are_named(clips, tmp_path):
    gone = clips_of_paths(['x.wav', 'y.wav'], tmp_path)
    with pytest.raises(ManifestError, match='2 of 5 recordings do not exist') as caught:
        embed_clips(Counter(), clips | gone)
    assert 'x.wav' in str(caught.value) and 'y.wav' in str(caught.value)


def test_a_file_that_is_no_sound(tmp_path):
    (tmp_path / 'x.wav').write_text('no sound')
    with pytest.raises(AudioError, match=r'x\.wav'):
        Clip(str(tmp_path / 'x.wav')).read(RATE)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 cut short', b'text'])
def test_a_damaged_table_is_a_clear_error(content, tmp_path):
    (tmp_path / 't.npz').write_bytes(content)
    with pytest.raises(ConfigError, match=r't\.npz'):
        load_table(tmp_path / 't.npz')
    with pytest.raises(ConfigError, match='cannot be read'):
        load_table(tmp_path / 'none.npz')
