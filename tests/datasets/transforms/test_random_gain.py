import numpy as np
import pytest

from svtoolkit.datasets.transforms.random_gain import RandomGain
from svtoolkit.errors import ConfigError

WAVE = np.linspace(-0.9, 0.9, 100, dtype=np.float32)


def test_gain_fills_its_range_and_nothing_is_clipped():
    gains = [RandomGain(-5, 5)(WAVE, np.random.default_rng(seed))[-1] / WAVE[-1] for seed in range(300)]
    level = 20 * np.log10(gains)
    assert level.min() == pytest.approx(-5, abs=0.2)
    assert level.max() == pytest.approx(5, abs=0.2)
    assert RandomGain(6, 6)(WAVE, np.random.default_rng(0)).max() > 1.5


def test_upside_down():
    with pytest.raises(ConfigError, match='low_db=3'):
        RandomGain(3, 2)
