import pickle
from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from svtoolkit.datasets.balanced_speaker import BalancedSpeakerDataset
from svtoolkit.datasets.dynamic_speaker import DynamicSpeakerDataset
from svtoolkit.datasets.random_speaker import RandomSpeakerDataset
from svtoolkit.datasets.samplers import DrawSampler, init_worker
from svtoolkit.datasets.samples import collate
from svtoolkit.errors import CheckpointError, ConfigError
from svtoolkit.registry import DATA_SAMPLERS

PIPELINE = [dict(type='RandomGain', low_db=-6, high_db=6)]


@pytest.fixture
def dataset(corpus) -> RandomSpeakerDataset:
    return RandomSpeakerDataset(str(corpus), frames=20, pipeline=PIPELINE, seed=42)


def batches_of(loader, epochs=(0,)) -> list[torch.Tensor]:
    found = []
    for epoch in epochs:
        loader.batch_sampler.set_epoch(epoch)
        found += [batch['inputs'] for batch in loader]
    return found


def loader_of(dataset, workers=0, persistent=False, **sampler) -> DataLoader:
    batches = DrawSampler(dataset, sampler.pop('batch_size', 4), **sampler)
    return DataLoader(dataset, batch_sampler=batches, collate_fn=collate, worker_init_fn=init_worker,
                      num_workers=workers, persistent_workers=persistent)  # fmt: skip


def test_workers_do_not_matter_and_epochs_differ(dataset):
    plain = batches_of(loader_of(dataset), epochs=range(3))
    for persistent in (False, True):
        workers = batches_of(loader_of(dataset, 2, persistent), epochs=range(3))
        assert len(plain) == len(workers) == 9
        assert all(torch.equal(one, other) for one, other in zip(plain, workers))
    crops = [
        {tuple(wave[:2].tolist()) for batch in plain[3 * e : 3 * e + 3] for wave in batch} for e in range(3)
    ]
    assert not crops[0] & crops[1]
    assert not crops[1] & crops[2]


@pytest.mark.parametrize(
    'kind, options, global_batch',
    [
        (RandomSpeakerDataset, dict(frames=20), 8),
        (DynamicSpeakerDataset, dict(min_frames=20, max_frames=40, epoch_size=24), 8),
        (BalancedSpeakerDataset, dict(frames=20, speakers_per_batch=1, utts_per_speaker=2), 4),
    ],
)
def test_ranks_do_not_matter(corpus, kind, options, global_batch):
    dataset = kind(str(corpus), seed=42, **options)
    whole = list(DrawSampler(dataset, global_batch, 42, 0, 1)) if kind is not BalancedSpeakerDataset else None
    halves = [list(DrawSampler(dataset, global_batch // 2, 42, rank, 2)) for rank in range(2)]
    if whole is None:  # P is per rank: the same global batch means twice the speakers on one rank
        double = BalancedSpeakerDataset(
            str(corpus), seed=42, frames=20, speakers_per_batch=2, utts_per_speaker=2
        )
        whole = list(DrawSampler(double, global_batch, 42, 0, 1))
    assert len(whole) == len(halves[0]) == len(halves[1])
    for step, batch in enumerate(whole):
        union = halves[0][step] + halves[1][step]
        assert sorted(union) == sorted(batch)
        assert len(set(union)) == global_batch


def test_padded_items_are_new_crops(dataset):
    draws = [draw for batch in DrawSampler(dataset, 4, 42, 0, 1) for draw in batch]
    assert len(draws) == 12
    assert draws[10].utt == draws[0].utt
    assert draws[10] != draws[0]


def test_start_anywhere_without_reading_what_came_before(dataset):
    sampler = DrawSampler(dataset, 2, 42, 0, 1)
    straight = list(sampler)
    sampler.start(3)
    assert list(sampler) == straight[3:]
    assert list(sampler) == straight  # only once
    assert len(sampler) == 5
    assert list(DrawSampler(dataset, 2, 42, 0, 1, start_step=4)) == straight[4:]
    sampler.start(5)
    assert list(sampler) == []
    sampler.start(6)
    with pytest.raises(ValueError, match='step 6 of an epoch of 5'):
        next(iter(sampler))


def test_resume(dataset):
    sampler = DrawSampler(dataset, 4, 7, 0, 1)
    sampler.set_epoch(2)
    straight = list(sampler)
    state = sampler.state_dict(step=1)
    assert state == {'seed': 7, 'epoch': 2, 'step': 1, 'global_batch': 4, 'list_hash': dataset.list_hash()}
    assert all(type(value) in (int, str) for value in state.values())
    resumed = DrawSampler(dataset, 4, 0, 0, 1)
    resumed.load_state_dict(pickle.loads(pickle.dumps(state)))
    assert list(resumed) == straight[1:]
    ranks = [DrawSampler(dataset, 2, 0, rank, 2) for rank in range(2)]
    for sampler in ranks:
        sampler.load_state_dict(state)  # as many items per step, on two ranks
    for ours, *theirs in zip(straight[1:], *ranks, strict=True):
        assert sorted(theirs[0] + theirs[1]) == sorted(ours)


def test_state_counts_what_was_handed_out(dataset):
    sampler = DrawSampler(dataset, 4, 7, 0, 1)
    walk = iter(sampler)
    next(walk)
    next(walk)
    assert sampler.state_dict()['step'] == 2


def test_resume_refuses_another_batch_or_list(dataset, uneven):
    state = DrawSampler(dataset, 4, 7, 0, 1).state_dict(step=2)
    with pytest.raises(CheckpointError, match=r'the global batch was 4 and is 6 \(3 x 2 processes\)'):
        DrawSampler(dataset, 3, 7, 0, 2).load_state_dict(state)
    other = RandomSpeakerDataset(str(uneven), frames=20)
    with pytest.raises(CheckpointError, match='list of recordings is another one'):
        DrawSampler(other, 4, 7, 0, 1).load_state_dict(state)
    again = DrawSampler(dataset, 5, 0, 0, 1)
    again.load_state_dict({**state, 'epoch': 3}, epoch_start=True)
    assert (again.epoch, again.seed, len(list(again))) == (3, 7, 2)


def test_kept_tail_gives_ranks_what_there_is(corpus):
    dataset = RandomSpeakerDataset(str(corpus), frames=20, tail='keep')
    ranks = [DrawSampler(dataset, 3, 0, rank, 3) for rank in range(3)]
    draws = [[draw.pos for batch in sampler for draw in batch] for sampler in ranks]
    assert sorted(chain.from_iterable(draws)) == list(range(10))
    assert [len(sampler) for sampler in ranks] == [len(list(sampler)) for sampler in ranks] == [2, 1, 1]


def test_arguments(dataset):
    sampler = DATA_SAMPLERS.build(dict(type='DrawSampler', dataset=dataset, batch_size=3))
    assert (sampler.rank, sampler.world_size, sampler.seed) == (0, 1, 42)  # no process group: one process
    with pytest.raises(ConfigError, match='batch_size=0'):
        DrawSampler(dataset, 0)
    with pytest.raises(ConfigError, match='rank 2 of 2'):
        DrawSampler(dataset, 1, rank=2, world_size=2)


def test_plan_is_computed_once_per_epoch(dataset, monkeypatch):
    calls = []
    plan = type(dataset).make_plan
    monkeypatch.setattr(type(dataset), 'make_plan', lambda *args: (calls.append(args[1]), plan(*args))[1])
    sampler = DrawSampler(dataset, 2)
    assert calls == []
    len(sampler), list(sampler), len(sampler)
    sampler.set_epoch(1)
    list(sampler)
    assert calls == [0, 1]


def test_skipped_items_are_not_read(dataset, monkeypatch):
    read = []
    load = type(dataset).load
    monkeypatch.setattr(
        type(dataset), 'load', lambda self, draw: (read.append(draw.pos), load(self, draw))[1]
    )
    loader = loader_of(dataset, batch_size=2)
    loader.batch_sampler.start(4)
    assert len(list(loader)) == 1
    assert read == [8, 9]


def test_collate():
    dtype = np.float32
    assert collate([{'inputs': np.zeros(3, dtype), 'data_samples': 1}])['inputs'].dtype == torch.float32
    with pytest.raises(ValueError, match='empty batch'):
        collate([])


def test_collate_refuses_unequal_lengths(dataset):
    items = [dataset[0], dataset[dataset.plan(0, 1).draws(np.array([0]), 0, 42)[0]]]
    with pytest.raises(ValueError, match=r"3440 to 8000 samples \(longest: 's0-u0'\)"):
        collate(items)
