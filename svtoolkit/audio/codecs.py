"""Round trips through real audio codecs, in memory, by libsndfile: what a call or an upload does to a voice.

Waveforms are float32 [T] in ±1; the result has the same length and rate, and the same place in time.
"""

import io
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from svtoolkit.audio.effects import fit_length
from svtoolkit.audio.resample import resample
from svtoolkit.errors import unknown_name


class Codec(NamedTuple):
    """How libsndfile writes it, and the rate it works at (None: the waveform's own)."""

    container: str
    subtype: str
    sample_rate: int | None
    has_quality: bool


CODECS = {
    'mulaw': Codec('WAV', 'ULAW', 8000, False),  # ITU-T G.711
    'alaw': Codec('WAV', 'ALAW', 8000, False),
    'gsm': Codec('WAV', 'GSM610', 8000, False),  # 13 kbit/s full rate
    'adpcm': Codec('AU', 'G721_32', 8000, False),  # ITU-T G.721, 32 kbit/s
    'opus': Codec('OGG', 'OPUS', None, True),
    'vorbis': Codec('OGG', 'VORBIS', None, True),
    'mp3': Codec('MP3', 'MPEG_LAYER_III', None, True),
}


def available_codecs() -> list[str]:
    """Names for ``codec_round_trip`` that the installed libsndfile can write (mp3 and opus: 1.1 or later)."""
    return [name for name, codec in CODECS.items() if soundfile.check_format(codec.container, codec.subtype)]


def codec_round_trip(
    wave: NDArray[np.float32], sample_rate: int, codec: str, compression: float = 0.5
) -> NDArray[np.float32]:
    """Encode and decode.

    Args:
        wave: [T].
        sample_rate: its rate in Hz; opus takes 8, 12, 16, 24 and 48 kHz, mp3 the rates of MPEG.
        codec: one of ``available_codecs()``.
        compression: 0 (best) to 1 (smallest), for opus, vorbis and mp3; the others have one rate.

    Returns:
        [T] float32.

    Raises:
        UnknownNameError: no such codec, or this libsndfile lacks it.
        ValueError: ``compression`` outside 0 to 1, or a rate the codec does not know.
    """
    if codec not in available_codecs():
        raise unknown_name('codec', codec, available_codecs(), 'Some need libsndfile 1.1 or later.')
    if not 0 <= compression <= 1:
        raise ValueError(f'compression must be within 0 to 1, got {compression}.')
    container, subtype, rate, has_quality = CODECS[codec]
    rate = rate or sample_rate
    narrow = np.clip(resample(wave, sample_rate, rate), -1, 1)
    quality = min(compression, 0.99) if has_quality else None  # libsndfile refuses 1.0 for mp3
    memory = io.BytesIO()
    try:
        soundfile.write(memory, narrow, rate, subtype, format=container, compression_level=quality)
    except soundfile.LibsndfileError as error:
        fault = f'{codec} cannot encode {len(wave)} samples at {rate} Hz: {error.error_string}'
        raise ValueError(fault) from error
    memory.seek(0)
    with soundfile.SoundFile(memory) as sound:
        decoded = sound.read(sound.frames, dtype='float32')
    return fit_length(resample(decoded, rate, sample_rate), len(wave), mode='zero')
