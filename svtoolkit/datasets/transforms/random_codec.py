"""What a call or an upload does to a voice: a narrow band or a real codec, drawn."""

from collections.abc import Sequence

import numpy as np

from svtoolkit.audio.codecs import CODECS, codec_round_trip
from svtoolkit.audio.effects import bandpass
from svtoolkit.errors import ConfigError, unknown_name
from svtoolkit.registry import TRANSFORMS

BANDS = ('telephone', 'bandwidth')


@TRANSFORMS.register_module()
class RandomCodec:
    """One of ``kinds``, drawn evenly.

    ``telephone`` keeps 300 to 3400 Hz, ``bandwidth`` everything up to a drawn edge, the others are
    round trips through the codec of that name (mulaw, alaw, gsm, adpcm, opus, vorbis, mp3).
    """

    def __init__(
        self,
        kinds: Sequence[str] = ('telephone', 'bandwidth', 'mulaw', 'opus'),
        edge_hz: tuple[float, float] = (2000.0, 7000.0),
        compression: tuple[float, float] = (0.5, 1.0),
        sample_rate: int = 16000,
    ) -> None:
        """Store the settings.

        Args:
            kinds: what is drawn from.
            edge_hz: lowest and highest edge of ``bandwidth``.
            compression: range for opus, vorbis and mp3; 0 best, 1 smallest.
            sample_rate: Hz of the waveforms.

        Raises:
            UnknownNameError: a kind nobody knows.
            ConfigError: a range that is upside down or does not fit the rate.
        """
        for kind in kinds:
            if kind not in BANDS and kind not in CODECS:
                raise unknown_name('codec kind', kind, [*BANDS, *CODECS])
        if not kinds or not 0 < edge_hz[0] <= edge_hz[1] < sample_rate / 2:
            raise ConfigError(f'RandomCodec: kinds={kinds}, edge_hz={edge_hz} at {sample_rate} Hz.')
        if not 0 <= compression[0] <= compression[1] <= 1:
            raise ConfigError(f'RandomCodec: compression={compression}, must be a range within 0 to 1.')
        self.kinds, self.edge_hz, self.compression = tuple(kinds), edge_hz, compression
        self.sample_rate = sample_rate

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        kind = self.kinds[rng.integers(len(self.kinds))]
        if kind == 'telephone':
            return bandpass(wave, self.sample_rate)
        if kind == 'bandwidth':
            return bandpass(wave, self.sample_rate, 0.0, rng.uniform(*self.edge_hz))
        return codec_round_trip(wave, self.sample_rate, kind, rng.uniform(*self.compression))
