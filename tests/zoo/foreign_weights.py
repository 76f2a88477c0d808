"""Checkpoints as other toolkits write them, filled by formula, for tests of the converters.

The golden values of these tests were computed once by the original classes, front end included, whose state
dicts were filled in their own order by the same formula and which embedded the same signal.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from svtoolkit.registry import MODELS
from svtoolkit.zoo.convert import convert
from svtoolkit.zoo.package import ModelPackage

KEYS = Path(__file__).parent / 'published_keys'


def golden_signal() -> Tensor:
    """32,240 samples of tones and a chirp, [1, T]."""
    t = np.arange(32240) / 16000
    wave = 0.5 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 5000 * t**2)
    wave += 0.3 * np.sin(2 * np.pi * 1234.5 * t + 0.5) * np.cos(2 * np.pi * 3 * t)
    return torch.from_numpy(wave.astype(np.float32))[None]


def made_up(key: str, shape: tuple[int, ...], k: int) -> Tensor:
    """Values of the source's floating-point tensor number k."""
    i = np.arange(math.prod(shape), dtype=np.float64)
    if key.endswith('running_var'):
        values = 1 + 0.5 * np.sin(0.37 * i + k)
    elif key.endswith('running_mean'):
        values = 0.1 * np.sin(0.53 * i + k)
    elif len(shape) == 1:
        values = 1 + 0.2 * np.sin(0.71 * i + k) if key.endswith('weight') else 0.05 * np.sin(0.29 * i + k)
    else:
        fan_in = math.prod(shape[1:])
        values = math.sqrt(2 / fan_in) * np.sin(0.9 * i + 0.013 * i * np.sin(0.001 * i) + k)
    return torch.from_numpy(values.astype(np.float32)).view(shape)


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """State dict with these shapes; a counter of a batch norm has the shape ()."""
    state, k = {}, 0
    for key, shape in shapes.items():
        if key.endswith('num_batches_tracked'):
            state[key] = torch.tensor(0)
            continue
        state[key] = made_up(key, shape, k)
        k += 1
    return state


def by_key_map(keys: dict[str, str], network: dict, **shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """State dict under the source's names for a network of ours; ``shapes`` where the source's differ."""
    with torch.device('meta'):
        own = MODELS.build(dict(type='EmbeddingRecognizer', **network)).state_dict()
    return filled({theirs: shapes.get(theirs, tuple(own[ours].shape)) for theirs, ours in keys.items()})


def by_list(name: str) -> dict[str, Tensor]:
    """State dict with the names and shapes of ``published_keys/<name>.txt``, noted from the original class."""
    shapes = {}
    for line in (KEYS / f'{name}.txt').read_text().splitlines():
        key, _, shape = line.partition(' ')
        shapes[key] = tuple(int(size) for size in shape.split(',') if size)
    return filled(shapes)


def converted(content: dict, source: str, folder: Path) -> ModelPackage:
    """What ``convert`` makes of a checkpoint with this content."""
    path = folder / 'weights.pt'
    torch.save(content, path)
    return convert(path, source)


def embedding(package: ModelPackage) -> Tensor:
    """Embedding of the golden signal, [D]."""
    with torch.no_grad():
        return package.model.embed(golden_signal())[0]
