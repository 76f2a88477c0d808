"""Utterances for evaluation: each once, whole, in batches of equal length."""

import os
from collections.abc import Sequence

import numpy as np

from svtoolkit.datasets.base import SpeakerDataset
from svtoolkit.datasets.draws import Plan, whole_frames
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import AudioError, ConfigError
from svtoolkit.registry import DATASETS


@DATASETS.register_module()
class UtteranceDataset(SpeakerDataset):
    """Whole utterances, sorted by length; a step holds equal lengths and goes to one rank.

    Lengths are cut to whole frames (400 + 160 (n - 1) samples at 16 kHz), so what no frame would see
    is left out and more utterances share a length. They come from the files' headers, since lists
    round durations, and are kept in ``<list>.dur.json``. An unreadable file is an error, never
    another utterance.
    """

    shard = 'steps'
    need_speakers = False

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        utts: Names = None,
        trials: str | None = None,
        max_seconds: float | None = None,
        include_speakers: Names = None,
        exclude_speakers: Names = None,
        speaker_map: dict[str, int] | None = None,
        seed: int = 0,
        pack: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            manifest: list, or several; speakers may be missing.
            root: folder of relative paths; each list's own when left out.
            sample_rate: Hz of the waveforms handed out.
            utts: only these: names, or a file with one a line.
            trials: only the utterances of this trial list.
            max_seconds: take no more than the beginning of longer ones.
            include_speakers: names, or a file with one a line; others are left out.
            exclude_speakers: likewise, to leave out.
            speaker_map: class numbers to use; in order of first appearance when left out.
            seed: kept in the draws; nothing is random here.
            pack: a Pack whose items are the utterances, by id; then no recording is opened.
            lazy_init: leave the list unread, for looking at configs.

        Raises:
            ConfigError: ``utts`` and ``trials`` are both given, or ``max_seconds`` is not positive.
        """
        if utts is not None and trials is not None:
            raise ConfigError('UtteranceDataset: utts and trials both choose utterances; give one of them.')
        if max_seconds is not None and max_seconds <= 0:
            raise ConfigError(f'UtteranceDataset: max_seconds={max_seconds}, must be positive.')
        self.utts, self.trials, self.max_seconds = utts, trials, max_seconds
        super().__init__(
            manifest, root, sample_rate, include_speakers=include_speakers, exclude_speakers=exclude_speakers,
            speaker_map=speaker_map, tail='keep', seed=seed, max_refetch=0, pack=pack, lazy_init=lazy_init,
        )  # fmt: skip

    def full_init(self) -> None:
        if self._ready:
            return
        super().full_init()
        if self.pack is None:
            self.manifest.measure()
            lengths = np.round(self.manifest.durations * self.sample_rate).astype(np.int64)
        else:
            lengths = self.pack.lengths[self.pack_items]
        if self.max_seconds is not None:
            lengths = np.minimum(lengths, round(self.max_seconds * self.sample_rate))
        self.lengths = whole_frames(lengths, self.sample_rate)

    def read_manifest(self) -> Manifest:
        utts = TrialList.read(self.trials).ids if self.trials is not None else self.utts
        manifest = super().read_manifest()
        return manifest if utts is None else manifest.select(utts=utts)

    def make_plan(self, epoch: int, global_batch: int, seed: int) -> Plan:
        order = np.argsort(self.lengths, kind='stable')
        lengths = self.lengths[order]
        starts = np.flatnonzero(np.diff(lengths, prepend=-1))  # first place of each length
        ends = np.append(starts[1:], len(order))
        offsets = [np.arange(a, b, global_batch) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        steps = np.concatenate([*offsets, [len(order)]]).astype(np.int64)
        return Plan(order, lengths, np.ones(len(order), np.float32), steps, shard='steps')

    def read_samples(self, row: int, start: int, num_samples: int | None) -> np.ndarray:
        wanted = int(self.lengths[row])
        wave = super().read_samples(row, 0, wanted)
        if len(wave) < wanted:
            path = self.manifest.path(row)
            raise AudioError(
                f"'{path}' has {len(wave)} samples, {wanted} were measured before; "
                f'delete {os.path.basename(self.manifest.source)}.dur.json if the file has changed.'
            )
        return wave
