"""Noise, music or babble at a drawn signal-to-noise ratio. specs: "Augmentation"."""

from collections.abc import Mapping

import numpy as np

from svtoolkit.audio.effects import CLOVA_FLOOR, mean_square, noise_gain
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.errors import ConfigError
from svtoolkit.registry import TRANSFORMS

SNR_DB = {'noise': (0.0, 15.0), 'music': (5.0, 15.0), 'babble': (13.0, 20.0)}  # voxceleb_trainer


@TRANSFORMS.register_module()
class AddNoise:
    """One kind of sound, drawn evenly, mixed into the waveform.

    Babble is the sum of several pieces of kind ``speech``, each with a ratio of its own; where the
    source has none, a single ready-made piece of kind ``babble``. Levels as in voxceleb_trainer:
    10 log10(mean square + 1e-4).
    """

    def __init__(
        self,
        pack: str | None = None,
        files: str | None = None,
        kinds: Mapping[str, tuple[float, float]] = SNR_DB,
        talkers: tuple[int, int] = (3, 7),
        sample_rate: int = 16000,
    ) -> None:
        """Store the settings.

        Args:
            pack: a Pack of sounds.
            files: a folder or list of sounds, instead; see SoundSource.
            kinds: kind -> lowest and highest signal-to-noise ratio in dB.
            talkers: fewest and most voices of a babble.
            sample_rate: Hz of the waveforms.

        Raises:
            ConfigError: no kinds, a range upside down, or not one source.
        """
        if not kinds or any(low > high for low, high in kinds.values()):
            raise ConfigError(f'AddNoise: kinds={dict(kinds)}, must be kind -> (lowest, highest) dB.')
        if not 1 <= talkers[0] <= talkers[1]:
            raise ConfigError(f'AddNoise: talkers={talkers}, must be (fewest, most), at least 1.')
        self.sounds = SoundSource(pack, files, sample_rate)
        self.kinds = dict(kinds)
        self.talkers = tuple(talkers)

    def prepare(self) -> None:
        """Look for sounds of every kind.

        Raises:
            SvtoolkitError: the source is unreadable or lacks a kind.
        """
        for kind in self.kinds:
            self._sounds_of(kind)

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        kind = list(self.kinds)[rng.integers(len(self.kinds))]
        numbers, is_talk = self._sounds_of(kind)
        count = int(rng.integers(self.talkers[0], self.talkers[1] + 1)) if is_talk else 1
        speech_power = mean_square(wave)
        mixed = wave
        for number in rng.choice(numbers, count, replace=count > len(numbers)).tolist():
            snr_db = rng.uniform(*self.kinds[kind])
            noise = self.sounds.piece(number, len(wave), rng)
            noise *= np.float32(noise_gain(speech_power, mean_square(noise), snr_db, CLOVA_FLOOR))
            noise += mixed
            mixed = noise
        return mixed

    def _sounds_of(self, kind: str) -> tuple[np.ndarray, bool]:
        """Numbers of the sounds that serve a kind, and whether they are single talkers."""
        is_talk = kind == 'babble' and 'speech' in self.sounds.kinds()
        return self.sounds.of_kind('speech' if is_talk else kind), is_talk
