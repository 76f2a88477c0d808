"""The weights a run starts from: of another run, or of a published model; and how well they fit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError, list_faults

HEAD = 'head.'
SHOWN = 8  # unmatched tensors named in a message


@dataclass
class StartWeights:
    """A model to start from.

    Attributes:
        path: where it was read.
        state: name -> tensor, the head's included.
        config: of the recogniser; None if the file does not say.
        classes: name of each row of the head; empty if the file does not say.
        num_speeds: speed classes of each speaker; ``classes`` holds block after block.
    """

    path: Path
    state: dict[str, Tensor]
    config: dict | None
    classes: list[str]
    num_speeds: int = 1

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers at their own speed, in class order."""
        return self.classes[: len(self.classes) // self.num_speeds]

    def head_state(self) -> dict[str, Tensor]:
        """Tensors of the head, without their prefix."""
        return {n.removeprefix(HEAD): tensor for n, tensor in self.state.items() if n.startswith(HEAD)}


@dataclass
class Match:
    """How the tensors of a file and of a model meet, heads left out.

    Attributes:
        matched: same name and shape.
        missing: names of the model that the file lacks or shapes otherwise.
        unexpected: names of the file that the model lacks.
        backbone_share: share of the backbone's tensors that are matched.
    """

    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    backbone_share: float

    def text(self, path: str | Path, title: str) -> str:
        """Counts, and the first tensors that do not fit."""
        lines = [f'missing or of another shape: {name}' for name in self.missing]
        lines += [f'unexpected: {name}' for name in self.unexpected]
        counts = (
            f'{path}: {title}: {len(self.matched)} tensors matched ({100 * self.backbone_share:.0f} % of the '
            f'backbone), {len(self.missing)} missing, {len(self.unexpected)} unexpected'
        )
        return list_faults(counts, lines, SHOWN)


def read_start(path: str | Path) -> StartWeights:
    """Read a checkpoint of a run, a run folder, or the folder (or weight file) of a published model.

    Raises:
        CheckpointError: nothing there, or not a model.
    """
    path = Path(path)
    if path.is_dir():
        weights, best = path / 'model.safetensors', path / 'best.pth'
        found = weights if weights.is_file() else best if best.is_file() else files.latest(path)
        if found is None:
            raise CheckpointError(f'{path}: holds neither a published model nor a checkpoint of a run.')
        path = found
    if path.suffix == '.safetensors':
        return _read_package(path)
    return start_of(path, files.load(path))


def start_of(path: Path, checkpoint: dict) -> StartWeights:
    """What a loaded checkpoint of a run says of its model.

    Raises:
        CheckpointError: it holds no weights.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not state or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f'{path}: has no state_dict; it is not a checkpoint of a model.')
    meta = checkpoint.get('meta') or {}
    data = meta.get('dataset_meta') or {}
    classes = list(data.get('classes') or [])
    return StartWeights(path, state, meta.get('model'), classes, len(data.get('speed_factors') or [1]))


def match(model: nn.Module, state: Mapping[str, Tensor]) -> Match:
    """Compare a file's tensors with a model's by name and shape, heads left out."""
    own = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(HEAD)}
    given = {name: tensor for name, tensor in state.items() if not name.startswith(HEAD)}
    matched = [name for name in own if name in given and given[name].shape == own[name].shape]
    fits = set(matched)
    backbone = [name for name in own if name.startswith('backbone.')]
    share = sum(name in fits for name in backbone) / max(len(backbone), 1)
    return Match(
        matched,
        [name for name in own if name not in fits],
        [name for name in given if name not in own],
        share,
    )


def _read_package(path: Path) -> StartWeights:
    record = path.with_name('model.json')
    try:
        config = json.loads(record.read_text(encoding='utf-8'))['config']
        state = load_file(path)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f'{path}: not a published model ({type(error).__name__}: {error}).') from error
    return StartWeights(path, {n: t for n, t in state.items() if not n.startswith('scoring.')}, config, [])
