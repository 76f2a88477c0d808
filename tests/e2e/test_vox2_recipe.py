"""The published VoxCeleb2 recipe on a directory laid out as VoxCeleb2 is, on one process and on two."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from svtoolkit.cli.main import main
from svtoolkit.engine import checkpoint as files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def voxceleb(tiny_corpus, tmp_path_factory) -> Path:
    """``dev/aac/id*/video/*.wav`` of 4 speakers, ``wav/id*`` of 2 others with an official-style trial list."""
    source, out = tmp_path_factory.mktemp('vox_source'), tmp_path_factory.mktemp('voxceleb')
    recordings = tiny_corpus / 'so762' / 'train'
    for number in range(6):
        for clip in range(4):
            top = 'vox2/dev/aac' if number < 4 else 'vox1/wav'
            place = source / top / f'id{number:05d}' / f'video{clip % 2}' / f'{clip:05d}.wav'
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(recordings / f's{number}' / f'u{clip}.wav', place)
    clips = [f'id{number:05d}/video{clip % 2}/{clip:05d}.wav' for number in (4, 5) for clip in range(4)]
    lines = [f'{int(a.split("/")[0] == b.split("/")[0])} {a} {b}' for a in clips for b in clips if a != b]
    (source / 'vox1' / 'veri_test2.txt').write_text('\n'.join(lines) + '\n')
    for corpus, folder in (('voxceleb2', 'vox2'), ('voxceleb1', 'vox1')):
        result = CliRunner().invoke(main, ['prepare', corpus, str(source / folder), str(out)])
        assert result.exit_code == 0, result.output
    return out


def run(command: list[str], voxceleb: Path) -> str:
    environment = {
        **os.environ,
        'VOXCELEB': str(voxceleb),
        'OMP_NUM_THREADS': '1',
        'PYTHON': sys.executable,
        'PYTHONPATH': str(ROOT),
        'PORT': '29571',
    }
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def options(batch: int) -> list[str]:
    return [
        '--cfg-options',
        f'train_dataloader.batch_size={batch}',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
        'train_cfg.max_epochs=1',
        'train_dataloader.dataset.frames=80',
        'train_dataloader.persistent_workers=False',
        'val_dataloader.persistent_workers=False',
    ]


def test_the_recipe_trains_alone_and_on_two_processes(voxceleb, tmp_path):
    config = str(ROOT / 'configs/asv/vox2_resnet34.py')
    log = run(
        [
            sys.executable,
            str(ROOT / 'tools/train.py'),
            config,
            '--work-dir',
            str(tmp_path / 'one'),
            *options(8),
        ],
        voxceleb,
    )
    assert 'asv/EER' in log
    run(
        [
            'bash',
            str(ROOT / 'tools/dist_train.sh'),
            config,
            '2',
            '--work-dir',
            str(tmp_path / 'two'),
            *options(4),
        ],
        voxceleb,
    )
    one, two = (files.load(tmp_path / name / 'epoch_1.pth') for name in ('one', 'two'))
    assert one['svt_sampler'] == two['svt_sampler']
    assert one['state_dict']['head.weight'].shape == (4, 256)
    assert one['optimizer']['param_groups'][0]['weight_decay'] == 1e-3
    shapes = {name: tensor.shape for name, tensor in one['state_dict'].items()}
    assert shapes == {name: tensor.shape for name, tensor in two['state_dict'].items()}
