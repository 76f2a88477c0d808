"""``svtoolkit verify`` as a user meets it: verdicts, exit codes, and no traceback whatever comes in."""

import json
import os

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from svtoolkit.cli.main import main
from svtoolkit.datasets.voices import synth_voice

RATE = 16000


def verify(*arguments):
    result = CliRunner().invoke(main, ['verify', *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def long_enough(tmp_path):
    """Recordings of 5 s of a synthetic voice."""

    def make(speaker, number):
        path = tmp_path / f's{speaker}u{number}.wav'
        soundfile.write(path, synth_voice(speaker).say(number, 5.0), RATE)
        return path

    return make


def test_a_recording_is_its_own_speaker(long_enough, tiny_model):
    path = long_enough(8, 0)
    result = verify(path, path, '--model', tiny_model, '--json')
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer['same'] is True
    assert answer['score'] == pytest.approx(1.0, abs=1e-5)
    assert set(answer) == {'score', 'threshold', 'same', 'reason', 'model'}
    assert answer['model'] == 'tiny'


def test_exit_code_1_means_different(long_enough, tiny_model):
    a, b = long_enough(8, 0), long_enough(11, 1)
    result = verify(a, b, '--model', tiny_model, '--threshold', '1.1')
    assert result.exit_code == 1
    assert result.stdout.startswith('different speakers (score ')


def test_a_threshold_is_a_number(long_enough, tiny_model):
    path = long_enough(8, 0)
    result = verify(path, path, '--model', tiny_model, '--threshold', 'nan')
    assert result.exit_code == 2
    assert 'no number' in result.output


def test_silence_and_short_speech_cannot_be_told(long_enough, tiny_model, tmp_path):
    silence, short = tmp_path / 'silence.wav', tmp_path / 'short.wav'
    soundfile.write(silence, np.zeros(4 * RATE), RATE)
    wave, _ = soundfile.read(long_enough(8, 0))
    soundfile.write(short, wave[: int(0.6 * RATE)], RATE)
    for path, reason in ((silence, 'no speech'), (short, 'are needed')):
        result = verify(long_enough(8, 0), path, '--model', tiny_model, '--json')
        answer = json.loads(result.stdout)
        assert result.exit_code == 2
        assert answer['same'] is None
        assert answer['score'] is None
        assert reason in answer['reason']
        assert path.name in answer['reason']


def test_under_three_seconds_the_answer_says_low_confidence(long_enough, tiny_model, tmp_path):
    wave, _ = soundfile.read(long_enough(8, 0))
    path = tmp_path / 'two.wav'
    soundfile.write(path, wave[: 2 * RATE], RATE)
    result = verify(long_enough(8, 0), path, '--model', tiny_model)
    assert result.exit_code in (0, 1)
    assert 'low confidence' in result.stdout


def _bad_files(folder, good):
    """name -> (path, words its error must hold)."""
    wave, _ = soundfile.read(good)
    cases = {'missing': (folder / 'nowhere.wav', 'nowhere.wav')}
    (folder / 'empty.wav').write_bytes(b'')
    cases['empty'] = (folder / 'empty.wav', 'empty')
    soundfile.write(folder / 'one.wav', wave[:1], RATE)
    cases['one sample'] = (folder / 'one.wav', 'one.wav')
    (folder / 'text.wav').write_text('dear reader, this is no sound\n' * 40)
    cases['text'] = (folder / 'text.wav', 'text.wav')
    soundfile.write(folder / 'cut.flac', wave, RATE)
    whole = (folder / 'cut.flac').read_bytes()
    (folder / 'cut.flac').write_bytes(whole[: len(whole) // 2])
    cases['truncated flac'] = (folder / 'cut.flac', 'cut.flac')
    broken = wave.astype(np.float32)
    broken[100] = np.nan
    soundfile.write(folder / 'nan.wav', broken, RATE, subtype='FLOAT')
    cases['nan'] = (folder / 'nan.wav', 'NaN')
    cases['folder'] = (folder, str(folder.name))
    os.mkfifo(folder / 'pipe.wav')
    cases['pipe'] = (folder / 'pipe.wav', 'pipe.wav: a pipe')
    unnamed = os.fsdecode(os.fsencode(folder) + b'/caf\xe9.wav')
    soundfile.write(os.fsencode(unnamed), np.zeros(RATE), RATE, format='WAV')
    cases['name that is no text'] = (unnamed, 'caf\\udce9.wav: no speech')
    return cases


@pytest.mark.parametrize(
    'case',
    [
        'missing',
        'empty',
        'one sample',
        'text',
        'truncated flac',
        'nan',
        'folder',
        'pipe',
        'name that is no text',
    ],
)
def test_bad_recordings_are_named_without_a_traceback(case, long_enough, tiny_model, tmp_path):
    good = long_enough(8, 0)
    path, words = _bad_files(tmp_path, good)[case]
    for pair in ((path, good), (good, path)):
        result = verify(*pair, '--model', tiny_model)
        assert result.exit_code == 2
        assert words in result.output
        assert 'Traceback' not in result.output


def test_8_khz_stereo_and_odd_names_are_read(long_enough, tiny_model, tmp_path):
    wave, _ = soundfile.read(long_enough(9, 0))
    path = tmp_path / 'речь 声音 é.wav'
    soundfile.write(path, np.stack([wave[::2], wave[::2]], axis=1), 8000)
    result = verify(path, long_enough(9, 0), '--model', tiny_model, '--json')
    assert result.exit_code in (0, 1), result.output
    assert np.isfinite(json.loads(result.stdout)['score'])


def test_models_that_are_none(long_enough, tmp_path):
    path = long_enough(8, 0)
    result = verify(path, path, '--model', 'so762-resnet43')
    assert result.exit_code == 2
    assert 'unknown model' in result.output
    (tmp_path / 'empty_run').mkdir()
    assert 'holds neither' in verify(path, path, '--model', tmp_path / 'empty_run').output
    (tmp_path / 'x.pth').write_text('no')
    assert 'x.pth' in verify(path, path, '--model', tmp_path / 'x.pth').output
