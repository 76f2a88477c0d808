"""The fingerprint of a model: what embeddings, cohorts, calibrations and thresholds must share to meet."""

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor


def fingerprint(state: Mapping[str, Tensor], config: Mapping) -> str:
    """First 16 hex digits of SHA-256 over weights, front end and windows: what makes an embedding.

    Args:
        state: tensors of the model; those of a head do not count.
        config: of the model; augmentation in its preprocessor does not count.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        if not name.startswith('head.'):
            tensor = state[name].detach().cpu().contiguous()
            digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    front_end = {
        key: value
        for key, value in config['data_preprocessor'].items()
        if key not in ('augment', 'non_blocking')
    }
    if config.get('windows'):
        front_end['windows'] = config['windows']
    digest.update(json.dumps(front_end, sort_keys=True, default=list).encode())
    return digest.hexdigest()[:16]
