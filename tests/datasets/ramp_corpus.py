"""A tiny corpus whose samples tell their own place: sample t of every recording is t / 32768."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


def write_ramp(path: Path, num_samples: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (np.arange(num_samples) % 32768).astype(np.int16), RATE, subtype='PCM_16')


def write_corpus(folder: Path, counts: list[int], num_samples: int = 8000) -> Path:
    """Speakers s0, s1, … with these numbers of utterances, and their list."""
    lines = ['utt\tpath\tspeaker']
    for speaker, count in enumerate(counts):
        for utt in range(count):
            path = f's{speaker}/u{utt}.wav'
            write_ramp(folder / path, num_samples)
            lines.append(f's{speaker}-u{utt}\t{path}\ts{speaker}')
    (folder / 'list.tsv').write_text('\n'.join(lines) + '\n')
    return folder / 'list.tsv'


def first_sample(wave: np.ndarray) -> int:
    """Where in its recording a piece of a ramp begins."""
    return round(float(wave[0]) * 32768)
