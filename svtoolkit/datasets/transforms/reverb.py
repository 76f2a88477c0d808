"""Speech in another room: convolution with a drawn room impulse response."""

import numpy as np

from svtoolkit.audio.effects import reverberate
from svtoolkit.datasets.transforms.sounds import SoundSource
from svtoolkit.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Reverb:
    """A room drawn evenly; responses have unit energy and the direct path stays in its place.

    The source's sounds of kind ``rir`` are used, or all of them where none is called so.
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

    def prepare(self) -> None:
        """Open the source.

        Raises:
            SvtoolkitError: it is unreadable or empty.
        """
        self.sounds.prepare()

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rooms = self.sounds.of_kind('rir') if 'rir' in self.sounds.kinds() else np.arange(len(self.sounds))
        return reverberate(wave, self.sounds.whole(int(rng.choice(rooms))))
