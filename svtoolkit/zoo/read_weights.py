"""Reading foreign weight files without running anything in them: tensors and settings come out, or an error."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError

# Where toolkits keep the weights in a checkpoint; tried in this order, level by level.
NESTS = (
    'state_dict',
    'model_state_dict',
    'model_state',
    'encoder_state_dict',
    'embedding_model',
    'model',
)
WRAPPERS = ('module.', '_orig_mod.')  # of DataParallel and torch.compile
MAX_NEMO_BYTES = 4 * 2**30


@dataclass
class Weights:
    """Contents of a weight file.

    Attributes:
        state: tensors by the source's names, without the wrappers of parallel training.
        settings: what the file says about its own network; empty if it says nothing.
        mean: [D] float32 that the file's own network subtracts from its embeddings, or None.
    """

    state: dict[str, Tensor]
    settings: dict = field(default_factory=dict)
    mean: np.ndarray | None = None


def read_weights(path: str | Path) -> Weights:
    """Read a ``.safetensors``, ``.onnx``, ``.nemo`` or torch file.

    Torch files are read with ``weights_only``; a ``.nemo`` is a tar of a YAML file and such a torch file.

    Raises:
        CheckpointError: damaged, without tensors, or one that would have to be unpickled.
        MissingExtraError: an ``.onnx`` file without the package onnx.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'{path}: no such weight file.')
    if path.suffix == '.onnx':
        from svtoolkit.zoo.convert_onnx import read_onnx

        state, mean = read_onnx(path)
        return Weights(state, mean=mean)
    if path.suffix == '.safetensors':
        try:
            return Weights(_unwrap(load_file(path), path))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f'{path}: not readable ({error}).') from error
    if path.suffix == '.nemo':
        return _read_nemo(path)
    checkpoint = files.load(path)
    settings = checkpoint.get('model_config')
    return Weights(_unwrap(checkpoint, path), dict(settings) if isinstance(settings, Mapping) else {})


def _unwrap(checkpoint: Mapping, path: Path) -> dict[str, Tensor]:
    while not any(isinstance(value, Tensor) for value in checkpoint.values()):
        nest = next((name for name in NESTS if isinstance(checkpoint.get(name), Mapping)), None)
        if nest is None:
            raise CheckpointError(
                f'{path}: holds no weights; its keys are {", ".join(map(str, list(checkpoint)[:8])) or "none"}.'
            )
        checkpoint = checkpoint[nest]
    state = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor)}
    for wrapper in WRAPPERS:
        if all(key.startswith(wrapper) for key in state):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    return state


def _read_nemo(path: Path) -> Weights:
    """Weights and settings of NeMo's archive; nothing is unpacked to disk."""
    import yaml

    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive if member.isfile()}
            config = _content(archive, members['model_config.yaml'])
            weights = members['model_weights.ckpt']
            if weights.size > MAX_NEMO_BYTES:
                raise CheckpointError(
                    f'{path}: {weights.size} bytes of weights are more than a speaker model has.'
                )
            content = _content(archive, weights)
    except KeyError as error:
        raise CheckpointError(
            f'{path}: has no {error.args[0]}; a .nemo file is a tar that holds it.'
        ) from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CheckpointError(f'{path}: not a readable .nemo archive ({error}).') from error
    try:
        settings = yaml.safe_load(config)
    except yaml.YAMLError as error:
        raise CheckpointError(f'{path}: model_config.yaml is not plain YAML ({error}).') from error
    try:
        state = torch.load(io.BytesIO(content), map_location='cpu', weights_only=True)
    except Exception as error:  # whatever torch's reader trips over in a foreign file
        raise CheckpointError(
            f'{path}: model_weights.ckpt refused: it holds more than tensors or is damaged '
            f'({type(error).__name__}).'
        ) from error
    return Weights(_unwrap(state, path), settings if isinstance(settings, dict) else {})


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b'' if file is None else file.read()
