"""AAC, m4a and WebM by PyAV: lengths, positions, faults, and what is said when PyAV is missing."""

import sys

import numpy as np
import pytest

from svtoolkit.audio.io import probe, read
from svtoolkit.errors import AudioError, MissingExtraError

av = pytest.importorskip('av')

CASES = [
    ('a.m4a', 'aac', 16000), ('b.m4a', 'aac', 44100), ('c.webm', 'libopus', 48000), ('d.aac', 'aac', 16000),
]  # fmt: skip


def chirp(rate, seconds=3.0):
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 * t + 300 * t**2))).astype(np.float32)


def encode(path, codec, rate):
    wave = chirp(rate)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=rate, layout='mono')
        convert = av.AudioResampler(format=stream.format.name, layout='mono', rate=rate)
        frame = av.AudioFrame.from_ndarray(wave[None], format='fltp', layout='mono')
        frame.sample_rate, frame.pts = rate, 0
        for part in [*convert.resample(frame), None]:
            container.mux(stream.encode(part))
    return wave


@pytest.fixture(scope='module', params=CASES, ids=[case[0] for case in CASES])
def recording(request, tmp_path_factory):
    name, codec, rate = request.param
    path = tmp_path_factory.mktemp('av') / name
    return path, encode(path, codec, rate), rate


def test_header_and_samples(recording):
    path, wave, rate = recording
    info = probe(path)
    whole = read(path)
    assert (info.sample_rate, info.num_channels, info.num_samples) == (rate, 1, len(whole))
    assert 0 <= len(whole) - len(wave) < 2048  # raw AAC cannot tell its padding
    assert whole.dtype == np.float32
    delay = np.argmax(np.correlate(whole[: rate // 2], wave[: rate // 4], 'valid'))
    assert delay == (1024 if path.suffix == '.aac' else 0)  # nor the encoder's delay
    assert np.std(whole) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize('rate', [None, 8000])
def test_a_segment_is_a_slice(recording, rate):
    path, *_ = recording
    whole = read(path, rate)
    for start in (0, 1, 5000, len(whole) // 2, len(whole) - 700):
        segment = read(path, rate, start, 700)
        np.testing.assert_allclose(segment, whole[start : start + 700], atol=1e-3, err_msg=str(start))


def test_bytes_are_recognised(recording):
    path, *_ = recording
    np.testing.assert_array_equal(
        read(path.read_bytes(), start=9, num_samples=99), read(path, start=9, num_samples=99)
    )


def test_a_cut_file_is_a_fault(tmp_path):
    encode(tmp_path / 'a.m4a', 'aac', 16000)
    data = (tmp_path / 'a.m4a').read_bytes()
    (tmp_path / 'a.m4a').write_bytes(data[: len(data) // 2])  # the index stands at the end
    with pytest.raises(AudioError, match=r'a\.m4a: not audio'):
        read(tmp_path / 'a.m4a')


def test_text_is_a_fault(tmp_path):
    (tmp_path / 'a.m4a').write_bytes(b'no audio at all ' * 50)
    with pytest.raises(AudioError, match=r'a\.m4a: not audio'):
        read(tmp_path / 'a.m4a')


def test_without_pyav_the_extra_is_named(recording, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(MissingExtraError, match=r'svtoolkit\[m4a\]'):
        read(recording[0])
