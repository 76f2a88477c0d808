"""Speaker verification in three lines.

import svtoolkit
model = svtoolkit.load()
model.verify('a.wav', 'b.wav')  # Verdict(score=…, threshold=…, same=True, reason='')
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from svtoolkit.audio import io, vad
from svtoolkit.audio import resample as _resample
from svtoolkit.errors import AudioError, SvtoolkitError
from svtoolkit.evaluation.neural_backend import score_voices
from svtoolkit.zoo import package as packages

Recording = str | Path | tuple[np.ndarray, int]

MIN_SPEECH_S = 1.0  # under it a verdict would be a guess
CONFIDENT_SPEECH_S = 3.0
CHUNK_S = 60.0  # longer recordings are embedded piece by piece, so memory stays bounded


@dataclass(frozen=True)
class Verdict:
    """The answer to "one speaker or two?".

    Attributes:
        score: cosine of the two embeddings, or the logit of a neural scorer; higher = more alike, None if
            it cannot be told.
        threshold: same speaker at or above it.
        same: True, False, or None for "cannot tell".
        reason: why it cannot be told, or why the answer is of low confidence; else empty.
        model: name of the model.
    """

    score: float | None
    threshold: float | None
    same: bool | None
    reason: str = ''
    model: str = ''


class Embedder:
    """A loaded model: recordings in, embeddings, scores and verdicts out."""

    def __init__(self, package: packages.ModelPackage, device: str = 'cpu') -> None:
        self.package = package
        self.name = package.name
        self.fingerprint = package.fingerprint
        self.threshold = package.threshold
        self.model = package.model.to(_usable(device)).eval()
        self.sample_rate = self.model.sample_rate

    @property
    def embed_dim(self) -> int:
        """Width of an embedding."""
        return self.model.embed_dim

    def embed(self, recordings: Recording | Sequence[Recording], batch_size: int = 16) -> np.ndarray:
        """One embedding per recording, [N, D] float32, not centred and not length-normalised.

        Recordings longer than a minute are embedded in pieces of a minute, averaged by length.

        Args:
            recordings: files, or (samples [T] in ±1, rate in Hz) pairs; one or many.
            batch_size: recordings of equal length go through the network together.

        Raises:
            AudioError: a recording cannot be read.
        """
        if isinstance(recordings, (str, Path, tuple)):
            recordings = [recordings]
        total = np.zeros((len(recordings), self.embed_dim))
        weight = np.zeros(len(recordings))
        waiting: dict[int, list[tuple[int, np.ndarray]]] = {}
        for index, recording in enumerate(recordings):
            for piece in self._pieces(recording):
                group = waiting.setdefault(len(piece), [])
                group.append((index, piece))
                if len(group) == batch_size or len(piece) > 10 * self.sample_rate:
                    self._add(waiting.pop(len(piece)), total, weight)
            if sum(len(group) * size for size, group in waiting.items()) > batch_size * 10 * self.sample_rate:
                for size in list(waiting):
                    self._add(waiting.pop(size), total, weight)
        for group in waiting.values():
            self._add(group, total, weight)
        return (total / weight[:, None]).astype(np.float32)

    def verify(self, a: Recording, b: Recording) -> Verdict:
        """Whether two recordings hold one speaker.

        Raises:
            AudioError: a recording cannot be read.
        """
        speech = [self._speech_s(recording) for recording in (a, b)]
        short = min(range(2), key=speech.__getitem__)
        if speech[short] < MIN_SPEECH_S:
            reason = (
                f'{_name((a, b)[short])}: {speech[short]:.1f} s of speech, {MIN_SPEECH_S:.1f} s are needed'
                if speech[short] > 0
                else f'{_name((a, b)[short])}: no speech found'
            )
            return Verdict(None, self.threshold, None, reason, self.name)
        score = self.compare(a, b)
        reason = ''
        if speech[short] < CONFIDENT_SPEECH_S:
            reason = f'low confidence: {_name((a, b)[short])} holds {speech[short]:.1f} s of speech'
        if self.threshold is None:
            return Verdict(
                score, None, None, f'model {self.name} has no threshold; measure one first', self.name
            )
        return Verdict(score, self.threshold, score >= self.threshold, reason, self.name)

    @property
    def is_scorer(self) -> bool:
        """Whether the model scores a recording by a network of its own; it then has no cosine to offer."""
        return hasattr(self.model, 'scorer')

    def compare(self, a: Recording, b: Recording) -> float:
        """Score of two recordings, higher = more alike; a neural scorer takes the first as the enrolment.

        Raises:
            AudioError: a recording cannot be read.
        """
        if self.is_scorer:
            return float(score_voices(self.model, self._pieces(b), self.embed(a))[0])
        return self.score(*self.embed([a, b]))

    def score(self, a: np.ndarray, b: np.ndarray) -> float:
        """Cosine of two embeddings [D] after the model's mean is taken out.

        Raises:
            SvtoolkitError: the model is a neural scorer, which needs the recordings.
        """
        if self.is_scorer:
            raise SvtoolkitError(f'{self.name} scores recordings, not embeddings: call compare or identify.')
        a, b = self.centre(a), self.centre(b)
        return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))

    def centre(self, embedding: np.ndarray) -> np.ndarray:
        """Embeddings less the mean the model was published with, [..., D]."""
        return embedding if self.package.mean is None else embedding - self.package.mean

    def enrol(self, recordings: Sequence[Recording]) -> np.ndarray:
        """One vector for a speaker from several recordings: mean of unit vectors, [D], length one.

        Of a neural scorer it is the plain mean of the embeddings, whose length counts.
        """
        if self.is_scorer:
            return self.embed(recordings).mean(axis=0)
        vectors = self.centre(self.embed(recordings))
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        mean = vectors.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def identify(self, recording: Recording, speakers: dict[str, np.ndarray]) -> tuple[str | None, float]:
        """The best of several enrolled speakers, or None when none reaches the threshold; and its score."""
        if not speakers:
            raise SvtoolkitError('identify: nobody is enrolled; give at least one speaker.')
        if self.is_scorer:
            found = score_voices(self.model, self._pieces(recording), np.stack(list(speakers.values())))
            scores = dict(zip(speakers, found.tolist()))
        else:
            voice = self.enrol([recording])
            scores = {name: float(voice @ vector) for name, vector in speakers.items()}
        best = max(scores, key=scores.__getitem__)
        accepted = self.threshold is not None and scores[best] >= self.threshold
        return (best if accepted else None), scores[best]

    def _add(self, group: list[tuple[int, np.ndarray]], total: np.ndarray, weight: np.ndarray) -> None:
        waves = torch.from_numpy(np.stack([piece for _, piece in group])).to(
            next(self.model.parameters()).device
        )
        with torch.inference_mode():
            vectors = self.model.embed(waves).float().cpu().numpy()
        for (index, piece), vector in zip(group, vectors):
            total[index] += len(piece) * vector.astype(np.float64)
            weight[index] += len(piece)

    def _pieces(self, recording: Recording) -> Iterator[np.ndarray]:
        """The samples at the model's rate, at most a minute at a time; a short rest joins the last piece."""
        size = int(CHUNK_S * self.sample_rate)
        if isinstance(recording, tuple):
            wave = _checked_array(*recording, self.sample_rate)
            for start, length in _cuts(len(wave), size):
                yield wave[start : start + length]
            return
        info = io.probe(recording)
        count = round(info.num_samples * self.sample_rate / info.sample_rate)
        for start, length in _cuts(count, size):
            whole = start == 0 and length == count
            yield io.read(recording, self.sample_rate, start, None if whole else length)

    def _speech_s(self, recording: Recording) -> float:
        return sum(vad.speech_seconds(piece, self.sample_rate) for piece in self._pieces(recording))


def load(source: str | Path | None = None, device: str = 'cpu') -> Embedder:
    """Load a model by name, package folder, weight file or run directory; None for the default.

    Raises:
        UnknownNameError: nothing of that name.
        CheckpointError: an unsafe, damaged or foreign file.
        SvtoolkitError: the device is not here.
    """
    return Embedder(packages.load(source), device)


def _usable(device: str) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        fault = str(error).splitlines()[0]
        raise SvtoolkitError(f"device '{device}' cannot be used here ({fault}); use cpu.") from error


def _cuts(count: int, size: int) -> list[tuple[int, int]]:
    pieces = max(1, round(count / size))
    edges = np.linspace(0, count, pieces + 1).astype(int)
    return [(int(a), int(b - a)) for a, b in zip(edges[:-1], edges[1:])]


def _checked_array(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    wave = np.asarray(wave, dtype=np.float32)
    if wave.ndim != 1 or not len(wave):
        raise AudioError(f'an array of shape {wave.shape} came; samples must be [T] with T > 0.')
    if not np.isfinite(wave).all():
        raise AudioError('the samples hold NaN or infinity.')
    return wave if rate == wanted else _resample.resample(wave, rate, wanted)


def _name(recording: Recording) -> str:
    return 'array' if isinstance(recording, tuple) else str(recording)
