"""The trials a system got most wrong, with sound to listen to, and the columns a list is sliced by."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import AudioError
from svtoolkit.evaluation.embedding import Clip, clips_of
from svtoolkit.metrics.slices import binned

RATE = 16000  # of the embedded sound, Hz
DURATION_EDGES_S = (2.0, 3.0, 5.0, 10.0)
MOST_VALUES = 12  # of a column; more numbers are binned, more words are no slice


@dataclass(frozen=True)
class HardTrial:
    """A trial on the wrong side of the threshold.

    Attributes:
        enrol, test: names of its sides.
        speakers: of both sides, '' where unknown.
        score: of the trial.
        missed: True for a target that was rejected, False for a false alarm.
        sounds: both sides as data URLs; None where there is no sound to play.
    """

    enrol: str
    test: str
    speakers: tuple[str, str]
    score: float
    missed: bool
    sounds: tuple[str | None, str | None] = (None, None)


def hardest(trials: TrialList, scores: np.ndarray, threshold: float, missed: bool, count: int) -> list[int]:
    """Rows of the worst misses or false alarms at a threshold, worst first.

    Args:
        trials: with labels.
        scores: [n].
        threshold: accept at or above it.
        missed: targets below it, else non-targets at or above it.
        count: at most so many.
    """
    label = np.zeros(len(trials), bool) if trials.label is None else trials.label
    wrong = np.flatnonzero(label & (scores < threshold) if missed else ~label & (scores >= threshold))
    order = np.argsort(scores[wrong] if missed else -scores[wrong], kind='stable')
    return wrong[order][:count].tolist()


class Player:
    """Turns recordings into data URLs a page can play, until a budget is spent.

    Args:
        clips: name -> recording.
        seconds: at most so much of each.
        budget: bytes of all data URLs together; beyond it nothing more is embedded.
    """

    def __init__(self, clips: Mapping[str, Clip], seconds: float = 4.0, budget: int = 6_000_000) -> None:
        self.clips = clips
        self.seconds = seconds
        self.left = budget
        self.faults: list[str] = []
        self._made: dict[str, str] = {}

    def sound(self, name: str) -> str | None:
        """The first seconds as FLAC, 16 bit, 16 kHz; None when unknown, unreadable (noted) or too much."""
        if name in self._made:
            return self._made[name]
        if name not in self.clips:
            return None
        try:
            wave = self.clips[name].read(RATE, self.seconds)
        except AudioError as error:
            self.faults.append(str(error))
            return None
        stream = io.BytesIO()
        soundfile.write(stream, wave, RATE, format='FLAC', subtype='PCM_16')
        text = f'data:audio/flac;base64,{base64.b64encode(stream.getvalue()).decode()}'
        if len(text) > self.left:
            return None
        self.left -= len(text)
        self._made[name] = text
        return text


def clips_for(manifests: Sequence[Manifest], names: Sequence[str]) -> dict[str, Clip]:
    """Recordings of the names that any of the manifests lists."""
    found: dict[str, Clip] = {}
    for manifest in manifests:
        listed = set(manifest.utts)
        found |= clips_of(manifest, [name for name in dict.fromkeys(names) if name in listed])
    return found


def slice_columns(
    manifests: Sequence[Manifest],
    trials: TrialList,
    models: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, np.ndarray]:
    """Columns of trials from columns of utterances, for ``metrics.slices``.

    Two sides with one value give that value, else both, sorted: ``f / m``. ``duration`` is the shorter
    side in ranges of seconds; other columns of many numbers are cut at their quartiles, columns of
    many words (sentences, sessions) are left out.

    Args:
        manifests: of the recordings.
        trials: the list.
        models: name in the list -> its enrolment utterances; the first one speaks for all.

    Returns:
        column -> [n] text; only columns known for every utterance.
    """
    values: dict[str, dict[str, str]] = {}
    for manifest in manifests:
        columns: dict[str, Sequence[str]] = dict(manifest.extra)
        if not np.isnan(manifest.durations).all():
            columns['duration'] = [f'{seconds:g}' for seconds in manifest.durations.tolist()]
        for column, cells in columns.items():
            values.setdefault(column, {}).update(zip(manifest.utts, cells))
    names = [(models or {}).get(name, (name,))[0] for name in trials.ids]
    made: dict[str, np.ndarray] = {}
    for column, known in sorted(values.items()):
        cells_used = [known.get(name, '') for name in names]
        if '' in cells_used:
            continue
        numbers = _numbers(cells_used)
        if column == 'duration' and numbers is not None:
            shorter = np.minimum(numbers[trials.enrol], numbers[trials.test])
            made['shorter side, s'] = binned(shorter, DURATION_EDGES_S)
            continue
        kinds = np.array(cells_used)
        if len(set(cells_used)) > MOST_VALUES:
            if numbers is None:
                continue
            edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75])).tolist()
            kinds = binned(numbers, edges)
        left, right = kinds[trials.enrol], kinds[trials.test]
        lower, upper = np.where(left <= right, left, right), np.where(left <= right, right, left)
        both = np.char.add(np.char.add(lower, ' / '), upper)
        made[column] = np.where(left == right, left, both)
    return made


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None
