"""Training runs: resume is exact, ranks agree, faults come before the first step."""

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from svtoolkit.engine import checkpoint as files
from svtoolkit.engine import launch
from svtoolkit.errors import CheckpointError, ConfigError

ROOT = Path(__file__).parents[2]


def command(config: Path, work_dir: Path, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / 'tools/train.py'), str(config), '--work-dir', str(work_dir), *options]


def environment() -> dict[str, str]:
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}


def weights(work_dir: Path, name: str) -> dict[str, torch.Tensor]:
    return files.load(work_dir / name)['state_dict']


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different, f'{len(different)} of {len(a)} tensors differ, first {different[:3]}'


def test_a_run_learns_writes_its_files_and_is_measured(tiny_config, tmp_path):
    work_dir = tmp_path / 'run'
    result = launch.train(tiny_config, work_dir, options={'train_cfg.max_epochs': 6})
    assert result['metrics']['asv/EER'] < 0.5
    assert {'best.pth', 'best.json', 'last_checkpoint', 'speakers.json', 'epoch_6.pth'} <= {
        path.name for path in work_dir.iterdir()
    }
    assert len(json.loads((work_dir / 'speakers.json').read_text())) == 6
    scalars = next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()
    losses = [json.loads(line)['loss'] for line in scalars if 'loss' in line]
    assert losses[-1] < losses[0] or len(losses) == 1
    assert torch.serialization.get_unsafe_globals_in_checkpoint(work_dir / 'epoch_6.pth') == []
    measured = launch.test(tiny_config, work_dir / 'best.pth', work_dir)
    assert 0 <= measured['asv/random/EER'] <= 1
    written = {path.name for path in (work_dir / 'test' / 'hard').iterdir()}
    assert written >= {'scores.tsv', 'metrics.json', 'threshold.json', 'det.png'}
    record = json.loads((work_dir / 'test' / 'hard' / 'metrics.json').read_text())
    assert record['fingerprint'] and record['ci']['EER'][0] <= record['EER'] <= record['ci']['EER'][1]


RESUMABLE = [
    'default_hooks.logger.interval=1',
    'default_hooks.checkpoint.by_epoch=False',
    'default_hooks.checkpoint.interval=4',
    'default_hooks.checkpoint.max_keep_ckpts=-1',
]
STEPS, EPOCH = 27, 9  # of the tiny recipe


@pytest.fixture(scope='module')
def straight(write_tiny_config, tmp_path_factory) -> Path:
    """A run that nothing disturbed, and the config beside it."""
    folder = tmp_path_factory.mktemp('straight')
    write_tiny_config(folder / 'tiny.py')
    start(folder / 'tiny.py', folder / 'run', '--cfg-options', *RESUMABLE)
    return folder


def start(config: Path, work_dir: Path, *options: str) -> None:
    done = subprocess.run(
        command(config, work_dir, *options), env=environment(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def steps_logged(work_dir: Path) -> dict[int, dict]:
    """Step -> loss, accuracy, rate and margin in the log; of a step that was done twice, the last."""
    found = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # being written
                continue
            if 'lr' in record:
                found[record['iter']] = {
                    key: record[key] for key in ('loss', 'accuracy', 'lr', 'margin', 'epoch')
                }
    return found


@pytest.mark.parametrize('workers', [0, 2])
def test_killed_in_mid_epoch_and_resumed_equals_the_straight_run(straight, tmp_path, workers):
    options = ['--cfg-options', f'train_dataloader.num_workers={workers}', *RESUMABLE]
    kill_at = random.SystemRandom().choice([step for step in range(5, STEPS - 1) if step % EPOCH])
    process = subprocess.Popen(
        command(straight / 'tiny.py', tmp_path, *options),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and max(steps_logged(tmp_path), default=0) < kill_at:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, 'the run ended before it was killed'
    stopped = files.load(files.latest(tmp_path))['meta']['iter']
    assert 4 <= stopped < STEPS, kill_at
    start(straight / 'tiny.py', tmp_path, '--resume', *options)

    name = f'epoch_{STEPS // EPOCH}.pth'
    assert_same(weights(straight / 'run', name), weights(tmp_path, name))
    whole, pieces = files.load(straight / 'run' / name), files.load(tmp_path / name)
    for key in ('svt_sampler', 'param_schedulers'):
        assert whole[key] == pieces[key], key
    for key, state in whole['optimizer']['state'].items():
        assert all(
            torch.equal(value, pieces['optimizer']['state'][key][name]) for name, value in state.items()
        )
    assert steps_logged(straight / 'run') == steps_logged(tmp_path)
    assert (straight / 'run' / 'best.json').read_text() == (tmp_path / 'best.json').read_text()


RECORD = """
import hashlib
from pathlib import Path
from mmengine.hooks import Hook
from svtoolkit.registry import HOOKS

@HOOKS.register_module()
class RecordCrops(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        names = [f'{s.utt}:{hashlib.sha1(wave.numpy().tobytes()).hexdigest()}'
                 for wave, s in zip(data_batch['inputs'], data_batch['data_samples'], strict=True)]
        with open(Path(runner.work_dir) / f'crops_{runner.rank}.txt', 'a') as file:
            print(runner.iter, *names, file=file)
"""


def test_two_ranks_train_on_the_same_crops_as_one(tiny_config, tmp_path):
    (tmp_path / 'record_crops.py').write_text(RECORD)
    config = tmp_path / 'recorded.py'
    config.write_text(
        f"_base_ = ['{tiny_config}']\n"
        "custom_imports = dict(imports=['record_crops'])\n"
        "custom_hooks = [dict(type='RecordCrops')]\n"
    )
    settings = {
        **environment(),
        'PYTHONPATH': f'{ROOT}{os.pathsep}{tmp_path}',
        'PYTHON': sys.executable,
        'PORT': '29561',
    }
    ranks = ['bash', str(ROOT / 'tools/dist_train.sh'), str(config), '2', '--work-dir', str(tmp_path / 'two')]
    for words in (
        [*ranks, '--cfg-options', 'train_dataloader.batch_size=2'],
        command(config, tmp_path / 'one'),
    ):
        done = subprocess.run(words, env=settings, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[-3000:]

    def crops(run: str, rank: int) -> list[list[str]]:
        lines = (tmp_path / run / f'crops_{rank}.txt').read_text().splitlines()
        return [line.split()[1:] for line in lines]

    assert len(crops('one', 0)) == STEPS
    for alone, first, second in zip(crops('one', 0), crops('two', 0), crops('two', 1), strict=True):
        assert len(first) == len(second) == 2
        assert sorted(alone) == sorted(first + second)
    one, two = (files.load(tmp_path / run / 'epoch_3.pth') for run in ('one', 'two'))
    assert one['svt_sampler'] == two['svt_sampler']
    assert one['meta']['iter'] == two['meta']['iter'] == STEPS


def test_every_fault_comes_in_one_message(tiny_config, tmp_path):
    options = {
        'model.neck.type': 'StatPooling',
        'model.backbone.dept': 18,
        'train_dataloader.batchsize': 3,
        'optim_wrapper.optimizer.lrr': 1,
        'model.head.scal': 3,
    }
    with pytest.raises(ConfigError) as error:
        launch.train(tiny_config, tmp_path / 'run', options=options)
    for part in (
        "Did you mean 'StatsPooling'",
        "no argument 'dept'; did you mean 'depth'",
        "unknown key 'batchsize'; did you mean 'batch_size'",
        "no argument 'lrr'; did you mean 'lr'",
        "no argument 'scal'; did you mean 'scale'",
    ):
        assert part in str(error.value)
    assert not (tmp_path / 'run' / 'last_checkpoint').exists()


def test_data_faults_are_found_before_training(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match=r'absent\.tsv'):
        launch.train(
            tiny_config, tmp_path, options={'train_dataloader.dataset.manifest': str(tmp_path / 'absent.tsv')}
        )
    with pytest.raises(ConfigError, match='num_speakers = 3, but the training data have 6'):
        launch.train(tiny_config, tmp_path, options={'model.head.num_speakers': 3})
    with pytest.raises(ConfigError, match='embed_dim = 99'):
        launch.train(tiny_config, tmp_path, options={'model.head.embed_dim': 99})


def test_a_checkpoint_of_another_model_is_refused(tiny_config, tmp_path):
    launch.train(tiny_config, tmp_path / 'run', options={'train_cfg.max_epochs': 1})
    with pytest.raises(CheckpointError, match='of another model'):
        launch.test(
            tiny_config,
            tmp_path / 'run' / 'best.pth',
            tmp_path / 'run',
            options={'model.backbone.widths': (4, 4, 8, 16)},
        )


ACCUMULATE = {
    'optim_wrapper.accumulative_counts': 4,
    'optim_wrapper.clip_grad': {'max_norm': 1.0},
    'default_hooks.checkpoint.by_epoch': False,
    'default_hooks.checkpoint.interval': 3,
    'default_hooks.checkpoint.max_keep_ckpts': -1,
}


def test_amp_accumulation_and_clipping_train_on_the_cpu_and_resume_exactly(tiny_config, tmp_path):
    launch.train(tiny_config, tmp_path / 'whole', amp=True, options=ACCUMULATE)
    places = [files.load(path)['meta'] for path in sorted((tmp_path / 'whole').glob('iter_*.pth'))]
    # steps 3, 6, 9, … come due; the weights change after steps 4, 8 and the last, 9, of every epoch
    assert sorted(meta['iter'] for meta in places) == [4, 8, 9, 13, 17, 18, 22, 26, 27]
    launch.train(
        tiny_config,
        tmp_path / 'rest',
        amp=True,
        options=ACCUMULATE,
        resume=str(tmp_path / 'whole' / 'iter_13.pth'),
    )
    assert_same(weights(tmp_path / 'whole', 'epoch_3.pth'), weights(tmp_path / 'rest', 'epoch_3.pth'))
    norms = [
        record['grad_norm']
        for path in (tmp_path / 'whole').glob('*/vis_data/scalars.json')
        for record in map(json.loads, path.read_text().splitlines())
        if 'grad_norm' in record
    ]
    assert norms and all(math.isfinite(norm) for norm in norms)


def test_a_run_killed_while_measuring_is_measured_when_resumed(tiny_config, tmp_path):
    whole = launch.train(tiny_config, tmp_path / 'run')
    best = (tmp_path / 'run' / 'best.json').read_text()
    (
        tmp_path / 'run' / 'epoch_3.pth'
    ).unlink()  # as if killed after epoch 2 was saved, before it was measured
    record = json.loads(best)
    if record['epoch'] >= 2:
        for name in ('best.json', 'best.pth'):
            (tmp_path / 'run' / name).unlink()
    again = launch.train(tiny_config, tmp_path / 'run', resume=True)
    assert again['metrics'] == whole['metrics']
    assert (tmp_path / 'run' / 'best.json').read_text() == best
    assert (tmp_path / 'run' / 'best.pth').is_file()
    done = launch.train(tiny_config, tmp_path / 'run', resume=True)  # nothing is left to train
    assert done['metrics'] == whole['metrics']


def test_early_stopping_is_one_line_and_counts_on_after_a_resume(tiny_config, tmp_path):
    options = {
        'train_cfg.max_epochs': 9,
        'custom_hooks': [
            dict(type='EarlyStoppingHook', patience=2, min_delta=0.6)
        ],  # an EER of 0 is not enough
        'default_hooks.checkpoint.max_keep_ckpts': -1,
    }
    launch.train(tiny_config, tmp_path / 'whole', options=options)
    epochs = sorted(path.name for path in (tmp_path / 'whole').glob('epoch_*.pth'))
    assert epochs == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']
    state = files.load(tmp_path / 'whole' / 'epoch_2.pth')['early_stopping']
    assert state['waited'] == 0
    assert 0 <= state['best'] < 0.6
    launch.train(
        tiny_config, tmp_path / 'rest', options=options, resume=str(tmp_path / 'whole' / 'epoch_2.pth')
    )
    assert [path.name for path in (tmp_path / 'rest').glob('epoch_*.pth')] == ['epoch_3.pth']
    state = files.load(tmp_path / 'rest' / 'epoch_3.pth')['early_stopping']
    assert state['waited'] == 1


def test_the_rate_is_scaled_with_the_batch(tiny_config, tmp_path):
    options = {
        'auto_scale_lr': dict(base_batch_size=8),
        'param_scheduler': None,
        'train_cfg.max_epochs': 1,
    }
    launch.train(tiny_config, tmp_path / 'run', auto_scale_lr=True, validate=False, options=options)
    state = files.load(tmp_path / 'run' / 'epoch_1.pth')['optimizer']
    assert state['param_groups'][0]['lr'] == pytest.approx(2e-3 * 4 / 8)


def test_progress_tells_what_people_watch(tiny_config, tmp_path):
    options = {'default_hooks.logger.interval': 3, 'train_cfg.max_epochs': 2, 'visualizer.vis_backends': [
        dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]}  # fmt: skip
    launch.train(tiny_config, tmp_path / 'run', options=options)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    lines = [line for line in log.splitlines() if 'Epoch(train)' in line]
    assert [re.search(r'\[\d\]\[\d/9\]', line)[0] for line in lines] == [
        '[1][3/9]', '[1][6/9]', '[1][9/9]', '[2][3/9]', '[2][6/9]', '[2][9/9]'
    ]  # fmt: skip
    for line in lines:
        assert re.search(r'lr: \S+ +eta: \d', line), line
        for name in ('data_time', 'crops_per_s', 'loss', 'accuracy', 'margin'):
            assert f' {name}: ' in line, line
    events = EventAccumulator(str(next((tmp_path / 'run').glob('*/vis_data')))).Reload()
    assert {'loss', 'accuracy', 'lr', 'crops_per_s', 'asv/EER'} <= set(events.Tags()['scalars'])
    assert [event.step for event in events.Scalars('loss')] == [3, 6, 9, 12, 15, 18]
