from itertools import chain

import numpy as np
import pytest
from ramp_corpus import write_ramp
from torch.utils.data import DataLoader

from svtoolkit.datasets.samplers import DrawSampler, init_worker
from svtoolkit.datasets.samples import collate
from svtoolkit.datasets.utterances import UtteranceDataset
from svtoolkit.errors import AudioError, ConfigError, ManifestError

LENGTHS = [1000, 400, 300, 1040, 1200, 1100, 1041, 5000]


@pytest.fixture
def folder(tmp_path):
    rows = ['utt\tpath\tspeaker\tduration']
    for number, length in enumerate(LENGTHS):
        write_ramp(tmp_path / f'{number}.wav', length)
        rows.append(f'u{number}\t{number}.wav\ts{number % 2}\t{length / 16000:.2f}')
    (tmp_path / 'list.tsv').write_text('\n'.join(rows))
    return tmp_path


def build(folder, **options) -> UtteranceDataset:
    return UtteranceDataset(str(folder / 'list.tsv'), **options)


@pytest.mark.parametrize('ranks', [1, 2, 3])
def test_every_utterance_once_in_batches_of_one_length(folder, ranks):
    dataset = build(folder)
    seen = []
    for rank in range(ranks):
        sampler = DrawSampler(dataset, 2, rank=rank, world_size=ranks)
        loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=collate, worker_init_fn=init_worker)
        batches = [[sample.utt for sample in batch['data_samples']] for batch in loader]
        assert len(sampler) == len(batches)
        assert max(map(len, batches)) <= 2
        seen += chain.from_iterable(batches)
    assert sorted(seen) == [f'u{number}' for number in range(8)]


def test_lengths_are_whole_frames_from_the_files(folder):
    dataset = build(folder)
    plan = dataset.plan(0, 2)
    assert plan.num_samples.tolist() == [300, 400, 880, 1040, 1040, 1040, 1200, 4880]  # sorted
    assert np.diff(plan.step_offsets).tolist() == [1, 1, 1, 2, 1, 1, 1]
    draws = plan.draws(np.arange(8), 0, 0)
    for draw in draws:
        wave = dataset[draw]['inputs']
        assert np.array_equal(wave, (np.arange(draw.num_samples) / 32768).astype(np.float32))
        assert np.array_equal(dataset[draw.utt]['inputs'], wave)


def test_only_some_utterances(folder, tmp_path):
    assert list(build(folder, utts=['u3', 'u1']).manifest.utts) == ['u1', 'u3']
    (tmp_path / 'trials.txt').write_text('1 u0 u5\n0 u5 u6\n')
    dataset = build(folder, trials=str(tmp_path / 'trials.txt'))
    assert list(dataset.manifest.utts) == ['u0', 'u5', 'u6']
    (tmp_path / 'trials.txt').write_text('1 u0 u9\n')
    with pytest.raises(ManifestError, match="utterance 'u9'"):
        build(folder, trials=str(tmp_path / 'trials.txt'))
    with pytest.raises(ConfigError, match='both choose'):
        build(folder, utts=['u1'], trials='trials.txt')
    with pytest.raises(ConfigError, match='max_seconds=0'):
        build(folder, max_seconds=0)


def test_max_seconds(folder):
    assert build(folder, max_seconds=0.07).plan(0, 9).num_samples.max() == 1040  # 1120 samples, whole frames


def test_several_lists_and_lists_without_speakers(folder, tmp_path):
    (tmp_path / 'wav.scp').write_text(f'x {folder}/0.wav\n')
    dataset = UtteranceDataset([str(folder / 'list.tsv'), str(tmp_path / 'wav.scp')])
    assert len(dataset) == 9
    sample = dataset[8]['data_samples']
    assert (sample.utt, sample.speaker, sample.label) == ('x', '', -1)
    assert sorted(len(batch) for batch in DrawSampler(dataset, 4)) == [1, 1, 1, 1, 2, 3]


def test_an_unreadable_file_is_an_error(folder):
    build(folder)  # measures
    (folder / '7.wav').write_bytes(b'RIFF')
    dataset = build(folder)
    with pytest.raises(AudioError):
        dataset[dataset.plan(0, 1).draws(np.array([7]), 0, 0)[0]]
    (folder / 'list.tsv.dur.json').unlink()
    with pytest.raises(AudioError, match=r'1 recordings cannot be opened[\s\S]*7.wav'):
        build(folder)


def test_a_file_that_became_shorter_is_named(folder):
    build(folder)
    write_ramp(folder / '7.wav', 4000)
    with pytest.raises(
        AudioError, match=r'4000 samples, 4880 were measured before; delete list.tsv.dur.json'
    ):
        build(folder)[7]
