"""Training runs: resume is exact, ranks agree, faults come before the first step."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

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


@pytest.mark.parametrize('workers', [0, 2])
def test_killed_in_mid_epoch_and_resumed_equals_the_straight_run(tiny_config, tmp_path, workers):
    loader = [
        f'train_dataloader.num_workers={workers}',
        'default_hooks.checkpoint.by_epoch=False',
        'default_hooks.checkpoint.save_best=None',
        'default_hooks.checkpoint.interval=1',
    ]
    straight, broken = tmp_path / 'straight', tmp_path / 'broken'
    subprocess.run(
        command(tiny_config, straight, '--cfg-options', *loader),
        check=True,
        env=environment(),
        capture_output=True,
    )
    kill_at = int(torch.randint(2, 20, ()))
    process = subprocess.Popen(
        command(tiny_config, broken, '--cfg-options', *loader),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (broken / f'iter_{kill_at}.pth').is_file() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = files.load(files.latest(broken))['meta']['iter']
    assert kill_at - 1 <= stopped < 27  # the kill may fall between the file and the line that names it
    subprocess.run(
        command(tiny_config, broken, '--resume', '--cfg-options', *loader),
        check=True,
        env=environment(),
        capture_output=True,
    )
    assert_same(weights(straight, 'iter_27.pth'), weights(broken, 'iter_27.pth'))


def test_two_ranks_use_the_same_draws_and_train(tiny_config, tmp_path):
    script = [
        'bash',
        str(ROOT / 'tools/dist_train.sh'),
        str(tiny_config),
        '2',
        '--work-dir',
        str(tmp_path / 'two'),
        '--cfg-options',
        'train_dataloader.batch_size=2',
    ]
    done = subprocess.run(
        script,
        env={**environment(), 'PYTHON': sys.executable, 'PORT': '29561'},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    state = files.load(tmp_path / 'two' / 'epoch_3.pth')
    launch.train(tiny_config, tmp_path / 'one')
    alone = files.load(tmp_path / 'one' / 'epoch_3.pth')
    assert state['svt_sampler']['list_hash'] == alone['svt_sampler']['list_hash']
    assert state['svt_sampler']['global_batch'] == alone['svt_sampler']['global_batch'] == 4
    assert state['meta']['iter'] == alone['meta']['iter']


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


def test_amp_and_accumulation_train_on_the_cpu(tiny_config, tmp_path):
    result = launch.train(
        tiny_config,
        tmp_path / 'run',
        amp=True,
        options={
            'train_cfg.max_epochs': 1,
            'optim_wrapper.accumulative_counts': 2,
            'optim_wrapper.clip_grad.max_norm': 1.0,
        },
    )
    assert result['metrics']['asv/EER'] <= 1
