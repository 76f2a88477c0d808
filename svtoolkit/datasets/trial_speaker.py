"""Training trials for a scorer: each item is a test utterance and an enrolment, one behind the other.

Neural Scoring, arXiv:2410.16428, section "training". Every utterance of the list is the enrolment once per
epoch. ``make_test`` is the place where scenes of several voices hang: it returns the test waveform and the
classes heard in it.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from svtoolkit.datasets.draws import Draw, draw_rng, frame_samples
from svtoolkit.datasets.dynamic_speaker import DynamicSpeakerDataset
from svtoolkit.datasets.enrolment_targets import TrialSample
from svtoolkit.datasets.manifest import Manifest, Names
from svtoolkit.datasets.samples import SpeakerSample
from svtoolkit.errors import ConfigError
from svtoolkit.registry import DATASETS

TRIAL_SALT = 19
ENROLMENT_PLACE = 2**40  # added to a draw's place: the enrolment is cropped apart from the test


@DATASETS.register_module()
class TrialSpeakerDataset(DynamicSpeakerDataset):
    """Waveforms [test; enrolment] of one length, with a ``TrialSample`` that says where the test ends.

    The test is a uniform utterance of the enrolment's speaker (it may be the very same one), or with
    ``negative_prob`` one of another speaker. The pipeline augments the test only.
    """

    def __init__(
        self,
        manifest: str | Manifest | Sequence[str],
        root: str | None = None,
        sample_rate: int = 16000,
        min_frames: int = 201,
        max_frames: int = 201,
        step: int = 10,
        enrol_frames: int = 400,
        negative_prob: float = 0.0,
        pipeline: Sequence[dict] = (),
        draw: Literal['permutation', 'replacement', 'speaker'] = 'permutation',
        epoch_size: int | None = None,
        include_speakers: Names = None,
        exclude_speakers: Names = None,
        speaker_map: dict[str, int] | None = None,
        speeds: Sequence[float] = (1.0,),
        speed_probs: Sequence[float] | None = None,
        pad: str = 'wrap',
        tail: str = 'drop',
        seed: int = 0,
        max_refetch: int = 5,
        pack: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Store the settings.

        Args:
            min_frames: shortest test crop; one length for all items of a step.
            max_frames: longest test crop.
            step: of the lengths between them.
            enrol_frames: length of the enrolment crop.
            negative_prob: share of items whose test is of another speaker; 0 where the other
                enrolments of the batch are the non-targets, 0.5 where each test has its own alone.

        The others are DynamicSpeakerDataset's.

        Raises:
            ConfigError: a setting is not allowed.
        """
        if enrol_frames < 1 or not 0 <= negative_prob <= 1:
            raise ConfigError(
                f'TrialSpeakerDataset: enrol_frames={enrol_frames}, negative_prob={negative_prob}: at least '
                'one frame, and a share of 0 to 1.'
            )
        self.enrol_samples = frame_samples(enrol_frames, sample_rate)
        self.negative_prob = negative_prob
        super().__init__(
            manifest, root, sample_rate, min_frames, max_frames, step, pipeline, 'fixed', None, draw, epoch_size,
            include_speakers, exclude_speakers, speaker_map, speeds, speed_probs, pad, tail, seed, max_refetch,
            pack, lazy_init,
        )  # fmt: skip

    def full_init(self) -> None:
        super().full_init()
        if self.negative_prob and len(np.flatnonzero(np.diff(self.speaker_offsets))) < 2:
            raise ConfigError('TrialSpeakerDataset: negative_prob needs at least 2 speakers.')

    def make_item(self, draw: Draw, augment: bool) -> dict[str, Any]:
        """A trial for a draw; the whole utterance alone where ``num_samples`` is 0."""
        if draw.num_samples == 0:
            return super().make_item(draw, augment)
        wave, sample, present = self.make_test(draw, augment)
        enrolment = self.load(draw._replace(pos=draw.pos + ENROLMENT_PLACE, num_samples=self.enrol_samples))
        label = int(self.labels[draw.utt]) + len(self.speaker_map) * self.speeds.index(draw.speed)
        record = TrialSample(
            sample.label, sample.utt, sample.speaker, len(wave), present, label, self.manifest.utts[draw.utt]
        )
        return {'inputs': np.concatenate([wave, enrolment]), 'data_samples': record}

    def make_test(self, draw: Draw, augment: bool) -> tuple[np.ndarray, SpeakerSample, tuple[int, ...]]:
        """The test of an enrolment.

        Args:
            draw: whose utterance is the enrolment.
            augment: run the pipeline.

        Returns:
            Waveform [draw.num_samples], what is known about it, and the classes heard in it.
        """
        rng = draw_rng(draw, TRIAL_SALT)
        negative = self.negative_prob > 0 and rng.random() < self.negative_prob
        row = self.other_speaker(draw.utt, rng) if negative else self.same_speaker(draw.utt, rng)
        item = super().make_item(draw._replace(utt=row), augment)
        return item['inputs'], item['data_samples'], (item['data_samples'].label,)

    def same_speaker(self, row: int, rng: np.random.Generator) -> int:
        """A uniform utterance of the speaker of ``row``, that one included."""
        begin, end = self.speaker_offsets[self.labels[row] : self.labels[row] + 2]
        place = begin + np.searchsorted(self.by_speaker[begin:end], row)
        # Counted from row on, so that another row after an unreadable file brings another partner.
        return int(self.by_speaker[begin + (place - begin + rng.integers(0, end - begin)) % (end - begin)])

    def other_speaker(self, row: int, rng: np.random.Generator) -> int:
        """A uniform utterance of a uniform other speaker."""
        speakers = np.flatnonzero(np.diff(self.speaker_offsets))
        speaker = rng.choice(speakers[speakers != self.labels[row]])
        begin, end = self.speaker_offsets[speaker : speaker + 2]
        return int(self.by_speaker[begin + rng.integers(0, end - begin)])
