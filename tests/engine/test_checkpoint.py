"""Checkpoint files: whole or absent, never unpickled, faults named."""

import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError


class Evil:
    def __reduce__(self):
        return os.system, ('touch /tmp/svtoolkit-was-here',)


def test_plain_values_come_back(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    saved = dict(meta=dict(epoch=np.int64(3), name=tmp_path), hub=dict(loss=history), array=np.arange(3))
    files.save(saved, tmp_path / 'a.pth')
    loaded = files.load(tmp_path / 'a.pth')
    assert loaded['meta'] == dict(epoch=3, name=str(tmp_path))
    assert torch.equal(loaded['array'], torch.arange(3))
    restored = files.restore_histories(loaded['hub'])['loss']
    assert restored.data[0].tolist() == [1.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    for name, write in (
        ('zip.pth', lambda file: torch.save({'x': Evil()}, file)),
        ('raw.pth', lambda file: pickle.dump({'x': Evil()}, file, protocol=2)),
    ):
        with open(tmp_path / name, 'wb') as file:
            write(file)
        with pytest.raises(CheckpointError, match=r'refused.*(system|posix)'):
            files.load(tmp_path / name)
    assert not os.path.exists('/tmp/svtoolkit-was-here')


@pytest.mark.parametrize('content', [b'', b'this is text', None])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / 'bad.pth'
    if content is not None:
        path.write_bytes(content)
    else:
        files.save(dict(x=torch.zeros(1000)), path)
        path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(CheckpointError, match='bad.pth'):
        files.load(path)
    with pytest.raises(CheckpointError, match='no such'):
        files.load(tmp_path / 'absent.pth')


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    files.save(dict(x=1), path)

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(files.torch, 'save', full)
    with pytest.raises(CheckpointError, match='disk is full'):
        files.save(dict(x=2), path)
    monkeypatch.undo()
    assert files.load(path) == dict(x=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ['a.pth']


def test_latest_passes_over_damaged_files_and_old_folders(tmp_path):
    assert files.latest(tmp_path) is None
    for epoch in (1, 2):
        files.save(dict(epoch=epoch), tmp_path / f'epoch_{epoch}.pth')
        os.utime(tmp_path / f'epoch_{epoch}.pth', (epoch, epoch))
    (tmp_path / 'last_checkpoint').write_text('/somewhere/else/epoch_2.pth')
    assert files.latest(tmp_path).name == 'epoch_2.pth'
    (tmp_path / 'epoch_2.pth').write_bytes(b'cut')
    assert files.latest(tmp_path).name == 'epoch_1.pth'


def test_weights_of_another_model_are_refused_whole():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {**model.state_dict(), '1.weight': torch.ones(1, 4), 'extra': torch.ones(1)}
    del state['0.bias']
    with pytest.raises(CheckpointError) as error:
        files.load_weights(model, state, 'x.pth')
    for part in ('missing: 0.bias', 'unexpected: extra', 'shape of 1.weight: (1, 4) in the file, (1, 3)'):
        assert part in str(error.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_optional_part_may_differ():
    model = nn.ModuleDict(dict(body=nn.Linear(2, 2), head=nn.Linear(2, 5)))
    state = {
        name: torch.ones_like(tensor)
        for name, tensor in nn.ModuleDict(dict(body=nn.Linear(2, 2), head=nn.Linear(2, 7)))
        .state_dict()
        .items()
    }
    head = model['head'].weight.clone()
    files.load_weights(model, state, 'x.pth', optional=('head.',))
    assert torch.equal(model['body'].weight, torch.ones(2, 2))
    assert torch.equal(model['head'].weight, head)
