"""What every transform and every scorer keeps to, made by name with small arguments."""

import numpy as np
import pytest

from svtoolkit import backends
from svtoolkit.backends import ALL, REGISTRY, Backend, Cosine, EmbeddingTable, Transform
from svtoolkit.backends.base import Stored
from svtoolkit.errors import FingerprintError, SvtoolkitError

ARGUMENTS = {
    'LDA': dict(dim=3),
    'HeavyTailedPLDA': dict(rank=2),
    'QualityCalibration': dict(columns=['log_duration_min']),
    'ScoreNorm': dict(topn=5),
}
TRANSFORMS = sorted(cls.__name__ for cls in ALL if issubclass(cls, Transform))
# ScoreNorm and Chain score through others, so they are tested as a chain
SCORERS = sorted(
    cls.__name__ for cls in ALL if issubclass(cls, Backend) and cls.__name__ not in ('ScoreNorm', 'Chain')
)
CHAINS = {
    f'Cosine+ScoreNorm({mode})': mode
    for mode in ('none', 'z', 't', 's', 'zt', 'tz', 'as1', 'as2', 'az', 'at')
}
SCORING = [*SCORERS, *CHAINS]
SYMMETRIC = [name for name in SCORING if CHAINS.get(name) not in ('z', 't', 'zt', 'tz', 'az', 'at')]


class Trials:
    """Random pairs; the names are given in another order than the table's."""

    label = None

    def __init__(self, ids, count=60, seed=3):
        rng = np.random.default_rng(seed)
        self.ids = [ids[row] for row in rng.permutation(len(ids))]
        self.enrol, self.test = rng.integers(0, len(ids), (2, count))


@pytest.fixture(scope='module')
def data():
    rng = np.random.default_rng(7)
    index = np.repeat(np.arange(20), 5)
    matrix = 2 * rng.normal(size=(20, 6))[index] + rng.normal(size=(100, 6)) + 1
    return EmbeddingTable([f'u{row}' for row in range(100)], matrix, 'model-1'), [
        f's{number}' for number in index
    ]


def make(name):
    if name in CHAINS:
        return backends.build([dict(type='Cosine'), dict(type='ScoreNorm', mode=CHAINS[name], topn=5)])
    return backends.build(dict(type=name, **ARGUMENTS.get(name, {})))


def fitted(name, data):
    return make(name).fit(*data)


def test_every_class_is_listed_under_its_name():
    assert set(REGISTRY) == {cls.__name__ for cls in ALL}
    assert all(issubclass(cls, Stored) for cls in ALL)


@pytest.mark.parametrize('name', SCORING)
def test_trial_list_equals_many_to_many(name, data):
    model, trials = fitted(name, data), Trials(data[0].ids)
    scores = model.score_trials(data[0], trials)
    assert scores.shape == (60,)
    assert scores.dtype == np.float64
    rows = data[0].select(trials.ids).matrix
    dense = model.score(rows, rows)
    assert dense.shape == (100, 100)
    np.testing.assert_allclose(scores, dense[trials.enrol, trials.test], rtol=1e-4, atol=1e-5)
    small = model.score(rows[:1], rows[:1])
    np.testing.assert_allclose(small, dense[:1, :1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', SCORING)
def test_trial_order_does_not_matter_and_input_is_left_alone(name, data):
    model, trials = fitted(name, data), Trials(data[0].ids)
    before = data[0].matrix.copy()
    scores = model.score_trials(data[0], trials)
    order = np.random.default_rng(0).permutation(60)
    trials.enrol, trials.test = trials.enrol[order], trials.test[order]
    np.testing.assert_allclose(model.score_trials(data[0], trials), scores[order], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(data[0].matrix, before)


@pytest.mark.parametrize('name', SYMMETRIC)
def test_sides_may_be_swapped(name, data):
    model = fitted(name, data)
    rows = data[0].matrix[:20].astype(float)
    np.testing.assert_allclose(model.score(rows, rows), model.score(rows, rows).T, atol=1e-8)


@pytest.mark.parametrize('name', SCORING)
def test_speakers_score_higher_with_themselves(name, data):
    scores = fitted(name, data).score(data[0].matrix, data[0].matrix)
    same = np.equal.outer(data[1], data[1]) & ~np.eye(100, dtype=bool)
    targets, others = scores[same], scores[np.not_equal.outer(data[1], data[1])]
    assert (targets[:, None] > others).mean() > 0.8  # area under the ROC curve


@pytest.mark.parametrize('name', [*SCORING, *TRANSFORMS])
def test_saved_is_the_same_and_fitting_again_too(name, data, tmp_path):
    model = fitted(name, data)
    loaded = backends.load(model.save(tmp_path / 'part.npz'))
    again = fitted(name, data)
    use = (
        (lambda part: part.transform(data[0].matrix))
        if name in TRANSFORMS
        else (lambda part: part.score_trials(data[0], Trials(data[0].ids)))
    )
    np.testing.assert_array_equal(use(loaded), use(model))
    np.testing.assert_array_equal(use(again), use(model))
    assert loaded.config() == model.config()
    assert loaded.fingerprint == model.fingerprint


@pytest.mark.parametrize('name', TRANSFORMS)
def test_transforms_work_row_by_row_and_keep_the_type(name, data):
    part, matrix = fitted(name, data), data[0].matrix
    out = part.transform(matrix)
    assert out.dtype == np.float32
    assert part.transform(matrix.astype(float)).dtype == np.float64
    np.testing.assert_allclose(part.transform(matrix[3:4]), out[3:4], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', [*SCORING, *TRANSFORMS])
def test_bad_input_is_refused(name, data):
    part = fitted(name, data)
    use = part.transform if name in TRANSFORMS else lambda matrix: part.score(matrix, matrix)
    with pytest.raises(ValueError, match='1 of 2 embeddings hold NaN'):
        use(np.array([[1.0] * 6, [np.nan] * 6]))
    with pytest.raises(ValueError, match=r'shape \[N, D\]'):
        use(np.ones(6))
    if part.STATE or name in set(CHAINS) - {'Cosine+ScoreNorm(none)'}:
        with pytest.raises(ValueError, match='dimensions'):
            use(np.ones((2, 5)))


@pytest.mark.parametrize(
    'name', [name for name in [*SCORING, *TRANSFORMS] if name not in ('Cosine', 'LengthNorm')]
)
def test_unfitted_parts_say_so(name, data):
    part = make(name)
    with pytest.raises(SvtoolkitError, match='not fitted'):
        part.transform(data[0].matrix) if name in TRANSFORMS else part.score(data[0].matrix, data[0].matrix)
    with pytest.raises(SvtoolkitError, match='not fitted'):
        part.save('never-written.npz')


@pytest.mark.parametrize('name', [name for name in SCORING if name != 'Cosine'])
def test_embeddings_of_another_model_are_refused(name, data):
    foreign = EmbeddingTable(data[0].ids, data[0].matrix, 'model-2')
    with pytest.raises(FingerprintError, match="'model-2'"):
        fitted(name, data).score_trials(foreign, Trials(foreign.ids))


def test_cosine_without_centre_belongs_to_no_model(data):
    foreign = EmbeddingTable(data[0].ids, data[0].matrix, 'model-2')
    assert np.isfinite(Cosine().fit(*data).score_trials(foreign, Trials(foreign.ids))).all()
