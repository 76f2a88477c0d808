"""Writes small files for the look-alikes of corpora."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile


class Speech:
    """Waveforms by speaker and number; each is made once."""

    def __init__(self, make: Callable[[int, int], np.ndarray]) -> None:
        self._make = make
        self._known: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, speaker: int, number: int) -> np.ndarray:
        key = speaker, number
        if key not in self._known:
            self._known[key] = self._make(speaker, number)
        return self._known[key]

    def write(self, path: Path, speaker: int = 0, number: int = 0, channels: int = 1) -> Path:
        """Write an utterance at 16 kHz; the ending of ``path`` names the format."""
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = self(speaker, number)
        if channels > 1:
            wave = np.stack([wave / (channel + 1) for channel in range(channels)], axis=1)
        kind = 'WAV' if path.suffix.lower() == '.wav' else None
        soundfile.write(path, wave, 16000, format=kind)
        return path


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """Write a text file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    return path
