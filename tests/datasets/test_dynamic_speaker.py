import numpy as np
import pytest
from scipy.stats import chisquare

from svtoolkit.datasets.draws import frame_samples
from svtoolkit.datasets.dynamic_speaker import DynamicSpeakerDataset
from svtoolkit.datasets.samplers import DrawSampler
from svtoolkit.errors import ConfigError


def build(path, **options) -> DynamicSpeakerDataset:
    return DynamicSpeakerDataset(str(path), **{'seed': 42, **options})


def test_lengths_golden(corpus):  # specs/open_sv.md section 2, seed 42
    dataset = build(corpus, epoch_size=16)
    frames = [280, 400, 220, 360, 200, 340, 260, 230]
    plan = dataset.plan(0, 2)
    assert plan.num_samples[::2].tolist() == [frame_samples(count) for count in frames]
    assert plan.num_samples[1::2].tolist() == plan.num_samples[::2].tolist()
    assert dataset.plan(1, 2).num_samples[:8:2].tolist() == [frame_samples(n) for n in (230, 210, 400, 350)]


def test_one_length_per_global_step_on_all_ranks(corpus):
    dataset = build(corpus, min_frames=20, max_frames=40, epoch_size=24)
    ranks = [list(DrawSampler(dataset, 2, 42, rank, 2)) for rank in range(2)]
    for batches in zip(*ranks, strict=True):
        assert len({draw.num_samples for batch in batches for draw in batch}) == 1
    assert len({batch[0].num_samples for batch in ranks[0]}) > 1
    batch = [dataset[draw]['inputs'] for draw in ranks[0][0]]
    assert {len(wave) for wave in batch} == {ranks[0][0][0].num_samples}


def test_epochs_differ_and_repeat(corpus):
    dataset = build(corpus)
    first, second, again = dataset.plan(0, 2), dataset.plan(1, 2), build(corpus).plan(0, 2)
    assert first.utts.tolist() != second.utts.tolist()
    assert first.num_samples.tolist() != second.num_samples.tolist()
    assert first.utts.tolist() == again.utts.tolist()
    assert sorted(first.utts) == list(range(10))


def test_lengths_are_uniform(corpus):
    lengths = build(corpus, draw='replacement', epoch_size=4200).plan(0, 1).num_samples
    counts = np.unique(lengths, return_counts=True)[1]
    assert len(counts) == 21
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize('tail', ['pad', 'drop', 'keep'])
def test_frames_mode_has_exact_length(corpus, tail):
    dataset = build(corpus, batch='frames', budget=1000, draw='replacement', epoch_size=101, tail=tail)
    plan = dataset.plan(0, 4)
    sampler = DrawSampler(dataset, 4, 42, 0, 1)
    batches = list(sampler)
    assert len(sampler) == len(plan) == len(batches)
    sizes = np.diff(plan.step_offsets)
    frames = (plan.num_samples[plan.step_offsets[:-1]] - 400) // 160 + 1
    full = slice(None, -1) if tail == 'keep' else slice(None)
    assert sizes[full].tolist() == (1000 // frames)[full].tolist()
    assert {'pad': sizes.sum() >= 101, 'drop': 96 < sizes.sum() <= 101, 'keep': sizes.sum() == 101}[tail]


def test_default_budget_is_the_batch_at_the_middle_length(corpus):
    dataset = build(corpus, batch='frames', draw='replacement', epoch_size=4000)
    sizes = np.diff(dataset.plan(0, 12).step_offsets)
    assert (sizes.min(), sizes.max()) == (3600 // 400, 3600 // 200)


def test_long_crops_on_too_many_ranks(corpus):
    dataset = build(corpus, batch='frames', budget=500, epoch_size=40)
    with pytest.raises(ValueError, match='share out over 2 processes'):
        len(DrawSampler(dataset, 2, 42, 0, 2))


def test_speed_labels_in_blocks(corpus):
    dataset = build(corpus, min_frames=10, max_frames=20, speeds=(1.0, 0.9, 1.1), epoch_size=60)
    plan = dataset.plan(0, 6)
    for draw in plan.draws(plan.positions(0), 0, 42):
        item = dataset[draw]
        block = (1.0, 0.9, 1.1).index(draw.speed)
        assert item['data_samples'].label == dataset.labels[draw.utt] + 4 * block
        assert len(item['inputs']) == draw.num_samples
    assert len(set(plan.speeds)) == 3


def test_wrong_settings(corpus):
    wrong = [dict(min_frames=0), dict(min_frames=300, max_frames=200), dict(step=0), dict(batch='even')]
    wrong += [dict(budget=100), dict(batch='frames', budget=0), dict(draw='any')]
    for options in wrong:
        with pytest.raises(ConfigError, match='DynamicSpeakerDataset'):
            build(corpus, **options)
    with pytest.raises(ValueError, match='leaves nothing'):
        build(corpus, tail='drop').plan(0, 16)


def test_a_subclass_plans_its_own_items(corpus):
    """The place where datasets of mixed voices hang: rows, lengths and items can be replaced."""

    class Curriculum(DynamicSpeakerDataset):
        def epoch_rows(self, epoch, seed):
            return np.full(4, epoch)

        def step_frames(self, epoch, step, seed):
            return 10 * (step + 1)

        def make_item(self, draw, augment):
            item = super().make_item(draw, augment)
            return {**item, 'extra': draw.pos}

    dataset = Curriculum(str(corpus))
    plan = dataset.plan(3, 2)
    assert plan.utts.tolist() == [3] * 4
    assert plan.num_samples.tolist() == [frame_samples(10)] * 2 + [frame_samples(20)] * 2
    assert dataset[plan.draws(plan.positions(1), 3, 0)[0]]['extra'] == 2
