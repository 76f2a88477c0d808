"""What users meet when something is wrong: exit code 2, one message that names file or key, no traceback."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from svtoolkit.cli.main import main
from svtoolkit.datasets.voices import synth_voice
from svtoolkit.engine import checkpoint as files

ROOT = Path(__file__).parents[2]
RATE = 16000
LONG_S = 40 * 60
MORE_MB = 200  # all 40 minutes at once would be 154 MB of samples on top of the usual 65


def svtoolkit(*words):
    """Run a command in this process; whatever is not a proper end is an error of the test."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert 'Traceback' not in result.output
    return result


def launch(tool, *words):
    command = [sys.executable, str(ROOT / 'tools' / tool), *[str(word) for word in words]]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    return subprocess.run(command, env=environment, text=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    if not shutil.which('mount') or getattr(os, 'geteuid', lambda: 1)() != 0:
        pytest.skip('only root may mount a small disk')
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f'cannot mount a small disk: {mounted.stderr.decode().strip()}')
    yield folder
    subprocess.run(['umount', '--lazy', str(folder)], check=True)  # a log file is still open


def test_a_full_disk_keeps_the_last_checkpoint_and_resumes_when_freed(tiny_config, small_disk):
    run = small_disk / 'run'
    first = svtoolkit('train', tiny_config, '--work-dir', run, '--no-validate', '--cfg-options',
                      'train_cfg.max_epochs=1')  # fmt: skip
    assert first.exit_code == 0, first.output
    good = files.load(run / 'epoch_1.pth')['state_dict']
    free = shutil.disk_usage(small_disk).free
    filler = small_disk / 'filler'
    filler.write_bytes(bytes(free - (run / 'epoch_1.pth').stat().st_size // 2))

    full = svtoolkit('train', tiny_config, '--work-dir', run, '--no-validate', '--resume')
    assert full.exit_code == 2, full.output
    assert 'epoch_2.pth: cannot be written: the disk is full' in full.output
    assert '--resume' in full.output
    assert files.latest(run).name == 'epoch_1.pth'
    assert not list(run.glob('.*.tmp'))
    kept = files.load(run / 'epoch_1.pth')['state_dict']
    assert all(torch.equal(good[name], kept[name]) for name in good)

    filler.unlink()
    again = svtoolkit('train', tiny_config, '--work-dir', run, '--no-validate', '--resume')
    assert again.exit_code == 0, again.output
    assert files.load(run / 'epoch_3.pth')['meta']['epoch'] == 3


@pytest.mark.parametrize('size', ['4k', '32k', '100k'])
def test_a_disk_that_is_full_from_the_start_is_one_message(tiny_config, small_disk, size):
    """Not even the log, the curves or the first checkpoint fit."""
    subprocess.run(['mount', '-o', f'remount,size={size}', str(small_disk)], check=True)
    result = svtoolkit('train', tiny_config, '--work-dir', small_disk / 'run', '--no-validate')
    assert result.exit_code == 2, result.output
    assert re.search(r'svtoolkit: .*(the disk is full|No space left on device)', result.output), result.output


def test_a_folder_that_cannot_be_written_is_named(tiny_config, small_disk, tmp_path):
    (tmp_path / 'file').touch()
    result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'file')
    assert result.exit_code == 2
    assert f'{tmp_path / "file"}: File exists' in result.output
    subprocess.run(['mount', '-o', 'remount,ro', str(small_disk)], check=True)
    result = svtoolkit('train', tiny_config, '--work-dir', small_disk / 'run')
    assert result.exit_code == 2
    assert f'{small_disk / "run"}: Read-only file system' in result.output


def test_values_no_part_takes_come_in_one_message_with_everything_else(tiny_config, tmp_path):
    options = {
        'model.backbone.depht': 18,
        'model.head.num_speakers': 2,
        'train_dataloader.num_workers': -1,
        'optim_wrapper.optimizer.lr': 'fast',
        'custom_hooks.0.unit': 'minute',
        'default_hooks.checkpoint.rule': 'lower',
        'val_evaluator.trials': tmp_path / 'absent.txt',
        'val_dataloader.dataset.manifest': tmp_path / 'absent.tsv',
    }
    words = [f'{key}={value}' for key, value in options.items()]
    result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'run', '--cfg-options', *words)
    assert result.exit_code == 2
    assert '8 faults' in result.output
    for words in (
        "model.backbone: ResNet has no argument 'depht'; did you mean 'depth'?",
        'model.head: num_speakers = 2, but the training data have 6 classes',
        'optim_wrapper: TypeError',
        "custom_hooks[0]: unknown unit of MarginRampHook 'minute'",
        "default_hooks.checkpoint: unknown rule of SafeCheckpointHook 'lower'",
        'absent.txt: no such trial list',
        'absent.tsv: no such list of recordings',
    ):
        assert words in result.output


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['train_dataloader.batch_size=0'], 'train_dataloader: DrawSampler: batch_size=0'),
        (['train_dataloader.num_workers=-1'], 'train_dataloader: ValueError: num_workers'),
        (
            ['train_dataloader.batch_size=99', 'train_dataloader.dataset.tail=drop'],
            '36 items are less than one global batch of 99',
        ),
        (['train_dataloader.dataset.frames=0'], 'a crop of 240 samples is empty (frames=0)'),
        (['train_cfg.max_epochs=0'], 'end should be larger than begin'),
        (['val_dataloader=None'], "'val_dataloader' missing"),
        (['train_dataloader=None'], 'has no train_dataloader; nothing to train'),
        (['model=None'], 'has no model; nothing to train'),
    ],
)
def test_values_out_of_range_are_faults(tiny_config, tmp_path, options, words):
    result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert result.exit_code == 2
    assert words in result.output


def test_a_trial_list_of_other_recordings_is_found_before_training(tiny_config, tiny_corpus, tmp_path):
    trials = f'val_evaluator.trials={tiny_corpus}/so762/trials_random.txt'
    result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'run', '--cfg-options', trials)
    assert result.exit_code == 2
    assert (
        "val_evaluator: the data lack 24 of 24 utterances of the trial list 'trials_random', such as 's8-u1'"
        in result.output
    )


def test_what_cannot_be_resumed_is_said(tiny_config, tiny_model, tmp_path):
    run = ('train', tiny_config, '--work-dir', tmp_path / 'run', '--resume')
    assert 'best.pth: holds weights alone' in svtoolkit(*run, tiny_model / 'best.pth').output
    newest = files.latest(tiny_model)
    sgd = ('--cfg-options', 'optim_wrapper.optimizer.type=SGD')
    assert 'was written by another optimiser' in svtoolkit(*run, newest, *sgd).output
    batch = ('--cfg-options', 'train_dataloader.batch_size=2')
    assert 'the global batch was 4 and is 2' in svtoolkit(*run, newest, *batch).output
    widths = ('--cfg-options', 'model.backbone.widths=4,4,8,16')
    assert 'these weights are of another model' in svtoolkit(*run, newest, *widths).output
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_bad_lines_of_a_list_are_named_by_file_and_number(tiny_config, tiny_corpus, tmp_path):
    lines = (tiny_corpus / 'so762' / 'train.tsv').read_text().splitlines()
    lines = [lines[0], *[line.replace('train/', f'{tiny_corpus}/so762/train/') for line in lines[1:]]]
    lines[4] = 'lonely'
    lines[7] = lines[7].replace('1.2', 'long')
    bad = tmp_path / 'bad.tsv'
    bad.write_text('\n'.join(lines) + '\n')
    for key in ('train_dataloader', 'val_dataloader'):
        result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'run', '--cfg-options',
                           f'{key}.dataset.manifest={bad}')  # fmt: skip
        assert result.exit_code == 2
        assert 'bad.tsv:5' in result.output
        assert 'bad.tsv:8' in result.output


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ('train_dataloader.num_wokers=2', ['train_dataloader', 'num_wokers', "did you mean 'num_workers'"]),
        ('model.backbone.type=ResNt', ['model.backbone', "'ResNt'", "Did you mean 'ResNet'"]),
        ('default_hooks.checkpoint.intervall=2', ['default_hooks.checkpoint', "did you mean 'interval'"]),
        ('optim_wraper.type=OptimWrapper', ["unknown key 'optim_wraper'; did you mean 'optim_wrapper'"]),
        ('nonsense', ["'nonsense' is not KEY=VALUE"]),
    ],
)
def test_unknown_keys_and_names_are_answered_with_the_nearest(tiny_config, tmp_path, option, words):
    result = svtoolkit('train', tiny_config, '--work-dir', tmp_path / 'run', '--cfg-options', option)
    assert result.exit_code == 2
    for part in words:
        assert part in result.output


def test_configs_that_are_none(tmp_path):
    assert 'no such config' in svtoolkit('train', tmp_path / 'absent.py').output
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    broken = svtoolkit('train', tmp_path / 'broken.py')
    assert broken.exit_code == 2
    assert 'broken.py: cannot be read: SyntaxError' in broken.output


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f'touch {self.mark}',)


@pytest.fixture(params=['zip', 'raw', 'hidden'])
def evil(request, tiny_model, tmp_path):
    """A checkpoint that would run a command, and the file that command would make."""
    mark = tmp_path / 'was_here'
    path = tmp_path / 'evil.pth'
    if request.param == 'zip':
        torch.save({'state_dict': {'x': Evil(mark)}}, path)
    elif request.param == 'raw':
        path.write_bytes(pickle.dumps({'state_dict': Evil(mark)}, protocol=2))
    else:  # everything else is as it should be
        torch.save({**files.load(tiny_model / 'best.pth'), 'note': Evil(mark)}, path)
    return path, mark


def test_a_malicious_checkpoint_is_refused_and_never_run(evil, tiny_config, tiny_corpus, tmp_path):
    path, mark = evil
    wave = next((tiny_corpus / 'so762').rglob('*.wav'))
    for words in (
        ('verify', wave, wave, '--model', path),
        ('embed', wave, '--model', path, '-o', tmp_path / 'x.npz'),
        ('test', tiny_config, path, '--work-dir', tmp_path / 'test'),
        (
            'train',
            shutil.copy(tiny_config, tmp_path / 'other.py'),
            '--resume',
            path,
            '--work-dir',
            tmp_path / 'run',
        ),
    ):
        result = svtoolkit(*words)
        assert result.exit_code == 2, words
        assert 'evil.pth: refused' in result.output
        assert 'system' in result.output
    assert not mark.exists()


def test_a_package_cannot_name_foreign_code(tiny_model, tiny_corpus, tmp_path):
    shutil.copytree(tiny_model / 'model', tmp_path / 'model')
    record = tmp_path / 'model' / 'model.json'
    record.write_text(record.read_text().replace('"StatsPooling"', '"os.system"'))
    wave = next((tiny_corpus / 'so762').rglob('*.wav'))
    result = svtoolkit('verify', wave, wave, '--model', tmp_path / 'model')
    assert result.exit_code == 2
    assert "'os.system'" in result.output


def test_the_launcher_ends_the_same_way(tiny_config, tmp_path):
    torch.save({'x': Evil(tmp_path / 'was_here')}, tmp_path / 'evil.pth')
    done = launch('test.py', tiny_config, tmp_path / 'evil.pth', '--work-dir', tmp_path / 'run')
    assert done.returncode == 2
    assert 'evil.pth: refused' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'was_here').exists()


PEAK = """
import sys
from pathlib import Path
import svtoolkit.api
from svtoolkit.cli.main import main

def peak_kb():  # not ru_maxrss, which begins with that of the parent process
    status = Path('/proc/self/status').read_text()
    return int(status.split('VmHWM:')[1].split()[0])

here = peak_kb()
code = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print('MORE', peak_kb() - here)
sys.exit(code)
"""


@pytest.fixture(scope='module')
def long_recording(tmp_path_factory):
    """40 minutes as FLAC: half a minute of synthetic speech over and over, each time a little louder or softer."""
    path = tmp_path_factory.mktemp('long') / 'long.flac'
    piece = np.concatenate([synth_voice(3).say(number, 5.0) for number in range(6)]).astype(np.float32)
    with soundfile.SoundFile(path, 'w', RATE, 1, 'PCM_16') as file:
        for turn in range(LONG_S // 30):
            file.write(piece * (0.5 + 0.4 * (turn % 7) / 7))
    assert soundfile.info(path).duration == LONG_S
    return path


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='peak memory is read from /proc')
@pytest.mark.parametrize('command', ['verify', 'embed'])
def test_forty_minutes_take_bounded_memory(command, long_recording, tiny_model, tmp_path):
    short = tmp_path / 'short.wav'
    soundfile.write(short, synth_voice(3).say(9, 4.0), RATE)
    words = {
        'verify': ['verify', long_recording, short, '--model', tiny_model],
        'embed': ['embed', long_recording, '--model', tiny_model, '-o', tmp_path / 'table.npz'],
    }[command]
    done = subprocess.run(
        [sys.executable, '-c', PEAK, *[str(word) for word in words]],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)},
        text=True,
        capture_output=True,
    )
    assert done.returncode in (0, 1), done.stderr
    more_mb = int(done.stdout.split('MORE')[1]) / 1024
    assert 0 < more_mb < MORE_MB
