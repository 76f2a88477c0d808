"""Scores that need a network: enrolment embeddings against the frames of test utterances.

Every utterance goes through the networks once, in ``prepare``. A trial then costs what the scorer does with
one enrolment: the keys and values of a test are computed once for all of its enrolments.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from svtoolkit.backends import EmbeddingTable
from svtoolkit.backends.base import Array, Stored, Trials
from svtoolkit.errors import ManifestError, SvtoolkitError, list_faults
from svtoolkit.registry import BACKENDS

Wave = np.ndarray | Tensor


@BACKENDS.register_module()
class NeuralBackend(Stored):
    """Logits of a neural scorer over trial lists; higher = more alike, not symmetric.

    Args:
        pairs_at_once: trials scored together, which bounds memory (4096 take about 30 MB for tests of
            101 frames); with a full mask as many fewer as a test has frames.
        tests_at_once: test utterances of one length whose frames go through the scorer together.

    Raises:
        ValueError: one of them is below 1.
    """

    def __init__(self, pairs_at_once: int = 4096, tests_at_once: int = 16) -> None:
        if pairs_at_once < 1 or tests_at_once < 1:
            raise ValueError(f'pairs_at_once={pairs_at_once}, tests_at_once={tests_at_once}: use 1 or more.')
        self.pairs_at_once = pairs_at_once
        self.tests_at_once = tests_at_once
        self.scorer: Any = None
        self.embeddings: dict[str, Tensor] = {}
        self.frames: dict[str, Tensor] = {}

    def fit(self, table: EmbeddingTable, speakers: Sequence[str] | None = None) -> 'NeuralBackend':
        """Nothing to learn: the scorer was trained with its model."""
        return self

    def prepare(
        self,
        model: Any,
        utterances: Mapping[str, Wave] | Iterable[tuple[str, Wave]],
        trials: Trials | None = None,
    ) -> 'NeuralBackend':
        """Run the networks over utterances, each once; those that are held already are left out.

        Args:
            model: a ``NeuralScoringRecognizer`` in evaluation mode.
            utterances: name and waveform, [T] in ±1 at the model's rate; may be read lazily.
            trials: embed only what this list enrols, and listen only to what it tests; without it both
                are done for every utterance.
        """
        pairs = utterances.items() if isinstance(utterances, Mapping) else utterances
        enrols = tests = None
        if trials is not None:
            enrols, tests = (
                {trials.ids[row] for row in set(s.tolist())} for s in (trials.enrol, trials.test)
            )
        self.scorer = model.scorer
        device = next(model.parameters()).device
        with torch.inference_mode():
            for name, wave in pairs:
                batch = torch.as_tensor(wave, device=device).unsqueeze(0)
                if name not in self.embeddings and (enrols is None or name in enrols):
                    self.embeddings[name] = model.embed(batch)[0].float()
                if name not in self.frames and (tests is None or name in tests):
                    self.frames[name] = model.listen(batch)[0].float()
        return self

    def hold(self, scorer: Any, embeddings: Mapping[str, Tensor], frames: Mapping[str, Tensor]) -> None:
        """Take over what a model's networks gave, instead of :meth:`prepare`.

        Args:
            scorer: the model's ``NeuralScorerHead``, in evaluation mode.
            embeddings: name -> enrolment embedding, [D].
            frames: name -> projected frames of a test, [T, W].
        """
        self.scorer = scorer
        self.embeddings |= embeddings
        self.frames |= frames

    def score_trials(self, trials: Trials, models: Mapping[str, Sequence[str]] | None = None) -> Array:
        """Logits of a trial list, [n] float64, in list order.

        Args:
            trials: names and index arrays; the first of a pair is the enrolment.
            models: name in the list -> its enrolment utterances, whose embeddings are averaged.

        Raises:
            SvtoolkitError: nothing was prepared.
            ManifestError: utterances that were not prepared, all named.
        """
        if self.scorer is None:
            raise SvtoolkitError('NeuralBackend: call prepare with a model and utterances first.')
        enrol, test = np.asarray(trials.enrol), np.asarray(trials.test)
        used, enrol = np.unique(enrol, return_inverse=True)
        tests, test = np.unique(test, return_inverse=True)
        voices = self._voices([trials.ids[row] for row in used.tolist()], models or {})
        frames = self._test_frames([trials.ids[row] for row in tests.tolist()])
        scores = np.empty(len(enrol))
        device = next(self.scorer.parameters()).device
        with torch.inference_mode():
            for block, places in self._blocks(test, np.array([len(rows) for rows in frames])):
                stacked = torch.stack([frames[row] for row in block]).to(device)
                cache = self.scorer.encode_test(stacked, places.shape[1])
                for part in self._chunks(places, stacked.shape[1]):
                    held = part >= 0  # [tests, n]; -1 fills up where a test has fewer trials
                    rows = torch.from_numpy(np.where(held, enrol[part], 0))
                    logits = self.scorer.score(cache, voices[rows].to(device))
                    scores[part[held]] = logits.double().cpu().numpy()[held]
        return scores

    def _blocks(self, test: Array, lengths: Array) -> Iterator[tuple[list[int], Array]]:
        """Tests of one length and the trials of each, [tests] and [tests, n] filled up with -1."""
        order = np.argsort(test, kind='stable')
        edges = np.searchsorted(test[order], np.arange(len(lengths) + 1))
        counts = np.diff(edges)
        ranked = np.lexsort((counts, lengths))
        begin = 0
        while begin < len(ranked):
            block = ranked[begin : begin + self.tests_at_once]
            block = block[lengths[block] == lengths[block[0]]]
            begin += len(block)
            places = np.full((len(block), counts[block].max()), -1)
            for row, number in enumerate(block.tolist()):
                places[row, : counts[number]] = order[edges[number] : edges[number + 1]]
            yield block.tolist(), places

    def _chunks(self, places: Array, num_frames: int) -> Iterator[Array]:
        pairs = self.pairs_at_once
        if self.scorer.mask == 'full':  # each pair is a whole sequence
            pairs //= num_frames
        step = max(1, pairs // len(places))
        for start in range(0, places.shape[1], step):
            yield places[:, start : start + step]

    def _voices(self, names: list[str], models: Mapping[str, Sequence[str]]) -> Tensor:
        """Enrolment embeddings, [names, D]; the mean where an enrolment has several utterances."""
        parts = [list(models.get(name, (name,))) for name in names]
        self._require((utt for utts in parts for utt in utts), self.embeddings, 'enrolment')
        return torch.stack([torch.stack([self.embeddings[utt] for utt in utts]).mean(0) for utts in parts])

    def _test_frames(self, names: list[str]) -> list[Tensor]:
        self._require(names, self.frames, 'test')
        return [self.frames[name] for name in names]

    @staticmethod
    def _require(names: Iterable[str], known: Mapping[str, Tensor], side: str) -> None:
        missing = [name for name in dict.fromkeys(names) if name not in known]
        if missing:
            raise ManifestError(
                list_faults(f'{len(missing)} {side} utterances of the trials were not prepared:', missing, 10)
            )


class NeuralScores(Stored):
    """A prepared ``NeuralBackend`` where a backend of embeddings stands: the table gives names only.

    Args:
        backend: prepared.
    """

    def __init__(self, backend: NeuralBackend) -> None:
        self.backend = backend

    def score_trials(
        self,
        table: EmbeddingTable,
        trials: Trials,
        models: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, str] | None = None,
    ) -> Array:
        """Logits of a trial list, [n] float64; ``speakers`` are not needed."""
        return self.backend.score_trials(trials, models)


def score_voices(model: Any, pieces: Iterable[Wave], voices: Array) -> Array:
    """Logits of one test recording against enrolment embeddings, [N] float64.

    Args:
        model: a ``NeuralScoringRecognizer`` in evaluation mode.
        pieces: the recording, [T] in ±1 at the model's rate, in one piece or several when it is long: a
            voice counts as heard where it is heard best.
        voices: [N, D].
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        enrolments = torch.as_tensor(voices, device=device).float().unsqueeze(0)
        found = [
            model.scorer.score(
                model.scorer.encode_test(model.listen(torch.as_tensor(piece, device=device)[None])),
                enrolments,
            )[0]
            for piece in pieces
        ]
        return torch.stack(found).amax(0).double().cpu().numpy()
