"""Faults of a list of recordings, each as ``file:line: what``, found over whole columns."""

import os
from typing import TYPE_CHECKING

import numpy as np

from svtoolkit.datasets.durations import DurationCache
from svtoolkit.datasets.list_formats import RawList
from svtoolkit.errors import AudioError

if TYPE_CHECKING:
    from svtoolkit.datasets.manifest import Manifest

ROUNDING_S = 0.01  # lists round to hundredths


def list_faults_of(manifest: 'Manifest', raw: RawList) -> list[str]:
    """Faults that the list itself shows: empty fields, doubles, contradictions, impossible times.

    Args:
        manifest: made of ``raw``, row for row.
        raw: where the rows came from.
    """
    faults = _empty_fields(manifest, raw) + _doubles(manifest, raw)
    begin = np.nan_to_num(manifest.start, nan=0.0)
    for row in np.flatnonzero(begin < 0).tolist():
        faults.append((row, f'start is {begin[row]:g} s, before the file begins'))
    for row in np.flatnonzero(manifest.end <= begin).tolist():
        faults.append((row, f'ends at {manifest.end[row]:g} s but starts at {begin[row]:g} s'))
    for row in np.flatnonzero(manifest.durations <= 0).tolist():
        faults.append((row, f'duration is {manifest.durations[row]:g} s'))
    return [f'{raw.file}:{raw.lines[row]}: {what}' for row, what in faults]


def file_faults(manifest: 'Manifest', raw: RawList, audio_check: bool) -> list[str]:
    """Faults that only the files show: missing and, with ``audio_check``, unreadable or too short."""
    cache = DurationCache(manifest.source)
    faults = []
    for row, name in enumerate(manifest.paths):
        where = f'{raw.file}:{raw.lines[row]}:'
        path = os.path.join(manifest.root, name)
        if not os.path.isfile(path):
            faults.append(f"{where} '{name}' does not exist (looked in {manifest.root})")
        elif audio_check:
            try:
                length = cache.seconds(name, path)
            except AudioError as error:
                faults.append(f'{where} {error}')
                continue
            begin = 0.0 if np.isnan(manifest.start[row]) else manifest.start[row]
            end = begin + manifest.durations[row] if np.isnan(manifest.end[row]) else manifest.end[row]
            if end > length + ROUNDING_S:
                faults.append(
                    f"{where} '{name}' ends at {end:.2f} s but the file has {length:.2f} s; "
                    'correct the line or drop it'
                )
    cache.save()
    return faults


def _empty_fields(manifest: 'Manifest', raw: RawList) -> list[tuple[int, str]]:
    faults = []
    for name, column in (('utt', manifest.utts), ('path', manifest.paths)):
        if name in raw.columns:
            faults += [
                (row, f'field {name} is empty') for row in np.flatnonzero(column.sizes() == 0).tolist()
            ]
    if 'speaker' in raw.columns and '' in manifest.speakers.names:
        blank = manifest.speakers.codes == manifest.speakers.names.index('')
        faults += [(row, 'field speaker is empty') for row in np.flatnonzero(blank).tolist()]
    return faults


def _doubles(manifest: 'Manifest', raw: RawList) -> list[tuple[int, str]]:
    """Ids that stand there twice, and files that are of two speakers."""
    faults = []
    whole = np.flatnonzero(np.isnan(manifest.start) & np.isnan(manifest.end))  # parts may differ in speaker
    codes, sizes = manifest.speakers.codes, manifest.paths.sizes()
    explained = set()
    paths = manifest.paths if len(whole) == len(manifest) else manifest.paths.take(whole)
    for place, first_place in paths.repeats():
        row, first = int(whole[place]), int(whole[first_place])
        if codes[row] != codes[first] and sizes[row]:
            explained.add(row)
            what = f"'{manifest.paths[row]}' is of speaker '{manifest.speakers[row]}', but of "
            faults.append((row, f"{what}'{manifest.speakers[first]}' in line {raw.lines[first]}"))
    for row, first in manifest.utts.repeats():
        if row not in explained and manifest.utts.sizes()[row]:
            what = f"utterance '{manifest.utts[row]}' stands there twice"
            faults.append((row, f'{what}, first in line {raw.lines[first]}'))
    return faults
