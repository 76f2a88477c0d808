"""Where noises and room responses come from: a pack (fast), or files below a folder or in a list."""

import os
from collections.abc import Set
from pathlib import Path

import numpy as np

from svtoolkit.audio import io, plain_wav
from svtoolkit.audio.effects import fit_length
from svtoolkit.datasets.list_formats import read_list
from svtoolkit.datasets.manifest import SUFFIXES
from svtoolkit.datasets.packs import Pack
from svtoolkit.errors import ConfigError, ManifestError, unknown_name

# Words in names of folders and files -> kind; MUSAN has noise, music and speech.
KINDS = {
    'noise': 'noise', 'noises': 'noise', 'music': 'music', 'speech': 'speech', 'babble': 'babble',
    'rir': 'rir', 'rirs': 'rir', 'simulated_rirs': 'rir', 'real_rirs_isotropic_noises': 'rir',
}  # fmt: skip


class SoundSource:
    """Sounds by number, each of a kind: ``noise``, ``music``, ``speech``, ``babble``, ``rir``, ….

    Of files, the kind is a column ``kind`` of the list, or the nearest folder that is named after a
    kind, or the first word of the file's name (``music_beat.opus``), else ``noise``. Nothing is read
    before ``prepare`` or the first use.
    """

    def __init__(self, pack: str | None, files: str | None, sample_rate: int) -> None:
        """Keep the names.

        Args:
            pack: a Pack.
            files: a folder, or a list with the columns ``path`` (or ``file``) and ``kind``.
            sample_rate: Hz of the sounds handed out.

        Raises:
            ConfigError: not exactly one of ``pack`` and ``files`` is given.
        """
        if (pack is None) == (files is None):
            raise ConfigError('sounds come from a pack or from files; give one of pack=… and files=….')
        self.name = str(pack if pack is not None else files)
        self.sample_rate = sample_rate
        self._pack = None if pack is None else Pack(pack)
        self._files = None if files is None else Path(files)
        self._paths: list[str] = []
        self._lengths: dict[int, int] = {}
        self._kinds: np.ndarray | None = None
        self._of_kind: dict[str, np.ndarray] = {}

    def prepare(self) -> None:
        """Read the index, or look through the folder.

        Raises:
            ConfigError: the pack has another sample rate.
            ManifestError: there are no sounds.
        """
        if self._kinds is not None:
            return
        if self._pack is not None:
            if self._pack.sample_rate != self.sample_rate:
                raise ConfigError(
                    f'{self.name}: {self._pack.sample_rate} Hz, wanted {self.sample_rate} Hz; pack it again.'
                )
            self._number(self._pack.kinds)
            return
        assert self._files is not None
        self._paths, kinds = _folder(self._files) if self._files.is_dir() else _list(self._files)
        if not kinds:
            raise ManifestError(f'{self.name}: no sounds ({", ".join(sorted(SUFFIXES))}) here.')
        self._number(kinds)

    def _number(self, kinds: list[str]) -> None:
        self._kinds = np.array(kinds)
        self._of_kind = {kind: np.flatnonzero(self._kinds == kind) for kind in sorted(set(kinds))}

    def kinds(self) -> Set[str]:
        """All kinds there are."""
        self.prepare()
        return self._of_kind.keys()

    def of_kind(self, kind: str) -> np.ndarray:
        """Numbers of all sounds of a kind.

        Raises:
            UnknownNameError: there are none.
        """
        self.prepare()
        found = self._of_kind.get(kind)
        if found is None:
            raise unknown_name(f'kind of sound in {self.name}', kind, self.kinds())
        return found

    def __len__(self) -> int:
        self.prepare()
        return len(self._kinds)  # type: ignore[arg-type]

    def whole(self, number: int) -> np.ndarray:
        """All of a sound, [T] float32."""
        self.prepare()
        if self._pack is not None:
            return self._pack.read(number)
        return plain_wav.read(self._paths[number], self.sample_rate)

    def piece(self, number: int, num_samples: int, rng: np.random.Generator) -> np.ndarray:
        """A piece from anywhere in a sound, [num_samples] float32; a short one goes round and round."""
        self.prepare()
        total = self._length(number)
        if total <= num_samples:
            return fit_length(self.whole(number), num_samples, 'wrap', start=int(rng.integers(total)))
        start = int(rng.integers(total - num_samples + 1))
        if self._pack is not None:
            return self._pack.read(number, start, num_samples)
        # A container's length may be off by a codec frame, so the end may be missing.
        wave = plain_wav.read(self._paths[number], self.sample_rate, start, num_samples)
        return fit_length(wave, num_samples)

    def _length(self, number: int) -> int:
        if self._pack is not None:
            return int(self._pack.lengths[number])
        if number not in self._lengths:
            self._lengths[number] = max(1, int(io.probe(self._paths[number]).duration * self.sample_rate))
        return self._lengths[number]


def _folder(folder: Path) -> tuple[list[str], list[str]]:
    paths, kinds = [], []
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES:
                path = Path(place, name)
                paths.append(str(path))
                kinds.append(_kind(path.relative_to(folder), folder))
    return paths, kinds


def _kind(path: Path, folder: Path) -> str:
    first_word = path.stem.replace('-', '_').split('_')[0]
    for word in (*path.parent.parts[::-1], first_word, folder.name):
        if word.lower() in KINDS:
            return KINDS[word.lower()]
    return 'noise'


def _list(path: Path) -> tuple[list[str], list[str]]:
    raw = read_list(path)
    if 'path' not in raw.columns or raw.faults:
        raise ManifestError(f'{path}: {"; ".join(raw.faults) or "no column path (or file)"}.')
    names = [Path(name) for name in raw.columns['path']]
    kinds = (
        list(raw.columns['kind']) if 'kind' in raw.columns else [_kind(name, path.parent) for name in names]
    )
    return [str(path.parent / name) for name in names], kinds
