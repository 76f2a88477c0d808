"""Weights out of an ONNX graph: WeSpeaker's exports, whose batch norms are mostly melted into convolutions.

Its ResNets, ECAPA-TDNN, CAM++, Res2Net and ERes2Net come back whole; ReDimNet's matrices lose their names.

A tensor that kept its name is taken by it. A convolution that swallowed the batch norm behind it holds a
scaled weight and a bias under a number for a name: it is found by the scope of its node
(``/layer1/layer1.0/conv1/Conv``) or, for a ResNet, by its place in the graph, and the batch norm becomes one
that only adds that bias.
"""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from svtoolkit.errors import CheckpointError, MissingExtraError

NORM_EPS = 1e-5  # of the batch norms that are put back: a variance of 1 - eps leaves values as they are
# Convolution -> batch norm behind it; of the attention in ERes2Net, whose convolutions have biases of their own.
NORMS = {
    r'conv(\d|2_1)': r'bn\1',
    r'convs\.(\d+)': r'bns.\1',
    r'shortcut\.0': r'shortcut.1',
    r'local_att\.0': r'local_att.1',
    r'local_att\.3': r'local_att.4',
    r'(tdnn|dense)\.linear': r'\1.nonlinear.batchnorm',
    r'(tdnnd\d+)\.linear1': r'\1.nonlinear2.batchnorm',
    r'transit3\.linear': r'out_nonlinear.batchnorm',
}
NOT_AFFINE = 'dense.nonlinear.batchnorm'


def read_onnx(path: str | Path) -> tuple[dict[str, Tensor], np.ndarray | None]:
    """State dict of an exported network, and the mean that the graph subtracts from its embeddings.

    Raises:
        MissingExtraError: the package onnx is not installed.
        CheckpointError: not an ONNX file, or one whose convolutions cannot be told apart.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingExtraError('onnx', 'export') from error
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
        values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    except Exception as error:  # protobuf's own errors, missing external data
        raise CheckpointError(f'{path}: not a readable ONNX file ({type(error).__name__}).') from error
    mean = next((value for name, value in values.items() if name.split('.')[-1] == 'mean_vec'), None)
    state = {
        name.removeprefix('model.'): torch.from_numpy(value.copy())
        for name, value in values.items()
        if _is_name(name) and value.ndim and not name.endswith('mean_vec')
    }
    melted = []  # (module path by the node's scope, weight, bias), in the graph's order
    for node in graph.node:
        if node.op_type == 'Conv' and not _is_name(node.input[1]) and node.input[1] in values:
            bias = values.get(node.input[2]) if len(node.input) > 2 else None
            melted.append((_scope(node.name), values[node.input[1]], bias))
    names = [scope for scope, _, _ in melted if scope]
    if len(names) < len(melted):
        names = _resnet_names([weight.shape for _, weight, _ in melted], path)
    for name, (_, weight, bias) in zip(names, melted):
        state |= _unmelt(name, torch.from_numpy(weight.copy()), bias)
    return state, None if mean is None or not mean.any() else mean.astype(np.float32)


def _is_name(name: str) -> bool:
    return '.' in name and '::' not in name


def _scope(node: str) -> str | None:
    """Module path of a node name, '/layer1/layer1.0/conv1/Conv' -> 'layer1.0.conv1'."""
    parts = node.strip('/').split('/')[:-1]
    path: list[str] = []
    for part in parts:
        if path and part.startswith(path[-1] + '.'):
            path[-1] = part
        else:
            path.append(part)
    return '.'.join(path).removeprefix('model.') or None


def norm_behind(conv: str) -> str | None:
    """Name of the batch norm that stands behind a convolution; None where there is none."""
    for pattern, norm in NORMS.items():
        if found := re.search(rf'(^|\.){pattern}$', conv):
            return conv[: found.end(1)] + re.sub(pattern, norm, conv[found.end(1) :])
    return None


def _unmelt(name: str, weight: Tensor, bias: np.ndarray | None) -> dict[str, Tensor]:
    state = {f'{name}.weight': weight}
    if bias is None:
        return state
    norm, shift = norm_behind(name), torch.from_numpy(bias.copy())
    if norm is None:
        return state | {f'{name}.bias': shift}
    ones, zeros = torch.ones(len(weight)), torch.zeros(len(weight))
    if '.local_att.' in f'.{name}':
        state[f'{name}.bias'] = zeros
    if not norm.endswith(NOT_AFFINE):
        state |= {f'{norm}.weight': ones, f'{norm}.bias': zeros}
    return state | {f'{norm}.running_mean': -shift, f'{norm}.running_var': ones - NORM_EPS}


def _resnet_names(shapes: list[tuple[int, ...]], path: str | Path) -> list[str]:
    """Names of the convolutions of a ResNet in the order of its graph: blocks, each with its shortcut last."""
    fault = CheckpointError(
        f'{path}: its {len(shapes)} convolutions have neither names nor the order of a ResNet; '
        'convert the checkpoint it was exported from.'
    )
    if not shapes or shapes[0][1] != 1 or any(len(shape) != 4 for shape in shapes):
        raise fault
    body = [3, 3] if shapes[1][2] == 3 else [1, 3, 1]
    names, stage, block, width, at = ['conv1'], 1, 0, shapes[0][0], 1
    while at < len(shapes):
        if [shape[2] for shape in shapes[at : at + len(body)]] != body:
            raise fault
        if shapes[at][0] != width:
            stage, block, width = stage + 1, 0, shapes[at][0]
        names += [f'layer{stage}.{block}.conv{number + 1}' for number in range(len(body))]
        at += len(body)
        given = shapes[at - 1][0]
        # A shortcut follows a stage's first block; only there a 1x1 convolution comes from the block's input.
        takes = shapes[at - len(body)][1]
        if at < len(shapes) and block == 0 and shapes[at][2] == 1 and shapes[at][:2] == (given, takes):
            names.append(f'layer{stage}.{block}.shortcut.0')
            at += 1
        block += 1
    return names
