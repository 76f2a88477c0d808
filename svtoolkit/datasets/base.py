"""What all datasets share: a list, class numbers, crops that are read by seeking, and the plan.

A dataset plans in the main process (``plan``) and executes in a worker (``dataset[draw]``), where
nothing depends on anything but the draw. Subclasses say which utterances an epoch has and in what
steps; one that builds its items otherwise (several voices in one waveform) overrides ``make_item``.
"""

import hashlib
import json
import logging
import os
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch.utils.data import Dataset

from svtoolkit.audio.effects import change_speed, fit_length
from svtoolkit.audio.plain_wav import read
from svtoolkit.datasets.draws import AUGMENT_SALT, CROP_SALT, Draw, Plan, draw_rng, frame_samples
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.datasets.packs import Pack
from svtoolkit.datasets.samples import SpeakerSample
from svtoolkit.errors import AudioError, ConfigError, ManifestError, list_faults
from svtoolkit.registry import TRANSFORMS

logger = logging.getLogger(__name__)

PADS = ('wrap', 'zero', 'reflect')


class SpeakerDataset(Dataset):
    """Base of the datasets of speech by known speakers.

    ``dataset[draw]`` is a crop with augmentation, ``dataset[int]`` a whole utterance without; both
    give ``dict(inputs=[T] float32, data_samples=SpeakerSample)``.

    Attributes:
        shard: what DrawSampler shares out over ranks: ``items`` of every step, or whole ``steps``.
        need_speakers: a list without speakers is a fault.
    """

    shard: Literal['items', 'steps'] = 'items'
    need_speakers = True

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        frames: int = 200,
        num_samples: int | None = None,
        pipeline: Sequence[dict] = (),
        include_speakers: Names = None,
        exclude_speakers: Names = None,
        speaker_map: dict[str, int] | str | None = None,
        speeds: Sequence[float] = (1.0,),
        speed_probs: Sequence[float] | None = None,
        pad: str = 'wrap',
        tail: str = 'pad',
        seed: int = 0,
        max_refetch: int = 5,
        pack: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Store the settings; lists are read by ``full_init``.

        Args:
            manifest: list of recordings, any format of list_formats.py, or several lists.
            root: folder of relative paths; each list's own when left out.
            sample_rate: Hz of the waveforms handed out.
            frames: length of a crop in frames of 25 ms every 10 ms, 400 + 160 (frames - 1) samples.
            num_samples: length of a crop in samples, instead of ``frames``.
            pipeline: configs of TRANSFORMS, applied in order to crops only.
            include_speakers: names, or a file with one a line; others are left out.
            exclude_speakers: likewise, to leave out.
            speaker_map: class numbers to use, or a JSON file of them; in order of first appearance when
                left out.
            speeds: speed factors, 1.0 first; every other one makes new classes, speaker + C × its place.
            speed_probs: odds of ``speeds``; equal when left out.
            pad: how a short utterance is filled up: ``wrap``, ``zero`` or ``reflect``.
            tail: last step of an epoch: ``pad`` (wrap from its start), ``drop`` or ``keep``.
            seed: of plans and crops, unless the sampler brings the run's.
            max_refetch: how many other utterances of the speaker are tried when one is unreadable.
            pack: a Pack whose items are the utterances, by id; then no recording is opened.
            lazy_init: leave the list unread, for looking at configs.

        Raises:
            ConfigError: a setting is not allowed; all of them in one message.
        """
        self.manifest_path = manifest
        self.root = root
        self.sample_rate = sample_rate
        self.frames = frames
        self.crop_samples = num_samples or frame_samples(frames, sample_rate)
        self.include_speakers, self.exclude_speakers = include_speakers, exclude_speakers
        self.given_map = speaker_map
        self.speeds = tuple(round(float(speed), 6) for speed in speeds)  # as precise as a plan
        self.speed_probs = None if speed_probs is None else tuple(float(prob) for prob in speed_probs)
        self.pad = pad
        self.tail = tail
        self.seed = seed
        self.max_refetch = max_refetch
        self.pack = None if pack is None else Pack(pack)
        self._check_settings()
        self.pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        self._ready = False
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the list and number the speakers; does nothing the second time."""
        if self._ready:
            return
        self.manifest = self.read_manifest()
        given = self.given_map
        if isinstance(given, str | os.PathLike):
            given = json.loads(Path(given).read_text(encoding='utf-8'))
        self.speaker_map = dict(given or self.manifest.speaker_map())
        self.labels = self.manifest.labels(self.speaker_map)
        self.by_speaker = np.argsort(self.labels, kind='stable')  # rows, speaker after speaker
        counts = np.bincount(self.labels, minlength=len(self.speaker_map))
        self.speaker_offsets = np.concatenate([[0], np.cumsum(counts)])
        if self.pack is not None:
            self.pack_items = find_items(self.pack, self.manifest, self.sample_rate)
        for transform in self.pipeline:
            if hasattr(transform, 'prepare'):  # opens its sounds now, so that a wrong path shows at once
                transform.prepare()
        self._ready = True

    def read_manifest(self) -> Manifest:
        """The list after the selection of speakers."""
        given = self.manifest_path
        if isinstance(given, Manifest):
            manifest = given
        elif isinstance(given, str | os.PathLike):
            manifest = Manifest.read(given, root=self.root, need_speakers=self.need_speakers)
        else:
            parts = [Manifest.read(path, root=self.root, need_speakers=self.need_speakers) for path in given]
            manifest = Manifest.join(parts)
        if self.include_speakers is not None or self.exclude_speakers is not None:
            manifest = manifest.select(self.include_speakers, self.exclude_speakers)
        return manifest

    def __len__(self) -> int:
        self._wake()
        return len(self.manifest)

    @property
    def num_speakers(self) -> int:
        """Classes a head needs: speakers × speed classes."""
        self._wake()
        return len(self.speaker_map) * len(self.speeds)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Facts for checkpoints and heads, in plain types: mmengine compares them byte by byte."""
        self._wake()
        names = sorted(self.speaker_map, key=self.speaker_map.__getitem__)
        classes = [
            name if i == 0 else f'{name}#{speed:g}' for i, speed in enumerate(self.speeds) for name in names
        ]
        return {
            'task': 'asv',
            'num_speakers': len(classes),
            'classes': classes,
            'sample_rate': self.sample_rate,
            'frames_per_second': 100,
            'speed_factors': list(self.speeds),
        }

    def list_hash(self) -> str:
        """Hash of ids, speakers and class numbers; a resumed run must find the same list."""
        self._wake()
        classes = sorted(self.speaker_map.items())
        return hashlib.blake2b(f'{self.manifest.digest()}{classes}'.encode(), digest_size=8).hexdigest()

    def plan(self, epoch: int, global_batch: int, seed: int | None = None) -> Plan:
        """All items of an epoch, a deterministic function of the arguments.

        Args:
            epoch: number of the epoch, from 0.
            global_batch: items of a step over all ranks (of one rank where ``shard`` is ``steps``).
            seed: the run's; the dataset's own when left out.

        Raises:
            ValueError: the batch does not fit the dataset.
        """
        self._wake()
        return self.make_plan(epoch, global_batch, self.seed if seed is None else seed)

    @abstractmethod
    def make_plan(self, epoch: int, global_batch: int, seed: int) -> Plan:
        """What ``plan`` returns; called on a list that has been read."""

    def __getitem__(self, index: Draw | int) -> dict[str, Any]:
        """A crop for a draw, the whole utterance for a number.

        Raises:
            AudioError: the recording cannot be read; for a draw, nor can ``max_refetch`` others of
                the same speaker.
        """
        self._wake()
        if not isinstance(index, Draw):
            return self.make_item(Draw(0, int(index), int(index), 0, 1.0, self.seed), augment=False)
        draw = index
        for tried in range(self.max_refetch + 1):
            try:
                return self.make_item(draw, augment=True)
            except (AudioError, OSError) as error:
                other = self._next_of_speaker(draw.utt)
                if tried == self.max_refetch or other == index.utt:
                    raise
                logger.warning("'%s' is unreadable (%s); taking '%s' instead.", self.manifest.path(draw.utt),
                               error, self.manifest.utts[other])  # fmt: skip
                draw = draw._replace(utt=other)
        raise AssertionError('unreachable')

    def make_item(self, draw: Draw, augment: bool) -> dict[str, Any]:
        """Read, crop, change speed and augment one waveform; pure."""
        wave = self.load(draw)
        if augment and self.pipeline:
            rng = draw_rng(draw, AUGMENT_SALT)
            for transform in self.pipeline:
                wave = transform(wave, rng)
        utt, speaker = self.manifest.utts[draw.utt], self.manifest.speakers[draw.utt]
        block = len(self.speaker_map) * self.speeds.index(draw.speed)
        label = int(self.labels[draw.utt]) + block if speaker else -1
        return {'inputs': wave, 'data_samples': SpeakerSample(label, utt, speaker, len(wave))}

    def load(self, draw: Draw) -> np.ndarray:
        """The crop a draw asks for, [num_samples] float32; 0 samples mean all there are."""
        if draw.num_samples == 0:
            wave = self.read_samples(draw.utt, 0, None)
            return wave if draw.speed == 1.0 else change_speed(wave, draw.speed)
        wanted = round(draw.num_samples * draw.speed)
        total = self.num_samples(draw.utt)
        start = self.crop_start(draw, total, wanted)
        wave = self.read_samples(draw.utt, start, wanted)
        if len(wave) < wanted and start > 0:  # the list rounds lengths up: begin that much earlier
            wave = self.read_samples(draw.utt, max(0, start - wanted + len(wave)), wanted)
        if len(wave) != wanted:
            wave = fit_length(wave, wanted, self.pad)
        if draw.speed == 1.0:
            return wave
        wave = change_speed(wave, draw.speed)
        return fit_length(wave, draw.num_samples, 'reflect')  # rounding may miss by one sample

    def crop_start(self, draw: Draw, total: int, wanted: int) -> int:
        """Where a crop of ``wanted`` samples begins: anywhere it fits, the last place included."""
        return int(draw_rng(draw, CROP_SALT).integers(0, max(0, total - wanted) + 1))

    def num_samples(self, row: int) -> int:
        """Length of an utterance at the dataset's rate."""
        if self.pack is not None:
            return int(self.pack.lengths[self.pack_items[row]])
        return self.manifest.num_samples(row, self.sample_rate)

    def read_samples(self, row: int, start: int, num_samples: int | None) -> np.ndarray:
        """Samples of an utterance from ``start`` on, fewer where it ends; [T] float32.

        Raises:
            AudioError: the file cannot be read, or holds nothing there.
        """
        if self.pack is not None:
            return self.pack.read(int(self.pack_items[row]), start, num_samples)
        rate = self.sample_rate
        manifest = self.manifest
        begin = 0 if np.isnan(manifest.start[row]) else round(manifest.start[row] * rate)
        if not np.isnan(manifest.end[row]):
            left = round(manifest.end[row] * rate) - begin - start
            num_samples = left if num_samples is None else min(left, num_samples)
            if num_samples < 1:
                raise AudioError(f"'{manifest.utts[row]}' holds no sample from {start / rate:.2f} s on.")
        return read(manifest.path(row), rate, begin + start, num_samples)

    def draw_speeds(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Speed factors of ``size`` items, [size] float32."""
        if len(self.speeds) == 1:
            return np.full(size, self.speeds[0], np.float32)
        return np.asarray(self.speeds, np.float32)[
            rng.choice(len(self.speeds), size=size, p=self.speed_probs)
        ]

    def _next_of_speaker(self, row: int) -> int:
        begin, end = self.speaker_offsets[self.labels[row] : self.labels[row] + 2]
        place = begin + np.searchsorted(self.by_speaker[begin:end], row)  # rows of a speaker ascend
        return int(self.by_speaker[begin + (place + 1 - begin) % (end - begin)])

    def _wake(self) -> None:
        if not self._ready:
            logger.warning('%s was built with lazy_init and reads its list now.', type(self).__name__)
            self.full_init()

    def _check_settings(self) -> None:
        faults = []
        name = type(self).__name__
        if self.pad not in PADS:
            faults.append(f"pad='{self.pad}', must be one of {', '.join(PADS)}")
        if self.tail not in ('pad', 'drop', 'keep'):
            faults.append(f"tail='{self.tail}', must be pad, drop or keep")
        if self.speeds[:1] != (1.0,) or min(self.speeds) <= 0 or len(set(self.speeds)) < len(self.speeds):
            faults.append(f'speeds={self.speeds}, must be 1.0 and other, different positive factors')
        probs = self.speed_probs
        if probs is not None and (
            len(probs) != len(self.speeds) or min(probs) < 0 or abs(sum(probs) - 1) > 1e-6
        ):
            faults.append(f'speed_probs={probs}, must be one probability per speed, summing to 1')
        if self.frames < 1 or self.crop_samples < 1:
            faults.append(f'a crop of {self.crop_samples} samples is empty (frames={self.frames})')
        if faults:
            raise ConfigError(f'{name}: {"; ".join(faults)}.')


def find_items(pack: Pack, manifest: Manifest, sample_rate: int) -> np.ndarray:
    """Number in the pack of every row of a list, [n] int64.

    Raises:
        ConfigError: the pack has another sample rate.
        ManifestError: utterances are not in the pack.
    """
    if pack.sample_rate != sample_rate:
        raise ConfigError(
            f'{pack.path}: {pack.sample_rate} Hz, wanted {sample_rate} Hz; pack the list again.'
        )
    numbers = {name: number for number, name in enumerate(pack.names)}
    items = np.fromiter((numbers.get(utt, -1) for utt in manifest.utts), np.int64, len(manifest))
    missing = [f"utterance '{manifest.utts[row]}'" for row in np.flatnonzero(items < 0).tolist()]
    if missing:
        raise ManifestError(
            list_faults(f'{pack.path}: {len(missing)} utterances are not in this pack:', missing)
        )
    return items
