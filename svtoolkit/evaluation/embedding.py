"""Embed each recording once: recordings of a list in, an embedding table out, remembered between runs.

The cache holds one table per model and way of cutting. A row belongs to a file at a path with a size and
time of change, and to a segment of it, so a file that was recorded again is embedded again.
"""

import contextlib
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from svtoolkit.audio import io
from svtoolkit.backends import EmbeddingTable
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.errors import ConfigError, ManifestError, SvtoolkitError, list_faults
from svtoolkit.evaluation.crops import CropSpec, cut_crops

CLIPS_AT_ONCE = 64  # whole recordings handed to the model together
CROPPED_AT_ONCE = 8  # recordings of K crops each


class Embeds(Protocol):
    """A loaded model, as ``svtoolkit.load`` gives it."""

    fingerprint: str
    sample_rate: int

    def embed(self, recordings: Any, batch_size: int = 16) -> np.ndarray:
        """One embedding per recording (a path, or samples and rate), [N, D] float32."""


@dataclass(frozen=True)
class Clip:
    """A recording, or the part of it from ``start_s`` to ``end_s`` in seconds."""

    path: str
    start_s: float | None = None
    end_s: float | None = None

    def read(self, sample_rate: int, max_s: float | None = None) -> np.ndarray:
        """Samples at a rate, [T] float32, at most ``max_s`` seconds of them.

        Raises:
            AudioError: the file cannot be read.
        """
        start = round((self.start_s or 0.0) * sample_rate)
        stop = None if self.end_s is None else round(self.end_s * sample_rate)
        if max_s is not None:
            limit = start + round(max_s * sample_rate)
            stop = limit if stop is None else min(stop, limit)
        return io.read(self.path, sample_rate, start, None if stop is None else stop - start)

    def key(self) -> str:
        """What its embedding belongs to: place, size and time of the file, and the segment."""
        state = os.stat(self.path)
        return f'{os.path.abspath(self.path)}|{state.st_size}|{state.st_mtime_ns}|{self.start_s}|{self.end_s}'


def clips_of(manifest: Manifest, utts: Iterable[str] | None = None) -> dict[str, Clip]:
    """The recordings of a manifest, or of some of its utterances, by name.

    Raises:
        ManifestError: utterances the manifest does not list.
    """
    rows = {name: row for row, name in enumerate(manifest.utts)}
    wanted = list(rows) if utts is None else list(utts)
    missing = [name for name in wanted if name not in rows]
    if missing:
        raise ManifestError(
            list_faults(
                f'{manifest.source or manifest.root}: lacks {len(missing)} of {len(wanted)} utterances that the '
                'trials name:',
                missing,
                10,
            )
        )

    def seconds(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return {
        name: Clip(
            manifest.path(rows[name]), seconds(manifest.start[rows[name]]), seconds(manifest.end[rows[name]])
        )
        for name in wanted
    }


def clips_of_paths(paths: Iterable[str], root: str | os.PathLike) -> dict[str, Clip]:
    """Recordings whose names in a list are their paths below ``root``."""
    return {path: Clip(os.path.join(root, path)) for path in paths}


def embed_clips(
    model: Embeds,
    clips: Mapping[str, Clip],
    crops: CropSpec | None = None,
    cache: str | os.PathLike | None = None,
) -> EmbeddingTable:
    """Embeddings of recordings; each that the cache does not hold goes through the model once.

    Args:
        model: a loaded model.
        clips: name -> recording.
        crops: cut each into K crops, rows of [K * D]; None embeds it whole, rows of [D].
        cache: folder of the cache; None keeps nothing.

    Raises:
        ManifestError: files that do not exist, all named.
        AudioError: a recording cannot be read.
    """
    gone = [f'{name}: {clip.path}' for name, clip in clips.items() if not os.path.isfile(clip.path)]
    if gone:
        raise ManifestError(list_faults(f'{len(gone)} of {len(clips)} recordings do not exist:', gone, 10))
    if not clips:
        raise ManifestError('there is nothing to embed: the list of recordings is empty.')
    keys = {name: clip.key() for name, clip in clips.items()}
    store = None if cache is None else cache_file(cache, model.fingerprint, crops)
    known = load_table(store) if store is not None and store.is_file() else None
    held: dict[str, np.ndarray] = {}
    if known is not None:
        held = {key: known.matrix[row] for row, key in enumerate(known.ids)}
    todo = {keys[name]: clip for name, clip in clips.items() if keys[name] not in held}
    step = CLIPS_AT_ONCE if crops is None else CROPPED_AT_ONCE
    pending = list(todo.items())
    for start in range(0, len(pending), step):
        part = pending[start : start + step]
        vectors = _embed(model, [clip for _, clip in part], crops)
        held.update(zip((key for key, _ in part), vectors, strict=True))
    if store is not None and todo:
        store.parent.mkdir(parents=True, exist_ok=True)
        EmbeddingTable(list(held), np.stack(list(held.values())), model.fingerprint).save(store)
    return EmbeddingTable(list(clips), np.stack([held[key] for key in keys.values()]), model.fingerprint)


def cache_file(folder: str | os.PathLike, fingerprint: str, crops: CropSpec | None) -> Path:
    """Where the embeddings of a model and a way of cutting are kept."""
    cut = 'whole' if crops is None else f'{crops.num}x{crops.frames}'
    return Path(folder) / f'{fingerprint}-{cut}.npz'


def load_table(path: str | os.PathLike) -> EmbeddingTable:
    """Read an embedding table that a user names.

    Raises:
        ConfigError: missing, damaged, or no embedding table.
    """
    with user_faults(str(path)):
        if Path(path).suffix == '.npz':
            check_archive(path)
        return EmbeddingTable.load(Path(path))


def check_archive(path: str | os.PathLike) -> None:
    """Refuse what is no ``.npz`` or is cut short; ``np.load`` would leave the file open.

    Raises:
        ConfigError: missing, or no whole archive.
    """
    if not os.path.isfile(path):
        raise ConfigError(f'{path}: cannot be read (no such file).')
    if not zipfile.is_zipfile(path):
        raise ConfigError(f'{path}: not an .npz file, or one that was cut short.')


@contextlib.contextmanager
def user_faults(what: str):
    """Turn what numpy and plain functions say about a user's file or choice into one clear error."""
    try:
        yield
    except SvtoolkitError:
        raise
    except OSError as error:
        raise ConfigError(f'{what}: cannot be read ({error.strerror or error}).') from error
    except (ValueError, KeyError) as error:
        text = str(error)
        raise ConfigError(text if text.startswith(f'{what}: ') else f'{what}: {text}') from error


def _embed(model: Embeds, clips: Sequence[Clip], crops: CropSpec | None) -> np.ndarray:
    if crops is None:
        whole = [
            clip.path
            if clip.start_s is None and clip.end_s is None
            else (clip.read(model.sample_rate), model.sample_rate)
            for clip in clips
        ]
        return model.embed(whole)
    size = crops.num_samples(model.sample_rate)
    pieces = [
        (piece, model.sample_rate)
        for clip in clips
        for piece in cut_crops(clip.read(model.sample_rate), size, crops.num)
    ]
    return model.embed(pieces).reshape(len(clips), -1)
