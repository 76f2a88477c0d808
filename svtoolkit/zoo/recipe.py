"""What a converter has to know about a foreign checkpoint: our config for it, and its key map."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from svtoolkit.errors import CheckpointError

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Recipe:
    """How one checkpoint becomes one of our models.

    Attributes:
        architecture: name for people, such as ``ECAPA-TDNN c512``.
        front_end: config of the ``SpeakerPreprocessor`` that gives the features of the source.
        network: configs ``backbone``, ``neck`` and ``embedding`` (None for none), and ``windows`` where it has some.
        keys: key of the source -> key of the model, in the source's order.
        ignored: beginnings of source keys that are no part of the embedder (front end, classifier).
    """

    architecture: str
    front_end: dict
    network: dict
    keys: Mapping[str, str]
    ignored: tuple[str, ...] = ()

    @property
    def config(self) -> dict:
        """Config of the ``EmbeddingRecognizer``."""
        return dict(type='EmbeddingRecognizer', data_preprocessor=self.front_end, **self.network, head=None)


def size(state: State, key: str, axis: int = 0) -> int:
    """Length of one axis of a source tensor.

    Raises:
        CheckpointError: the source has no such tensor, or one with fewer axes.
    """
    if key not in state:
        raise CheckpointError(f'missing: {key}; the weights are not of the layout they were said to be of.')
    if axis >= state[key].ndim:
        raise CheckpointError(f'{key} has shape {list(state[key].shape)}; more axes are needed.')
    return state[key].shape[axis]


def count(state: Iterable[str], pattern: str) -> int:
    """How many different strings the one group of ``pattern`` takes at the start of the keys."""
    return len({found[1] for key in state if (found := re.match(pattern, key))})


def map_one_by_one(state: State, rename) -> dict[str, str]:
    """Key map of a function that renames a whole state dict; keys it leaves out are left out."""
    keys = {}
    for key, value in state.items():
        for ours in rename({key: value}):
            keys[key] = ours
    return keys
