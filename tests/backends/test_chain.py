"""Chains from configs: order of parts, saving, calibration at the end, and errors that name the part."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from svtoolkit import backends
from svtoolkit.backends import (
    LDA,
    PLDA,
    Centre,
    Chain,
    Cosine,
    EmbeddingTable,
    LengthNorm,
    LogisticCalibration,
    ScoreNorm,
)
from svtoolkit.errors import ConfigError, FingerprintError, SvtoolkitError, UnknownNameError

RECIPE = [
    dict(type='Centre'), dict(type='LDA', dim=4), dict(type='LengthNorm', scale='sqrt_dim'),
    dict(type='PLDA', iterations=5), dict(type='ScoreNorm', mode='as2', topn=12),
    dict(type='LogisticCalibration', prior=0.05),
]  # fmt: skip


def labelled(world, trials):
    speaker = np.array([world.speakers[row] for row in world.table.rows(trials.ids)])
    return SimpleNamespace(**vars(trials) | dict(label=speaker[trials.enrol] == speaker[trials.test]))


def test_a_config_makes_the_chain_and_a_file_keeps_it(world, trials, tmp_path):
    chain = backends.build(RECIPE).fit(world.table, world.speakers)
    assert [type(part) for part in chain.parts] == [
        Centre,
        LDA,
        LengthNorm,
        PLDA,
        ScoreNorm,
        LogisticCalibration,
    ]
    with pytest.raises(SvtoolkitError, match='LogisticCalibration is not fitted'):
        chain.score_trials(world.table, trials)
    chain.calibrate(world.table, labelled(world, trials))
    scores = chain.score_trials(world.table, trials)
    loaded = backends.load(chain.save(tmp_path / 'chain.npz'))
    assert loaded.config() == chain.config()
    assert loaded.config()['parts'] == [part.config() for part in chain.parts]
    np.testing.assert_array_equal(loaded.score_trials(world.table, trials), scores)
    foreign = backends.EmbeddingTable(world.table.ids, world.table.matrix, 'model-2')
    with pytest.raises(FingerprintError, match="'model-2'"):
        loaded.score_trials(foreign, trials)


def test_calibrated_scores_are_the_map_of_the_raw_ones(world, trials):
    listed = labelled(world, trials)
    raw = Chain([Cosine()]).fit(world.table)
    chain = Chain([Cosine(), LogisticCalibration()]).fit(world.table)
    chain.calibrate(world.table, listed)
    expected = chain.calibration.llr(raw.score_trials(world.table, trials))
    np.testing.assert_allclose(chain.score_trials(world.table, trials), expected)
    assert chain.calibration.fingerprint == 'model-1'
    with pytest.raises(ValueError, match='ends in a calibration'):
        raw.calibrate(world.table, listed)
    with pytest.raises(ValueError, match='labelled trials'):
        chain.calibrate(world.table, trials)


def test_a_calibration_of_another_model_is_refused_also_behind_a_plain_cosine(world, trials):
    chain = Chain([Cosine(), LogisticCalibration()]).calibrate(world.table, labelled(world, trials))
    assert np.isfinite(chain.score_trials(world.table, trials)).all()
    foreign = EmbeddingTable(world.table.ids, world.table.matrix, 'model-2')
    with pytest.raises(FingerprintError, match='the calibration belongs to model'):
        chain.score_trials(foreign, trials)


@pytest.mark.parametrize(
    'parts, message',
    [
        ([], 'got nothing'),
        ([Centre()], 'got Centre'),
        ([Cosine(), Centre()], 'needs a scorer'),
        ([Cosine(), PLDA()], 'only transforms may stand before PLDA'),
        ([ScoreNorm()], 'needs a scorer'),
        ([ScoreNorm(), Cosine()], 'only transforms may stand before Cosine'),
        ([LogisticCalibration()], 'needs a scorer'),
    ],
)
def test_wrong_orders_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        Chain(parts)


def test_bad_configs_are_answered():
    with pytest.raises(UnknownNameError, match=r"'Cosin'\. Did you mean 'Cosine'"):
        backends.build(dict(type='Cosin'))
    with pytest.raises(ConfigError, match='has no type'):
        backends.build(dict(centre=True))
    with pytest.raises(ConfigError, match=r'backend LDA: .*dims'):
        backends.build(dict(type='LDA', dims=3))
    with pytest.raises(ConfigError, match='backend ScoreNorm: topn=0'):
        backends.build(dict(type='ScoreNorm', topn=0))


def test_other_files_are_no_backend(tmp_path, world):
    path = world.table.save(tmp_path / 'table.npz')
    with pytest.raises(ValueError, match='not a saved backend'):
        backends.load(path)
    with pytest.raises(ValueError, match=r"expected the arrays \['mean'\], got \[\]"):
        Centre().load_state({})


def test_a_plugged_in_class_is_built_from_the_given_registry():
    class Doubled(Cosine):
        """A scorer of somebody else."""

    assert isinstance(backends.build(dict(type='Doubled'), {'Doubled': Doubled}), Doubled)


def test_backends_need_neither_torch_nor_mmengine():
    code = (
        'import sys\n'
        "blocked = dict.fromkeys(['torch', 'mmengine', 'soundfile', 'torchaudio'])\n"
        'sys.modules.update(blocked)\n'
        'import numpy as np\n'
        'from svtoolkit import backends\n'
        "chain = backends.build([dict(type='Centre'), dict(type='PLDA')])\n"
        "table = backends.EmbeddingTable(list('abcd'), np.random.default_rng(0).normal(size=(4, 2)))\n"
        "chain.fit(table, list('xxyy')).score(table.matrix, table.matrix)\n"
    )
    subprocess.run([sys.executable, '-c', code], check=True)
