"""Synthetic voices: deterministic, speech-like, and different enough from each other to tell apart."""

import numpy as np
import pytest
import scipy.fft

from svtoolkit.audio.io import probe, read
from svtoolkit.audio.vad import speech_frames
from svtoolkit.datasets.voices import SAMPLE_RATE, synth_voice, write_corpus


def cepstrum(wave):
    """Mean and deviation over time of a small cepstrum, louder frames only: what the simplest verifier sees."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 400)[::160] * np.hanning(400)
    power = np.abs(np.fft.rfft(frames, 512))[:, 1:241] ** 2
    bands = np.log(np.add.reduceat(power, np.arange(0, 240, 8), axis=1) + 1e-6)
    loud = bands[bands.mean(1) > np.quantile(bands.mean(1), 0.3)]
    coefficients = scipy.fft.dct(loud, norm='ortho')[:, 1:20]
    return np.concatenate([coefficients.mean(0), coefficients.std(0)])


def test_the_same_seeds_give_the_same_samples():
    wave = synth_voice(3).say(5, 1.0)
    np.testing.assert_array_equal(wave, synth_voice(3).say(5, 1.0))
    assert synth_voice(3) == synth_voice(3)


def test_seeds_matter():
    wave = synth_voice(3).say(5, 1.0)
    assert not np.array_equal(wave, synth_voice(3).say(6, 1.0))
    assert not np.array_equal(wave, synth_voice(4).say(5, 1.0))


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('seconds', [0.2, 1.234])
def test_samples_are_sound(seed, seconds):
    wave = synth_voice(seed).say(seed, seconds)
    assert wave.dtype == np.float32
    assert wave.shape == (round(SAMPLE_RATE * seconds),)
    assert 0.09 < np.abs(wave).max() < 0.81
    assert np.isfinite(wave).all()


def test_there_is_speech_and_there_are_pauses():
    share = [speech_frames(synth_voice(seed).say(0, 4.0), SAMPLE_RATE).mean() for seed in range(10)]
    assert 0.5 < np.mean(share) < 0.97
    assert min(share) > 0.3


def test_women_speak_higher():
    women, men = ([synth_voice(seed, gender) for seed in range(50)] for gender in 'fm')
    assert np.mean([v.pitch for v in women]) > 1.4 * np.mean([v.pitch for v in men])
    assert np.mean([v.formant_scale for v in women]) > 1.1 * np.mean([v.formant_scale for v in men])
    assert {synth_voice(seed).gender for seed in range(20)} == {'f', 'm'}


def test_voices_can_be_told_apart_but_not_at_once():
    """Nearest centroid on cepstral statistics: far above chance (5 %), and short of perfect."""
    voices = [synth_voice(seed) for seed in range(20)]
    rows = np.array([[cepstrum(voice.say(utt, 2.5)) for utt in range(6)] for voice in voices])
    rows = (rows - rows.mean((0, 1))) / rows.std((0, 1))
    centroids = rows[:, :3].mean(1)
    nearest = np.square(rows[:, 3:, None] - centroids).sum(-1).argmin(-1)
    right = (nearest == np.arange(20)[:, None]).mean()
    assert 0.5 < right < 0.99


def test_too_short_an_utterance():
    with pytest.raises(ValueError, match='0.2 s'):
        synth_voice(0).say(0, 0.1)


def table(path, separator='\t'):
    return [line.split(separator) for line in path.read_text().splitlines()]


def test_a_corpus(tmp_path):
    corpus = write_corpus(tmp_path / 'voices', num_speakers=6, utts_per_speaker=3, seconds=0.5, seed=1)
    header, *rows = table(corpus.manifest)
    assert header == ['utt', 'path', 'speaker', 'duration', 'gender']
    train, test = table(corpus.train)[1:], table(corpus.test)[1:]
    assert rows == train + test
    assert len({row[0] for row in rows}) == 18
    assert len({row[2] for row in train}) == 4
    assert not {row[2] for row in train} & {row[2] for row in test}
    assert {row[4] for row in train} == {row[4] for row in test} == {'f', 'm'}
    for _, path, speaker, seconds, _ in rows:
        assert speaker.startswith('SYNTHETIC')
        info = probe(tmp_path / 'voices' / path)
        assert info.sample_rate == SAMPLE_RATE
        assert info.duration == pytest.approx(float(seconds), abs=1e-4)
        assert 0.35 <= info.duration <= 0.65
    assert 'SYNTHETIC' in (tmp_path / 'voices' / 'SYNTHETIC.txt').read_text()


def test_trials_are_of_held_out_voices(tmp_path):
    corpus = write_corpus(tmp_path, num_speakers=6, utts_per_speaker=3, seconds=0.3, num_held_out=3)
    speaker = {row[0]: row[2] for row in table(corpus.test)[1:]}
    trials = table(corpus.trials, ' ')
    assert len({tuple(trial) for trial in trials}) == len(trials)
    targets = [trial for trial in trials if trial[0] == '1']
    assert len(targets) == 3 * 3  # three voices, three pairs of their three utterances
    assert len(trials) - len(targets) == 9 * 6  # each of nine utterances against six of others
    for label, enrol, test in trials:
        assert (speaker[enrol] == speaker[test]) == (label == '1')
        assert enrol != test


def test_the_same_arguments_give_the_same_files(tmp_path):
    for folder in 'ab':
        write_corpus(tmp_path / folder, 4, 2, 0.3, seed=9)
    names = sorted(path.relative_to(tmp_path / 'a') for path in (tmp_path / 'a').rglob('*') if path.is_file())
    assert len(names) == 8 + 5
    for name in names:
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
    assert len(read(tmp_path / 'a' / names[-1].parent / table(tmp_path / 'a' / 'test.tsv')[1][1])) > 1000


@pytest.mark.parametrize(
    'arguments', [dict(num_speakers=3), dict(utts_per_speaker=1), dict(num_held_out=1), dict(seconds=0.1)]
)
def test_too_small_a_corpus(tmp_path, arguments):
    with pytest.raises(ValueError, match='2 held out'):
        write_corpus(tmp_path / 'none', **arguments)
    assert not (tmp_path / 'none').exists()
