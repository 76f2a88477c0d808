"""Codec round trips: same length, same place in time, and a loss that is a codec's."""

import numpy as np
import pytest

from svtoolkit.audio.codecs import CODECS, available_codecs, codec_round_trip
from svtoolkit.datasets.voices import synth_voice
from svtoolkit.errors import UnknownNameError

RATE = 16000
SPEECH = synth_voice(1).say(0, 1.0)


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('compression', [0.0, 0.5, 1.0])
def test_the_voice_stays_in_place(codec, compression):
    if codec not in available_codecs():
        pytest.skip(f'this libsndfile has no {codec}')
    before = SPEECH.copy()
    output = codec_round_trip(SPEECH, RATE, codec, compression)
    np.testing.assert_array_equal(SPEECH, before)
    assert output.shape == SPEECH.shape
    assert output.dtype == np.float32
    likeness = np.correlate(np.pad(output, 400), SPEECH, 'valid')
    assert abs(np.argmax(likeness) - 400) <= 2  # at its lowest rate Opus keeps 4 kHz: a flat peak
    correlation = likeness.max() / np.linalg.norm(output) / np.linalg.norm(SPEECH)
    assert 0.8 < correlation < 0.99999


def test_the_telephone_keeps_a_narrow_band():
    high = np.sin(2 * np.pi * 6000 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.std(codec_round_trip(0.5 * high, RATE, 'mulaw')) < 0.01


def test_more_compression_loses_more():
    if 'opus' not in available_codecs():
        pytest.skip('this libsndfile has no opus')
    loss = [np.std(codec_round_trip(SPEECH, RATE, 'opus', amount) - SPEECH) for amount in (0.0, 1.0)]
    assert loss[0] < loss[1]


def test_loud_samples_do_not_wrap():
    output = codec_round_trip(4 * SPEECH, RATE, 'alaw')
    assert np.abs(output).max() < 1.5


def test_an_unknown_codec_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'mulaw'"):
        codec_round_trip(SPEECH, RATE, 'mu-law')


def test_wrong_arguments():
    with pytest.raises(ValueError, match='compression'):
        codec_round_trip(SPEECH, RATE, 'mulaw', 2.0)
    if 'opus' in available_codecs():
        with pytest.raises(ValueError, match='opus cannot encode'):
            codec_round_trip(SPEECH, 44100, 'opus')
