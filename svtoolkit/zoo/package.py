"""A published model: a folder with ``model.safetensors`` and ``model.json``.

``model.json`` holds the config (without a head), the fingerprint, the threshold with its source, and
the card. The mean embedding that scoring subtracts travels in the weight file as ``scoring.mean``.
Nothing in a package is executed: types must be registered names, weights are plain tensors.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError, FingerprintError, unknown_name
from svtoolkit.models.fingerprint import fingerprint
from svtoolkit.models.recognizers.embedding_recognizer import EmbeddingRecognizer
from svtoolkit.registry import MODELS

MODELS_FOLDER = Path(__file__).parent / 'models'
DEFAULT_MODEL = 'so762-resnet34'
WEIGHTS, RECORD, MEAN = 'model.safetensors', 'model.json', 'scoring.mean'


@dataclass
class ModelPackage:
    """A model with all that scoring with it needs.

    Attributes:
        name: short name.
        config: of the recogniser, head left out.
        model: the recogniser, in evaluation mode.
        mean: [D] float32 that is subtracted from embeddings before scoring; None for none.
        threshold: same speaker at or above it; None if nobody measured one.
        threshold_source: where the threshold comes from, in words.
        card: data, licence, results and limits, for people.
    """

    name: str
    config: dict
    model: EmbeddingRecognizer
    mean: np.ndarray | None = None
    threshold: float | None = None
    threshold_source: str = ''
    card: dict = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of weights and front end: what makes an embedding; the mean comes in when two are compared."""
        return fingerprint(self.model.state_dict(), self.config)

    def save(self, folder: str | Path) -> None:
        """Write the package into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        if self.mean is not None:
            tensors[MEAN] = torch.from_numpy(self.mean.astype(np.float32))
        save_file(tensors, folder / f'.{WEIGHTS}.tmp')
        (folder / f'.{WEIGHTS}.tmp').chmod(0o644)  # safetensors writes for the owner alone
        os.replace(folder / f'.{WEIGHTS}.tmp', folder / WEIGHTS)
        record = dict(
            name=self.name,
            fingerprint=self.fingerprint,
            threshold=self.threshold,
            threshold_source=self.threshold_source,
            config=files.to_plain(self.config),
            card=self.card,
        )
        (folder / f'.{RECORD}.tmp').write_text(
            json.dumps(record, indent=1, ensure_ascii=False), encoding='utf-8'
        )
        os.replace(folder / f'.{RECORD}.tmp', folder / RECORD)


def shipped() -> list[str]:
    """Names of the models that come with svtoolkit."""
    return sorted(path.parent.name for path in MODELS_FOLDER.glob(f'*/{RECORD}'))


def load(source: str | Path | None = None) -> ModelPackage:
    """Load a model by name, package folder, weight file or run directory.

    Args:
        source: a shipped model's name; a folder with ``model.json``; a ``.safetensors`` beside one; a
            checkpoint ``.pth`` of a run; a run directory (its published ``model/``, else its best, else its
            newest checkpoint); or ``hf:owner/name`` of the hub. None for the default model.

    Raises:
        UnknownNameError: neither a file nor a folder nor a shipped model.
        CheckpointError: an unsafe, damaged or foreign file.
        FingerprintError: weights and record do not belong together.
    """
    source = DEFAULT_MODEL if source is None else source
    if str(source) in shipped():
        return _load_package(MODELS_FOLDER / str(source))
    if str(source).startswith('hf:'):
        from svtoolkit.zoo import hub  # it converts, and converting makes packages

        return hub.load(str(source).removeprefix('hf:'))
    path = Path(source)
    if path.is_dir():
        return _load_package(path) if (path / RECORD).is_file() else _load_run(path)
    if path.is_file():
        return _load_package(path.parent) if path.suffix == '.safetensors' else _load_checkpoint(path)
    raise unknown_name('model', str(source), shipped(), hint='Give a name, a file or a run directory.')


def read_record(folder: str | Path) -> dict:
    """``model.json`` of a package folder, or of a shipped model by its name.

    Raises:
        CheckpointError: not a model record.
    """
    path = (MODELS_FOLDER / folder if str(folder) in shipped() else Path(folder)) / RECORD
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
        record['config']['data_preprocessor']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f'{path}: not a model record ({type(error).__name__}: {error}).') from error
    return record


def _load_package(folder: Path) -> ModelPackage:
    record = read_record(folder)
    try:
        with safe_open(folder / WEIGHTS, 'pt') as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f'{folder / WEIGHTS}: not readable ({error}).') from error
    mean = state.pop(MEAN, None)
    package = _assemble(record.get('name', folder.name), record['config'], state, folder / WEIGHTS)
    package.mean = None if mean is None else mean.numpy()
    package.threshold, package.threshold_source = record.get('threshold'), record.get('threshold_source', '')
    package.card = record.get('card', {})
    if record.get('fingerprint') != package.fingerprint:
        raise FingerprintError(
            f'{folder}: {RECORD} belongs to model {record.get("fingerprint")}, the weights are '
            f'{package.fingerprint}; take both from the same release.'
        )
    return package


def _load_run(folder: Path) -> ModelPackage:
    if (folder / 'model' / RECORD).is_file():
        return _load_package(folder / 'model')
    best = folder / 'best.pth'
    path = best if best.is_file() else files.latest(folder)
    if path is None:
        raise CheckpointError(f'{folder}: holds neither {RECORD} nor a checkpoint of a run.')
    package = _load_checkpoint(path)
    package.name = folder.name
    return package


def _load_checkpoint(path: Path) -> ModelPackage:
    checkpoint = files.load(path)
    config = checkpoint.get('meta', {}).get('model') if isinstance(checkpoint.get('meta'), dict) else None
    if config is None:
        raise CheckpointError(
            f'{path}: does not say which model it holds; only checkpoints written by svtoolkit '
            'do. Convert others first.'
        )
    state = {name: value for name, value in checkpoint['state_dict'].items() if not name.startswith('head.')}
    return _assemble(path.stem, config, state, path)


def _assemble(name: str, config: dict, state: dict[str, torch.Tensor], source: Path) -> ModelPackage:
    config = {**config, 'head': None}
    _refuse_foreign_types(config, source)
    model = MODELS.build(config)
    files.load_weights(model, state, source)
    return ModelPackage(name, config, model.eval())


def _refuse_foreign_types(value: object, source: Path) -> None:
    """A type may name a registered part only: mmengine would import any dotted path it is given."""
    if isinstance(value, dict):
        kind = value.get('type')
        if kind is not None and (not isinstance(kind, str) or kind not in MODELS):
            raise CheckpointError(
                f"{source}: its config asks for '{kind}', which is no part of svtoolkit or of an "
                'installed plug-in.'
            )
        for item in value.values():
            _refuse_foreign_types(item, source)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_foreign_types(item, source)
