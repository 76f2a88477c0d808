"""Corpora of sounds: a list for each kind, and packs for fast augmentation. Used by MUSAN and RIRS_NOISES.

Nobody need speak in a sound, so its kind stands in the column speaker as well as in ``kind``.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from svtoolkit.audio import io
from svtoolkit.datasets.packs import build_pack_from_files, index_path
from svtoolkit.datasets.sources.preparation import Preparation
from svtoolkit.datasets.sources.recordings import SAMPLE_RATE, Recording, is_recording, walk
from svtoolkit.datasets.sources.report import Report

RIR = 'rir'
RIR_PEAK = 0.9  # of packed room responses: a soft tail would be lost in 16 bits


def prepare_sounds(run: Preparation, kind_of: Callable[[Path], str], pack: bool, licence: str) -> Report:
    """Write ``<corpus>.tsv``, ``<corpus>_<kind>.tsv`` and, with ``pack``, packs.

    Of room responses recorded with several microphones the first channel is taken, and written as FLAC below
    ``OUT/audio``: the mean of several is no room's response.

    Args:
        run: where from and where to.
        kind_of: kind of a file by its path, see ``Preparation.below``; '' passes it over.
        pack: also write ``<corpus>.pack``, and the room responses as ``<corpus>_rir.pack``.
        licence: a fact for the index of the packs.
    """
    kinds = ((path, kind_of(run.below(path))) for path in walk(run.source) if is_recording(path))
    sounds = run.open(
        Recording(path.relative_to(run.source).as_posix(), path, kind, {'kind': kind})
        for path, kind in kinds
        if kind
    )
    run.report.speakers = 0
    sounds = [_one_channel(run, sound) for sound in sounds]
    run.write(f'{run.corpus}.tsv', sounds)
    for kind in sorted({sound.speaker for sound in sounds}):
        run.write(f'{run.corpus}_{kind}.tsv', [sound for sound in sounds if sound.speaker == kind])
    if pack:
        _pack(run, f'{run.corpus}.pack', (s for s in sounds if s.speaker != RIR), None, licence)
        _pack(run, f'{run.corpus}_rir.pack', (s for s in sounds if s.speaker == RIR), RIR_PEAK, licence)
    return run.report


def _pack(run: Preparation, name: str, sounds: Iterable[Recording], peak: float | None, licence: str) -> None:
    files = [(sound.utt, sound.speaker, sound.path) for sound in sounds]
    if files:
        facts = {'corpus': run.corpus, 'licence': licence}
        build_pack_from_files(run.out / name, files, SAMPLE_RATE, peak, run.jobs, facts)
        run.report.manifests += [run.out / name, index_path(run.out / name)]


def _one_channel(run: Preparation, sound: Recording) -> Recording:
    if sound.speaker != RIR or io.probe(sound.path).num_channels == 1:
        return sound
    target = run.out / 'audio' / run.corpus / Path(sound.utt).with_suffix('.flac')
    wave, rate = soundfile.read(sound.path, dtype='float32', always_2d=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    io.write_flac(target, np.ascontiguousarray(wave[:, 0]), rate)
    return replace(sound, path=target)
