"""Make backends from configs and from the files they were saved to.

A config is a dict with ``type``, or a list of such dicts, which makes a ``Chain``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit.backends.base import Part
from svtoolkit.backends.chain import Chain
from svtoolkit.errors import ConfigError, unknown_name


def build(cfg: Mapping[str, Any] | Sequence[Mapping[str, Any]], registry: Mapping[str, type]) -> Any:
    """Build one part, or a chain of them.

    Args:
        cfg: ``dict(type='Cosine', centre=True)``, or a list of such for a chain.
        registry: name -> class; only its ``get`` is used.

    Raises:
        ConfigError: no ``type``, or arguments its constructor does not take.
        UnknownNameError: no such name.
    """
    if not isinstance(cfg, Mapping):
        return Chain([build(part, registry) for part in cfg])
    args = dict(cfg)
    if 'type' not in args:
        raise ConfigError(f"backend: {dict(cfg)} has no type; write dict(type='Cosine').")
    name = args.pop('type')
    cls = name if isinstance(name, type) else registry.get(name)
    if cls is None:
        raise unknown_name('backend', name, registry.keys())
    if issubclass(cls, Chain):
        return build(args['parts'], registry)
    try:
        return cls(**args)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'backend {cls.__name__}: {error}') from error


def load(path: str | Path, registry: Mapping[str, type]) -> Any:
    """Read a part that ``save`` wrote.

    Args:
        path: the ``.npz``.
        registry: name -> class, as in :func:`build`.

    Raises:
        ValueError: not such a file, or its arrays do not fit its config.
    """
    with np.load(path, allow_pickle=False) as data:
        if 'head' not in data.files:
            raise ValueError(f'{path}: not a saved backend.')
        head = json.loads(str(data['head']))
        state = {name.removeprefix('state.'): data[name] for name in data.files if name != 'head'}
    part: Part = build(head['config'], registry)
    part.fingerprint = head['fingerprint']
    return part.load_state(state)
