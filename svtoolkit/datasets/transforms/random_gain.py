"""Louder or softer by a drawn number of dB."""

import numpy as np

from svtoolkit.audio.effects import gain_db
from svtoolkit.errors import ConfigError
from svtoolkit.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGain:
    """Level changed by ``low_db`` to ``high_db``, uniform; nothing is clipped."""

    def __init__(self, low_db: float = -5.0, high_db: float = 5.0) -> None:
        """Store the range.

        Raises:
            ConfigError: it is upside down.
        """
        if low_db > high_db:
            raise ConfigError(f'RandomGain: low_db={low_db} is above high_db={high_db}.')
        self.low_db, self.high_db = low_db, high_db

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return gain_db(wave, rng.uniform(self.low_db, self.high_db))
