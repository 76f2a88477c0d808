"""Look-alikes of published corpora, a few utterances each, of real speech or of synthetic voices."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from look_alikes import Speech

from svtoolkit.datasets.voices import synth_voice

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope='session', params=['real', 'synthetic'])
def speech(request) -> Speech:
    """Gives waveforms [8000] of a speaker's utterance; real ones where the recordings are there."""
    if request.param == 'synthetic':
        return Speech(lambda speaker, number: synth_voice(speaker).say(number, 0.5))
    folder = request.getfixturevalue('data_dir') / 'so762'
    by_speaker: dict[str, list[str]] = {}
    for line in (folder / 'train.tsv').read_text().splitlines()[1:]:
        _, path, speaker, *_ = line.split('\t')
        by_speaker.setdefault(speaker, []).append(path)
    names = sorted(by_speaker)

    def read(speaker: int, number: int) -> np.ndarray:
        return soundfile.read(folder / by_speaker[names[speaker]][number], dtype='float32', stop=8000)[0]

    return Speech(read)


@pytest.fixture
def write_m4a() -> Callable[[Path, np.ndarray], None]:
    """Writes a waveform at 16 kHz as AAC in an m4a container."""

    def write(path: Path, wave: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), 'w', format='ipod') as container:
            stream = container.add_stream('aac', rate=16000)
            stream.layout = 'mono'
            frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format='fltp', layout='mono')
            frame.sample_rate = 16000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)

    return write
