"""Renaming the weights of another toolkit: key maps, and the strict step from its state dict to ours.

A key map is a dict from the source's key to ours, in the order of the source's state dict. Ours are the
keys of an ``EmbeddingRecognizer``: ``backbone.…``, ``neck.…``, ``embedding.…``.
"""

from collections.abc import Mapping

from torch import Tensor

from svtoolkit.errors import CheckpointError, list_faults


def weight_bias(source: str, target: str) -> dict[str, str]:
    """Keys of a layer with weight and bias."""
    return {f'{source}.{name}': f'{target}.{name}' for name in ('weight', 'bias')}


def batch_norm(source: str, target: str, affine: bool = True) -> dict[str, str]:
    """Keys of a batch norm, its counter included."""
    names = ['running_mean', 'running_var', 'num_batches_tracked']
    if affine:
        names = ['weight', 'bias', *names]
    return {f'{source}.{name}': f'{target}.{name}' for name in names}


def rename_weights(
    source: Mapping[str, Tensor], keys: Mapping[str, str], target: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """State dict under our names and in our shapes.

    Axes of size one may come and go (a linear layer of theirs can be a 1x1 convolution of ours); any
    other difference is a fault.

    Args:
        source: the other toolkit's state dict, without its front end and classifier.
        keys: its key map.
        target: the state dict of the model that will load the result.

    Raises:
        CheckpointError: keys are missing or left over on either side, or shapes differ; lists them all.
    """
    faults = [f'missing: {key}' for key in keys if key not in source]
    faults += [f'unexpected: {key}' for key in source if key not in keys]
    faults += [f'not filled: {key} of the model' for key in target if key not in set(keys.values())]
    renamed = {}
    for key, ours in keys.items():
        if key not in source:
            continue
        if ours not in target:
            faults.append(f'{key}: the model has no {ours}')
        elif _core(source[key]) != _core(target[ours]):
            faults.append(f'{key}: shape {list(source[key].shape)}, {ours} has {list(target[ours].shape)}')
        else:
            renamed[ours] = source[key].reshape(target[ours].shape)
    if faults:
        raise CheckpointError(list_faults('the weights do not fit the model:', faults))
    return renamed


def _core(tensor: Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]
