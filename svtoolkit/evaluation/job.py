"""From what a user names (lists, recordings or tables, a model, a backend, a cohort) to what can be scored.

Behind ``svtoolkit evaluate``, ``score`` and ``calibrate``, and the same for programs:

    job = Setup(model='run', manifests=('test.tsv',), cohort='cohort.npz').prepare('trials.txt', svtoolkit.load)
    evaluation = job.evaluate()
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit.backends import Centre, Chain, Cohort, Cosine, EmbeddingTable, Threshold
from svtoolkit.backends.base import Backend, Stored
from svtoolkit.backends.calibrate import Calibration
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.errors import ConfigError
from svtoolkit.evaluation.crops import CropCosine, CropDistance, CropSpec
from svtoolkit.evaluation.embedding import (
    check_archive,
    clips_of,
    clips_of_paths,
    embed_clips,
    load_table,
    user_faults,
)
from svtoolkit.evaluation.protocol import Evaluation, evaluate
from svtoolkit.evaluation.protocols import Protocol, check_leak, read_protocol, speakers_of
from svtoolkit.evaluation.scoring import extend, read_backend, require_fit, score_list, scoring_record


@dataclass
class Job:
    """A list that can be scored.

    Attributes:
        protocol: trials, and what their names stand for.
        table: embeddings of all their utterances.
        backend: fitted, with normalisation and calibration.
        crops: how utterances are cut, in words; empty for whole ones.
        speakers: name in the list -> speaker; None where unknown.
        manifests: of the recordings.
        notes: what a person should know before reading the figures.
    """

    protocol: Protocol
    table: EmbeddingTable
    backend: Backend
    crops: str = ''
    speakers: dict[str, str] | None = None
    manifests: list[Manifest] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        """How the scores are made, in the keys a threshold is checked by."""
        return scoring_record(self.backend, self.table.fingerprint, self.crops)

    def scores(self) -> np.ndarray:
        """Scores of the list, [n]; see ``score_list``."""
        protocol = self.protocol
        return score_list(
            protocol.name, self.table, protocol.trials, self.backend, protocol.models, self.speakers
        )

    def evaluate(
        self,
        name: str = '',
        rounds: int = 1000,
        criterion: str = 'eer',
        p_target: float = 0.01,
        threshold: Threshold | None = None,
    ) -> Evaluation:
        """Score and measure the list; arguments as for ``protocol.evaluate``."""
        protocol = self.protocol
        found = evaluate(
            name or protocol.name,
            self.table,
            protocol.trials,
            self.backend,
            self.speakers,
            rounds,
            models=protocol.models,
            criterion=criterion,
            p_target=p_target,
            threshold=threshold,
            crops=self.crops,
        )
        found.manifests = [manifest.source for manifest in self.manifests if manifest.source]
        return found


@dataclass(frozen=True)
class Setup:
    """What a user names for a scoring; everything may be left out but embeddings or recordings.

    Attributes:
        embeddings: table of the list's utterances; left out, they are embedded with the model.
        model: name, file or run directory; None for the shipped one.
        manifests: lists of the recordings, with speakers and columns where known.
        root: folder of the recordings where the names in the list are their paths; or of a manifest.
        device: where the model runs.
        backend: see ``read_backend``; left out: cosine, less the model's mean where it has one.
        fit: training lists the backend learns from.
        fit_embeddings: table of their utterances; left out, ``embeddings`` or the model gives them.
        cohort: file of ``svtoolkit cohort``.
        norm: mode of the score normalisation; with a cohort and left out: ``as1``.
        topn: nearest cohort entries.
        calibration: file of ``svtoolkit calibrate``.
        crops: 0 for whole utterances, else so many crops of 4 s.
        distance: with crops: mean distance instead of mean cosine.
        cache: folder where embeddings are remembered; None for none.
        enrol: enrolment map.
        protocol: see ``read_protocol``.
        train: lists the model was trained on, for the leak check.
        allow_leak: equal speaker names in training and trials are different people, or do not matter.
    """

    embeddings: str | None = None
    model: str | None = None
    manifests: Sequence[str] = ()
    root: str | None = None
    device: str = 'cpu'
    backend: str | None = None
    fit: Sequence[str] = ()
    fit_embeddings: str | None = None
    cohort: str | None = None
    norm: str | None = None
    topn: int | None = None
    calibration: str | None = None
    crops: int = 0
    distance: bool = False
    cache: str | None = None
    enrol: str | None = None
    protocol: str = 'plain'
    train: Sequence[str] = ()
    allow_leak: bool = False

    def prepare(self, trials: str | Path, load: Callable[..., Any]) -> Job:
        """Read the lists, embed what has no embedding yet, and fit and join the backend.

        Args:
            trials: the list.
            load: ``svtoolkit.load``; called when recordings must be embedded, with model and device.

        Raises:
            SvtoolkitError: any fault of the lists, files and choices, each with its own message.
        """
        if self.embeddings is None and not self.manifests and self.root is None:
            raise ConfigError(
                'where are the recordings? Give --embeddings TABLE, or --manifest LIST, or --root FOLDER of the '
                'paths in the list.'
            )
        protocol = read_protocol(trials, self.enrol, self.protocol)
        if protocol.name == 'plain':
            protocol.name = Path(trials).stem
        manifests = [Manifest.read(path, root=self.root, need_speakers=False) for path in self.manifests]
        known: dict[str, str] = {}
        for manifest in manifests:
            known |= dict(zip(manifest.utts, manifest.speakers))
        speakers = speakers_of(protocol, known)
        fit_lists = [Manifest.read(path) for path in self.fit]
        cohort = None
        if self.cohort is not None:
            check_archive(self.cohort)
            with user_faults(self.cohort):
                cohort = Cohort.load(self.cohort)
        if speakers is not None and not self.allow_leak:
            tested = set(speakers.values())
            learnt = [
                (manifest, f'{manifest.source}, which the backend learns from') for manifest in fit_lists
            ]
            learnt += [
                (Manifest.read(path), f'{path}, which the model was trained on') for path in self.train
            ]
            for manifest, what in learnt:
                check_leak(manifest.speakers, tested, what)
        notes = []
        if cohort is not None and speakers is not None:
            own = set(cohort.speakers) & set(speakers.values()) - {''}
            if own:
                notes.append(
                    f'{len(own)} of {len(cohort)} cohort entries are speakers of the trials; each is left out of the '
                    'statistics of its own utterances'
                )
        if speakers is not None and not self.allow_leak:
            seen = trained_speakers(self.model) & set(speakers.values())
            if seen:
                notes.append(
                    f'the model was trained on {len(seen)} of {len(set(speakers.values()))} speakers of the trials, such '
                    f'as {min(seen)} (speakers.json of its run), so the error rates will be too low'
                )
        crops = CropSpec(self.crops) if self.crops else None
        model = None
        if self.embeddings is not None:
            table = load_table(self.embeddings)
        else:
            model = load(self.model, self.device)
            table = self._embed(model, protocol.utterances(), manifests, crops)
        backend = self._backend(model, crops)
        if fit_lists:
            whole = Manifest.join(fit_lists)
            if self.fit_embeddings is not None:
                learn = load_table(self.fit_embeddings)
            elif model is not None:
                learn = embed_clips(model, clips_of(whole), crops, self.cache)
            else:
                learn = table
            with user_faults('fitting the backend'):
                backend.fit(learn.select(list(whole.utts)), list(whole.speakers))
        calibration = None
        if self.calibration is not None:
            calibration = read_calibration(self.calibration)
        require_fit(backend)
        joined = extend(backend, cohort, self.norm, self.topn, calibration)
        words = '' if crops is None else str(crops)
        return Job(protocol, table, joined, words, speakers, manifests, notes)

    def _embed(
        self, model: Any, utts: list[str], manifests: list[Manifest], crops: CropSpec | None
    ) -> EmbeddingTable:
        if not manifests:
            clips = clips_of_paths(utts, self.root or '')
        elif len(manifests) == 1:
            clips = clips_of(manifests[0], utts)
        else:
            clips = clips_of(Manifest.join(manifests), utts)
        return embed_clips(model, clips, crops, self.cache)

    def _backend(self, model: Any, crops: CropSpec | None) -> Any:
        if self.distance and crops is None:
            raise ConfigError('the mean distance compares crops: ask for --crops 10 too.')
        if crops is not None:
            if self.backend is not None:
                raise ConfigError('crops have a scoring of their own: leave out the backend, or the crops.')
            return (CropDistance if self.distance else CropCosine)(crops.num)
        if self.backend is not None:
            return read_backend(self.backend)
        mean = None if model is None else model.package.mean
        return Cosine() if mean is None else centred_cosine(mean, model.fingerprint)


def trained_speakers(model: str | None) -> set[str]:
    """Speakers that the run of a model names, for a run directory and files in it; else none."""
    if model is None or not Path(model).exists():
        return set()
    for folder in (Path(model), Path(model).parent):
        path = folder / 'speakers.json'
        if path.is_file():
            with user_faults(str(path)):
                return set(json.loads(path.read_text(encoding='utf-8')))
    return set()


def centred_cosine(mean: np.ndarray, fingerprint: str) -> Chain:
    """Cosine less a model's own mean [D]: the scoring of ``svtoolkit verify``."""
    chain = Chain([Centre(), Cosine()])
    return chain.fit(EmbeddingTable(['mean'], mean[None].astype(np.float32), fingerprint))


def read_calibration(path: str | Path) -> Calibration:
    """A calibration that ``svtoolkit calibrate`` saved.

    Raises:
        ConfigError: another file.
    """
    found: Stored = read_backend(path)
    if not isinstance(found, Calibration):
        raise ConfigError(f'{path}: holds {type(found).__name__}, not a calibration.')
    return found
