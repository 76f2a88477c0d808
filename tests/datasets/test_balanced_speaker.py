import numpy as np
import pytest

from svtoolkit.datasets.balanced_speaker import BalancedSpeakerDataset, first_of_different
from svtoolkit.datasets.samplers import DrawSampler
from svtoolkit.errors import ConfigError

# specs/open_sv.md section 2, seed 42, epoch 0, P = K = 2: (label, local utterance numbers)
GOLDEN = [
    [(4, [3, 1]), (3, [0, 1])],
    [(5, [2, 5]), (0, [0, 0])],
    [(2, [3, 1]), (3, [4, 3])],
    [(2, [2, 0]), (5, [4, 3])],
    [(4, [5, 2]), (1, [2, 0])],
    [(5, [1, 0]), (4, [4, 0])],
]


def build(path, **options) -> BalancedSpeakerDataset:
    defaults = {'frames': 20, 'seed': 42, 'speakers_per_batch': 2, 'utts_per_speaker': 2}
    return BalancedSpeakerDataset(str(path), **{**defaults, **options})


def local(dataset, rows) -> list[tuple[int, list[int]]]:
    """(label, numbers within the speaker) of groups of two rows."""
    pairs = np.asarray(rows).reshape(-1, 2)
    labels = dataset.labels[pairs[:, 0]]
    return [
        (int(label), (pair - dataset.speaker_offsets[label]).tolist()) for label, pair in zip(labels, pairs)
    ]


def steps_of(dataset, plan) -> list[list[tuple[int, list[int]]]]:
    return [local(dataset, plan.utts[plan.positions(step)]) for step in range(len(plan))]


def test_golden(uneven):
    dataset = build(uneven)
    assert steps_of(dataset, dataset.plan(0, 4)) == GOLDEN


def test_two_ranks(uneven):  # three steps, the first one is the first two of one rank
    dataset = build(uneven)
    steps = steps_of(dataset, dataset.plan(0, 8))
    assert len(steps) == 3
    assert steps[0] == GOLDEN[0] + GOLDEN[1]
    ranks = [[local(dataset, [draw.utt for draw in batch]) for batch in DrawSampler(dataset, 4, 42, rank, 2)]
             for rank in range(2)]  # fmt: skip
    assert ranks[0][0] == [steps[0][0], steps[0][2]]  # groups r, r + R, …
    assert ranks[1][0] == [steps[0][1], steps[0][3]]


@pytest.mark.parametrize('ranks', [1, 2, 3])
def test_invariants(uneven, ranks):
    dataset = build(uneven, utts_per_speaker=2)
    for epoch in range(3):
        plan = dataset.plan(epoch, 4 * ranks)
        for step in steps_of(dataset, plan):
            labels = [label for label, _ in step]
            assert len(set(labels)) == len(labels) == 2 * ranks
            assert all(len(set(pair)) == 2 for label, pair in step if label > 0)
        used = [row for row in plan.utts.tolist() if dataset.labels[row] > 0]
        assert len(set(used)) == len(used)
    assert dataset.plan(0, 4).utts.tolist() != dataset.plan(1, 4).utts.tolist()


def test_short_speakers_may_be_skipped(uneven):
    dataset = build(uneven, utts_per_speaker=4, short='skip')
    plan = dataset.plan(0, 8)
    assert set(dataset.labels[plan.utts]) <= {2, 3, 4, 5}
    repeated = build(uneven, utts_per_speaker=4, speakers_per_batch=6).plan(0, 24)
    labels = dataset.labels[repeated.utts]
    assert np.bincount(labels).tolist() == [4] * 6
    first = repeated.utts[labels == 1]  # three utterances for four places: tiled cyclically
    assert first[3] == first[0]
    assert len(set(first.tolist())) == 3


def test_tail_pad_completes_with_other_speakers(uneven):
    dataset = build(uneven, speakers_per_batch=4, tail='pad')
    plan = dataset.plan(0, 8)
    dropped = build(uneven, speakers_per_batch=4).plan(0, 8)
    assert len(plan) >= len(dropped)
    assert plan.utts[: len(dropped.utts)].tolist() == dropped.utts.tolist()
    for step in steps_of(dataset, plan):
        assert len({label for label, _ in step}) == 4
    groups = {tuple(pair) for pair in plan.utts.reshape(-1, 2).tolist()}
    assert len(groups) == 1 + 1 + 2 + 2 + 3 + 3  # nothing is lost


def test_batches_that_do_not_fit(uneven):
    with pytest.raises(ValueError, match='needs 8 different speakers, the list has 6'):
        build(uneven, speakers_per_batch=8).plan(0, 16)
    with pytest.raises(ValueError, match='set batch_size=4'):
        build(uneven).plan(0, 6)
    with pytest.raises(ConfigError, match=r"mode='kp'.*short='cut'"):
        build(uneven, mode='kp', short='cut')
    with pytest.raises(ConfigError, match="tail='keep'"):
        build(uneven, tail='keep')


def test_one_speed_per_group(uneven):
    dataset = build(uneven, speeds=(1.0, 0.9))
    plan = dataset.plan(0, 4)
    assert set(plan.speeds.round(1)) == {np.float32(1.0), np.float32(0.9)}
    assert (plan.speeds.reshape(-1, 2)[:, 0] == plan.speeds.reshape(-1, 2)[:, 1]).all()


def test_quota(uneven):
    dataset = build(uneven, mode='quota', quota=2)
    seen = [set() for _ in range(6)]
    for epoch in range(4):  # ceil(7 / 2)
        plan = dataset.plan(epoch, 4)
        labels = dataset.labels[plan.utts]
        assert np.bincount(labels).tolist() == [2] * 6
        for row, label in zip(plan.utts.tolist(), labels.tolist()):
            seen[label].add(row)
        for label, count in enumerate([1, 3, 4, 5, 6, 7]):
            assert len(seen[label]) == min(count, 2 * (epoch + 1))
    assert dataset.plan(0, 5).step_offsets.tolist() == [0, 5, 10, 15]  # 12 draws, padded


def test_first_of_different_equals_a_plain_scan():
    owners = np.random.default_rng(0).integers(0, 12, 400) ** 2 // 12
    left, expected = list(enumerate(owners.tolist())), []
    while True:
        step, speakers = [], set()
        for place, owner in left:
            if owner not in speakers and len(step) < 5:
                step.append(place)
                speakers.add(owner)
        if len(step) < 5:
            break
        expected += step
        left = [item for item in left if item[0] not in step]
    assert first_of_different(owners, 5).tolist() == expected
