import numpy as np
import pytest

from svtoolkit.datasets.transforms.random_choice import RandomChoice
from svtoolkit.datasets.transforms.random_gain import RandomGain
from svtoolkit.errors import ConfigError, UnknownNameError

WAVE = np.ones(10, np.float32)


def gain(level: float) -> dict:
    return dict(type='RandomGain', low_db=level, high_db=level)


def levels(choice: RandomChoice, size: int = 2000) -> list[int]:
    rng = np.random.default_rng(0)
    return [round(20 * np.log10(float(choice(WAVE, rng)[0]))) for _ in range(size)]


def test_even_odds_with_none():
    counts = np.unique(levels(RandomChoice([None, gain(6), gain(-6)])), return_counts=True)
    assert counts[0].tolist() == [-6, 0, 6]
    assert counts[1] / 2000 == pytest.approx(np.full(3, 1 / 3), abs=0.04)


def test_given_odds():
    counts = np.unique(
        levels(RandomChoice([None, gain(6), gain(-6)], probs=[0.7, 0.3, 0.0])), return_counts=True
    )
    assert counts[0].tolist() == [0, 6]
    assert counts[1] / 2000 == pytest.approx([0.7, 0.3], abs=0.04)


def test_chains_apply_in_order():
    def double(wave, rng):
        return wave * 2

    def add(wave, rng):
        return wave + 1

    assert RandomChoice([[double, add]])(WAVE, np.random.default_rng(0))[0] == 3
    assert levels(RandomChoice([[gain(6), gain(3)]]), 3) == [9, 9, 9]
    assert levels(RandomChoice([RandomGain(4, 4)]), 2) == [4, 4]


def test_entries_are_prepared():
    class Sounds:
        ready = False

        def prepare(self):
            self.ready = True

        def __call__(self, wave, rng):
            return wave

    sounds = Sounds()
    RandomChoice([None, [gain(1), sounds]]).prepare()
    assert sounds.ready


def test_wrong_settings():
    with pytest.raises(ConfigError, match='empty'):
        RandomChoice([])
    for probs in ([0.5], [0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ConfigError, match='must be 2 numbers'):
            RandomChoice([None, gain(1)], probs=probs)
    with pytest.raises(UnknownNameError, match="Did you mean 'Reverb'"):
        RandomChoice([dict(type='Reverp')])
