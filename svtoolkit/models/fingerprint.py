"""The fingerprint of a model: what embeddings, cohorts, calibrations and thresholds must share to meet."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from torch import Tensor


def fingerprint(
    state: Mapping[str, Tensor], front_end: Mapping, postprocessing: np.ndarray | None = None
) -> str:
    """First 16 hex digits of SHA-256 over weights, front end and what is done to the embedding.

    Args:
        state: tensors of the model; those of a head do not count.
        front_end: config of the preprocessor; augmentation does not count.
        postprocessing: vector that is subtracted from every embedding, [D]; None for none.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        if not name.startswith('head.'):
            tensor = state[name].detach().cpu().contiguous()
            digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}\n'.encode())
            digest.update(tensor.numpy().tobytes())
    front_end = {key: value for key, value in front_end.items() if key not in ('augment', 'non_blocking')}
    digest.update(json.dumps(front_end, sort_keys=True, default=list).encode())
    if postprocessing is not None:
        digest.update(np.ascontiguousarray(postprocessing, dtype='<f4').tobytes())
    return digest.hexdigest()[:16]
