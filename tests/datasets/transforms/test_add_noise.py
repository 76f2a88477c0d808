import numpy as np
import pytest

from svtoolkit.datasets.packs import write_pack
from svtoolkit.datasets.transforms.add_noise import AddNoise
from svtoolkit.errors import ConfigError, UnknownNameError

WAVE = np.full(2000, 0.1, np.float32)  # mean square 0.01


@pytest.fixture
def pack(tmp_path):
    levels = {'noise': 0.2, 'music': 0.3, 'speech': 0.1}
    items = [
        (f'{kind}{i}', kind, np.full(5000, levels[kind], np.float32)) for kind in levels for i in range(8)
    ]
    return str(write_pack(tmp_path / 'noise.pack', items, 16000).path)


def gain_of(mixed: np.ndarray, level: float) -> float:
    added = mixed - WAVE
    assert np.ptp(added) < 1e-6
    return float(added[0]) / level


def test_gain_golden(pack):
    # specs/clova_score_norm.md section 8: clean power .01, noise power .04, 10 dB -> .158704
    mixed = AddNoise(pack=pack, kinds={'noise': (10, 10)})(WAVE, np.random.default_rng(0))
    assert gain_of(mixed, 0.2) == pytest.approx(0.158704, rel=1e-4)


def test_ratios_fill_their_range(pack):
    transform = AddNoise(pack=pack, kinds={'music': (5, 15)})
    gains = [gain_of(transform(WAVE, np.random.default_rng(seed)), 0.3) for seed in range(300)]
    ratio = 10 * np.log10((0.01 + 1e-4) / (0.09 + 1e-4)) - 20 * np.log10(
        gains
    )  # the rule, solved for the ratio
    assert ratio.min() == pytest.approx(5, abs=0.2)
    assert ratio.max() == pytest.approx(15, abs=0.2)
    assert ratio.mean() == pytest.approx(10, abs=0.6)


def test_babble_sums_three_to_seven_talkers(pack):
    transform = AddNoise(pack=pack, kinds={'babble': (10, 10)})
    one = np.sqrt((0.01 + 1e-4) / (0.01 + 1e-4) / 10)
    counts = [gain_of(transform(WAVE, np.random.default_rng(seed)), 0.1) / one for seed in range(100)]
    assert set(np.round(counts).astype(int).tolist()) == {3, 4, 5, 6, 7}
    assert np.allclose(counts, np.round(counts), atol=1e-3)


def test_each_talker_has_a_ratio_of_its_own(pack):
    transform = AddNoise(pack=pack, kinds={'babble': (13, 20)}, talkers=(2, 2))
    total = [gain_of(transform(WAVE, np.random.default_rng(seed)), 0.1) for seed in range(200)]
    low, high = 2 * 10 ** (-20 / 20), 2 * 10 ** (-13 / 20)
    assert low <= min(total)
    assert max(total) <= high
    # Two independent ratios: seldom both at an end, unlike one ratio for all.
    assert np.mean([value < low + 0.1 * (high - low) for value in total]) < 0.1


def test_ready_made_babble_is_one_piece(tmp_path):
    pack = write_pack(tmp_path / 'b.pack', [('b', 'babble', np.full(100, 0.1, np.float32))], 16000)
    mixed = AddNoise(pack=str(pack.path), kinds={'babble': (10, 10)})(WAVE, np.random.default_rng(0))
    assert gain_of(mixed, 0.1) == pytest.approx(10**-0.5, rel=1e-4)


def test_more_talkers_than_sounds(tmp_path):
    pack = write_pack(tmp_path / 's.pack', [('s', 'speech', np.full(100, 0.1, np.float32))], 16000)
    mixed = AddNoise(pack=str(pack.path), kinds={'babble': (10, 10)}, talkers=(3, 3))(
        WAVE, np.random.default_rng(0)
    )
    assert gain_of(mixed, 0.1) == pytest.approx(3 * 10**-0.5, rel=1e-4)


def test_silence_in_speech_or_noise_is_finite(tmp_path, pack):
    silent = write_pack(tmp_path / 'z.pack', [('z', 'noise', np.zeros(100, np.float32))], 16000)
    assert np.array_equal(
        AddNoise(pack=str(silent.path), kinds={'noise': (0, 15)})(WAVE, np.random.default_rng(0)), WAVE
    )
    mixed = AddNoise(pack=pack)(np.zeros(2000, np.float32), np.random.default_rng(0))
    assert np.isfinite(mixed).all()


def test_defaults_are_the_recipe(pack):
    assert AddNoise(pack=pack).kinds == {'noise': (0, 15), 'music': (5, 15), 'babble': (13, 20)}
    assert AddNoise(pack=pack).talkers == (3, 7)


def test_missing_kinds_show_before_training(pack):
    transform = AddNoise(pack=pack, kinds={'television': (0, 5)})
    with pytest.raises(UnknownNameError, match="'television'"):
        transform.prepare()
    AddNoise(pack=pack).prepare()


@pytest.mark.parametrize(
    'options', [dict(kinds={}), dict(kinds={'noise': (5, 0)}), dict(talkers=(0, 3)), dict(talkers=(4, 3))]
)
def test_wrong_settings(pack, options):
    with pytest.raises(ConfigError, match='AddNoise'):
        AddNoise(pack=pack, **options)


def test_real_noise_files(data_dir):
    transform = AddNoise(files=str(data_dir / 'noise'))
    mixed = transform(WAVE, np.random.default_rng(3))
    assert mixed.shape == WAVE.shape
    assert not np.array_equal(mixed, WAVE)
