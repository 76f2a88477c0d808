"""Speech in another room: convolution with a drawn room impulse response."""

import math
from collections import OrderedDict
from typing import Any

import numpy as np

from svtoolkit.datasets.transforms.convolution import Spectrum, invert, table_columns, transform
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.errors import ConfigError
from svtoolkit.registry import TRANSFORMS

CACHE_BYTES = 64 * 2**20  # a worker's; the spectrum of a room of 1.5 s for crops of 2 s takes 0.2 MiB


@TRANSFORMS.register_module()
class Reverb:
    """A room drawn evenly; responses have unit energy and the direct path stays in its place.

    The source's sounds of kind ``rir`` are used, or all of them where none is called so. The result is that of
    ``audio.effects.reverberate``, to float32 rounding; spectra of rooms are kept, so most cost no reading.
    """

    def __init__(self, pack: str | None = None, files: str | None = None, sample_rate: int = 16000) -> None:
        """Store the settings.

        Args:
            pack: a Pack of responses.
            files: a folder or list of responses, instead; see SoundSource.
            sample_rate: Hz of the waveforms.

        Raises:
            ConfigError: not exactly one source is given.
        """
        self.sounds = SoundSource(pack, files, sample_rate)
        self._kept: OrderedDict[tuple[int, int], tuple[Spectrum, int]] = OrderedDict()
        self._kept_bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_kept': OrderedDict(), '_kept_bytes': 0}

    def prepare(self) -> None:
        """Open the source.

        Raises:
            SvtoolkitError: it is unreadable or empty.
        """
        self.sounds.prepare()

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rooms = self.sounds.of_kind('rir') if 'rir' in self.sounds.kinds() else np.arange(len(self.sounds))
        spectrum, direct = self._room(int(rng.choice(rooms)), len(wave))
        product = transform(wave, spectrum.shape[1])
        product *= spectrum
        return invert(product)[direct : direct + len(wave)]

    def _room(self, number: int, num_samples: int) -> tuple[Spectrum, int]:
        """Spectrum of a response for waveforms of ``num_samples``, and where its direct path is."""
        key = (number, num_samples)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        response = self.sounds.whole(number)
        energy = float(np.dot(response, response))
        if not energy > 0:
            raise ConfigError(f'{self.sounds.name}: room {number} holds only zeros; take it out.')
        columns = table_columns(num_samples + len(response) - 1)
        room = transform(response / np.float32(math.sqrt(energy)), columns), int(np.argmax(np.abs(response)))
        self._kept[key] = room
        self._kept_bytes += room[0].nbytes
        while self._kept_bytes > CACHE_BYTES and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popitem(last=False)[1][0].nbytes
        return room
