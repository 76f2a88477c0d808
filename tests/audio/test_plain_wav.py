"""Plain WAV segments are those of the general reader, whatever file or segment comes."""

import numpy as np
import pytest
import soundfile

from svtoolkit.audio import io, plain_wav
from svtoolkit.errors import AudioError

RATE = 16000
WAVE = np.random.default_rng(0).uniform(-1, 1, 3000)


def write(path, wave=WAVE, rate=RATE, **options):
    soundfile.write(path, wave, rate, **options)
    return str(path)


@pytest.mark.parametrize('segment', [(0, None), (0, 3000), (100, 500), (2999, 1), (2990, 50), (7, None)])
def test_segments_equal_the_general_reader(tmp_path, segment):
    path = write(tmp_path / 'a.wav', subtype='PCM_16')
    assert plain_wav._read_plain(path, RATE, *segment) is not None
    np.testing.assert_array_equal(plain_wav.read(path, RATE, *segment), io.read(path, RATE, *segment))


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.flac', {}),
        ('b.wav', dict(subtype='FLOAT')),
        ('c.wav', dict(subtype='PCM_24')),
        ('d.wav', dict(rate=8000)),
        ('e.wav', dict(wave=np.stack([WAVE, -WAVE / 2], axis=1))),
        ('f.wav', dict(format='WAVEX')),
        ('g.wav', dict(format='RF64')),
    ],
)
def test_other_files_go_to_the_general_reader(tmp_path, name, options):
    path = write(tmp_path / name, **options)
    assert plain_wav._read_plain(path, RATE, 10, 500) is None
    np.testing.assert_array_equal(plain_wav.read(path, RATE, 10, 500), io.read(path, RATE, 10, 500))


def test_chunks_before_the_samples_are_skipped(tmp_path):
    plain = (tmp_path / 'a.wav', tmp_path / 'b.wav')
    write(plain[0], subtype='PCM_16')
    data = plain[0].read_bytes()
    note = b'LIST' + (5).to_bytes(4, 'little') + b'hello\0'  # odd lengths are padded
    plain[1].write_bytes(
        data[:4] + (len(data) + len(note) - 8).to_bytes(4, 'little') + data[8:36] + note + data[36:]
    )
    assert plain_wav._read_plain(str(plain[1]), RATE, 0, None) is not None
    np.testing.assert_array_equal(plain_wav.read(str(plain[1]), RATE), plain_wav.read(str(plain[0]), RATE))


def test_faults_are_those_of_the_general_reader(tmp_path):
    path = tmp_path / 'cut.wav'
    write(path, subtype='PCM_16')
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(AudioError, match='cut short'):
        plain_wav.read(str(path), RATE, 0, 100)
    write(path, subtype='PCM_16')
    with pytest.raises(AudioError, match='ends at'):
        plain_wav.read(str(path), RATE, 3000, 10)
    with pytest.raises(AudioError, match='no such file'):
        plain_wav.read(str(tmp_path / 'absent.wav'), RATE)
    with pytest.raises(AudioError, match='a folder'):
        plain_wav.read(str(tmp_path), RATE)
    (tmp_path / 'short.wav').write_bytes(b'RIFF')
    with pytest.raises(AudioError, match='not audio'):
        plain_wav.read(str(tmp_path / 'short.wav'), RATE)


@pytest.mark.parametrize('cut', range(12, 60))
def test_broken_headers_never_get_through(tmp_path, cut):
    path = tmp_path / 'a.wav'
    write(path, subtype='PCM_16')
    path.write_bytes(path.read_bytes()[:cut])
    assert plain_wav._read_plain(str(path), RATE, 0, 10) is None
