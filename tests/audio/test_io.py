"""Reading: what comes back, that segments equal slices, and that every fault of a file is named."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svtoolkit.audio import plain_wav
from svtoolkit.audio.io import AudioInfo, probe, read, to_int16, write_flac, write_wav
from svtoolkit.errors import AudioError

RATE = 16000


def tone(seconds=1.0, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 * t + 400 * t**2))).astype(np.float32)


def encoded(wave, rate=RATE, kind='WAV', subtype=None) -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, wave, rate, format=kind, subtype=subtype)
    return memory.getvalue()


def test_probe_tells_the_header(tmp_path):
    soundfile.write(tmp_path / 'a.wav', np.zeros((4000, 2)), 8000)
    assert probe(tmp_path / 'a.wav') == AudioInfo(8000, 4000, 2, 0.5)


@pytest.mark.parametrize('write, name', [(write_wav, 'a.wav'), (write_flac, 'a.flac')])
def test_what_is_written_is_read(tmp_path, write, name):
    wave = to_int16(tone()).astype(np.float32) / 32768
    write(tmp_path / name, wave, RATE)
    again = read(tmp_path / name)
    assert again.dtype == np.float32
    assert again.ndim == 1
    np.testing.assert_array_equal(again, wave)
    assert os.listdir(tmp_path) == [name]


def test_loud_samples_are_clipped_when_written(tmp_path):
    write_wav(tmp_path / 'a.wav', np.array([1.5, -1.5, 0.5], np.float32), RATE)
    np.testing.assert_array_equal(read(tmp_path / 'a.wav'), np.array([32767, -32768, 16384]) / 32768)


@pytest.mark.parametrize('wave', [np.zeros(0), np.array([0.1, np.nan])])
def test_bad_samples_are_not_written_and_the_old_file_stays(tmp_path, wave):
    write_wav(tmp_path / 'a.wav', tone(), RATE)
    with pytest.raises(ValueError, match=r'a\.wav'):
        write_wav(tmp_path / 'a.wav', wave.astype(np.float32), RATE)
    assert len(read(tmp_path / 'a.wav')) == RATE


def test_channels_are_averaged():
    wave = np.stack([tone(), -0.5 * tone(), np.zeros(RATE, np.float32)], axis=1)
    np.testing.assert_allclose(read(encoded(wave, subtype='FLOAT')), wave.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize('kind, subtype, tolerance', [
    ('WAV', 'PCM_16', 4e-5), ('WAV', 'PCM_24', 1e-6), ('WAV', 'PCM_U8', 0.01), ('WAV', 'FLOAT', 0),
    ('WAV', 'ULAW', 0.02), ('FLAC', 'PCM_16', 4e-5), ('AIFF', 'PCM_16', 4e-5), ('OGG', 'VORBIS', 0.05),
])  # fmt: skip
def test_formats_are_read_at_the_same_scale(kind, subtype, tolerance):
    wave = tone()
    assert np.abs(read(encoded(wave, kind=kind, subtype=subtype)) - wave).max() <= tolerance


@pytest.mark.parametrize('kind, subtype', [
    ('WAV', 'PCM_16'), ('FLAC', 'PCM_16'), ('OGG', 'VORBIS'), ('MP3', 'MPEG_LAYER_III'), ('WAV', 'GSM610'),
])  # fmt: skip
@pytest.mark.parametrize('start, count', [(0, 500), (1, 100), (12345, 4000), (31000, 1000)])
def test_a_segment_is_a_slice(tmp_path, kind, subtype, start, count):
    path = tmp_path / 'a.audio'
    path.write_bytes(encoded(tone(2.0), kind=kind, subtype=subtype))
    segment = read(path, start=start, num_samples=count)
    assert segment.shape == (count,)
    np.testing.assert_allclose(segment, read(path)[start : start + count], atol=1e-6)


@pytest.mark.parametrize('rate', [8000, 11025, 22050, 44100, 44101, 48000])
@pytest.mark.parametrize('channels', [1, 2])
def test_a_segment_of_a_resampled_file_is_a_slice(tmp_path, rate, channels):
    noise = 0.1 * np.random.default_rng(0).standard_normal((2 * rate, channels))
    write_flac(tmp_path / 'a.flac', noise, rate)
    whole = read(tmp_path / 'a.flac', RATE)
    assert len(whole) == 2 * RATE
    for start, count in [(0, 800), (1, 801), (160, 3000), (15999, 16001), (31999, 1), (20000, None)]:
        segment = read(tmp_path / 'a.flac', RATE, start, count)
        np.testing.assert_allclose(segment, whole[start:][:count], atol=1e-6, err_msg=f'{start} {count}')


@pytest.mark.parametrize('rate, compression', [(16000, 0.95), (44100, 0.5), (44100, 0.95)])
def test_a_far_segment_of_an_mp3_is_a_slice(monkeypatch, rate, compression):
    """Frames lean on earlier ones (the bit reservoir): a bare seek gives wrong samples for 0.1 s."""
    monkeypatch.setattr('svtoolkit.audio.io.MP3_SEEK_ABOVE_S', 0.0)
    memory = io.BytesIO()
    noise = 0.1 * np.random.default_rng(0).standard_normal(8 * rate)
    soundfile.write(memory, noise, rate, format='MP3', compression_level=compression, bitrate_mode='VARIABLE')
    whole = read(memory)
    for start in (1000, 4 * rate + 7, 7 * rate):
        np.testing.assert_allclose(
            read(memory, start=start, num_samples=3000), whole[start:][:3000], atol=1e-5
        )


def test_a_segment_past_the_end_is_shorter():
    assert len(read(encoded(tone()), start=15000, num_samples=2000)) == 1000
    assert len(read(encoded(tone(), rate=8000), RATE, start=31000, num_samples=2000)) == 1000


def test_a_segment_is_not_found_by_decoding_everything(tmp_path, monkeypatch):
    write_flac(tmp_path / 'a.flac', np.tile(tone(10.0), 6), RATE)
    decoded = []
    original = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile,
        'read',
        lambda self, frames=-1, *a, **k: decoded.append(frames) or original(self, frames, *a, **k),
    )
    read(tmp_path / 'a.flac', 8000, start=8000 * 30, num_samples=16000)
    assert RATE * 2 <= sum(decoded) < RATE * 2 + 1000


@pytest.mark.parametrize(
    'as_source', [Path, str, lambda p: Path(p).read_bytes(), lambda p: io.BytesIO(Path(p).read_bytes())]
)
def test_every_kind_of_source(tmp_path, as_source):
    write_flac(tmp_path / 'a.flac', tone(), RATE)
    source = as_source(tmp_path / 'a.flac')
    assert probe(source).num_samples == RATE
    assert len(read(source, start=100, num_samples=50)) == 50  # the same file object again, from its start


def test_names_outside_ascii(tmp_path):
    path = tmp_path / 'голос 声音 é.wav'
    write_wav(path, tone(), RATE)
    assert len(read(path)) == RATE


def test_the_content_decides_not_the_name(tmp_path):
    path = tmp_path / 'a.wav'
    path.write_bytes(encoded(tone(), kind='FLAC'))
    assert len(read(path)) == RATE


def test_a_wav_of_unknown_length_is_read():
    data = bytearray(encoded(tone()))
    at = data.index(b'data')
    data[at + 4 : at + 8] = data[4:8] = b'\xff' * 4  # as programs write into a pipe
    assert len(read(bytes(data))) == RATE


# Faults: what the file holds, and what the message must say besides its name.
def cut(kind, subtype=None):
    data = encoded(tone(3.0), kind=kind, subtype=subtype)
    return data[: len(data) // 2]


def flac_that_claims_hours():
    data = bytearray(encoded(tone(), kind='FLAC'))
    data[21] |= 0x0F  # STREAMINFO: 36 bits of total samples
    data[22:26] = b'\xff' * 4
    return bytes(data)


def wav_that_claims(size, samples=b''):
    data = bytearray(encoded(np.zeros(0)))[:44]
    data[40:44] = size.to_bytes(4, 'little')
    return bytes(data) + samples


def broken_flac():
    data = bytearray(encoded(0.1 * np.random.default_rng(0).standard_normal(3 * RATE), kind='FLAC'))
    half = len(data) // 2
    data[half : half + 400] = bytes(400)
    return bytes(data)


FAULTS = {
    'empty.wav': (b'', 'empty'),
    'text.wav': (b'This is no audio, only its name says so.\n' * 9, 'not audio'),
    'text.raw': (b'headerless samples' * 9, 'not audio'),
    'picture.flac': (b'\x89PNG\r\n\x1a\n' + bytes(500), 'not audio'),
    'only_riff.wav': (b'RIFF', 'not audio'),
    'cut.flac': (cut('FLAC'), 'damaged'),
    'cut.wav': (cut('WAV'), 'cut short'),
    'cut.aiff': (cut('AIFF'), 'cut short'),
    'cut.ogg': (cut('OGG', 'VORBIS'), 'cut short'),
    'cut.mp3': (cut('MP3'), 'cut short'),
    'broken.flac': (broken_flac(), 'damaged'),
    'hours.flac': (flac_that_claims_hours(), 'damaged'),
    'two_gigabytes.wav': (wav_that_claims(2**31), 'cut short'),
    'four_gigabytes.wav': (wav_that_claims(0xFFFFFFFE, bytes(1000)), 'cut short'),
    'no_samples.wav': (encoded(np.zeros(0)), 'no samples'),
    'nan.wav': (encoded(np.array([0.1, np.nan, 0.2]), subtype='FLOAT'), 'the first is number 1'),
    'inf.wav': (encoded(np.array([0.1, 0.1, np.inf]), subtype='FLOAT'), 'the first is number 2'),
    'loud.wav': (encoded(np.array([0.1, -1e30]), subtype='FLOAT'), 'samples of up to 1.0e[+]30'),
    'inf_stereo.wav': (encoded(np.array([[np.inf, -np.inf]]), subtype='FLOAT'), 'NaN or infinite'),
}  # fmt: skip


@pytest.mark.parametrize('name', FAULTS)
def test_a_fault_is_named(tmp_path, name, capfd):
    data, message = FAULTS[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(AudioError, match=message) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)
    with pytest.raises(AudioError, match=message):
        read(tmp_path / name, 8000 if 'number' not in message else None)
    if data:
        with pytest.raises(AudioError, match=message):
            read(data)


@pytest.mark.parametrize('kind, subtype', [
    ('WAV', 'PCM_16'), ('FLAC', 'PCM_16'), ('OGG', 'VORBIS'), ('MP3', 'MPEG_LAYER_III'), ('CAF', 'PCM_16'),
])  # fmt: skip
def test_any_damage_is_a_fault_or_harmless(kind, subtype):
    """Bytes overwritten at random: either samples that can be used come back, or an AudioError."""
    sound = encoded(0.1 * np.random.default_rng(0).standard_normal(8000), kind=kind, subtype=subtype)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        data = np.frombuffer(sound, np.uint8).copy()
        data[rng.integers(len(data) if seed % 2 else 100, size=10)] = rng.integers(256, size=10)
        try:
            wave = read(data.tobytes(), 8000)
        except AudioError:
            continue
        assert np.isfinite(wave).all()
        assert wave.size > 0


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(AudioError, match=r'none\.wav: no such file'):
        read(tmp_path / 'none.wav')
    with pytest.raises(AudioError, match='a folder'):
        probe(tmp_path)


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no named pipes here')
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'pipe.wav')
    for reader in (read, plain_wav.read):
        with pytest.raises(AudioError, match=r'pipe\.wav: a pipe'):
            reader(str(tmp_path / 'pipe.wav'), RATE)


@pytest.mark.skipif(os.name != 'posix', reason='file names are text here')
def test_names_need_not_be_text(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b'/caf\xe9.wav'))
    write_wav(path, tone(), RATE)
    assert len(read(path)) == probe(path).num_samples == RATE


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='root may read everything')
def test_forbidden_files_are_named(tmp_path):
    write_wav(tmp_path / 'a.wav', tone(), RATE)
    (tmp_path / 'a.wav').chmod(0)
    with pytest.raises(AudioError, match='permission'):
        read(tmp_path / 'a.wav')


def test_another_rate_is_refused_where_asked():
    with pytest.raises(AudioError, match='8000 Hz, but 16000 Hz is wanted'):
        read(encoded(tone(), rate=8000), RATE, resample=False)
    assert len(read(encoded(tone()), RATE, resample=False)) == RATE


def test_an_absurd_rate_is_a_fault_of_the_file():
    with pytest.raises(AudioError, match='cannot resample 2 Hz'):
        read(encoded(np.zeros(100), rate=2), RATE)


def test_a_start_past_the_end_is_a_fault():
    with pytest.raises(AudioError, match=r'ends at 1\.00 s, but the segment starts at 1\.00 s'):
        read(encoded(tone()), start=RATE)


@pytest.mark.parametrize('arguments', [dict(start=-1), dict(num_samples=0), dict(sample_rate=0)])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError):
        read(encoded(tone()), **arguments)


def test_opus_segments_stand_in_the_right_place(data_dir):
    """Positions are exact; values differ a little, since the speech coder of Opus remembers."""
    files = sorted((data_dir / 'so762' / 'test').rglob('*.opus'))[::101]
    for path in files:
        whole = read(path)
        assert probe(path).num_samples == len(whole)
        for start in (1, 16001, len(whole) - 12000):
            segment = read(path, start=start, num_samples=8000)
            np.testing.assert_array_equal(segment, read(path, start=start, num_samples=8000))
            assert np.abs(segment - whole[start : start + 8000]).max() < 0.02
            shifts = [np.dot(segment[20:-20], whole[start + k + 20 : start + k + 7980]) for k in (-1, 0, 1)]
            assert np.argmax(shifts) == 1


def test_durations_of_the_manifest_are_those_of_the_files(data_dir):
    lines = (data_dir / 'so762' / 'test.tsv').read_text().splitlines()
    for line in lines[1:60]:
        _, path, *_, seconds = line.split('\t')
        assert probe(data_dir / 'so762' / path).duration == pytest.approx(float(seconds), abs=6e-4)
