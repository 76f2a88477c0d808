"""Weights out of ONNX graphs whose batch norms were melted into the convolutions."""

import numpy as np
import pytest
import torch
from foreign_weights import by_key_map, converted, embedding

from svtoolkit.errors import CheckpointError
from svtoolkit.zoo.convert import convert
from svtoolkit.zoo.convert_onnx import NORMS
from svtoolkit.zoo.convert_resnet import resnet_keys

onnx = pytest.importorskip('onnx')

BLOCKS = (2, 1, 1, 1)
WIDTHS = (4, 8, 16, 32)


def checkpoint(block):
    backbone = dict(type='ResNet', block=block, blocks=BLOCKS, widths=WIDTHS)
    network = dict(
        data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Fbank')),
        backbone=backbone,
        neck=dict(type='StatsPooling'),
        embedding=dict(embed_dim=12, norm='none'),
    )
    return by_key_map(resnet_keys(BLOCKS, block == 'bottleneck'), network)


def scope(name):
    """'layer1.0.shortcut.0' -> '/model/layer1/layer1.0/shortcut/shortcut.0/Conv', as torch.onnx names nodes."""
    parts = name.split('.')
    if len(parts) == 1:
        return f'/model/{name}/Conv'
    path = f'/model/{parts[0]}/{parts[0]}.{parts[1]}/{parts[2]}'
    return path + (f'/{parts[2]}.{parts[3]}' if len(parts) > 3 else '') + '/Conv'


def write(path, state, scopes, mean=None):
    """The graph of torch's exporter, as far as weights go: every convolution has swallowed its norm."""
    values = {f'model.{key}': value.numpy() for key, value in state.items() if key.startswith('seg_1')}
    nodes, number = [], 100
    for key in state:
        name = key.removesuffix('.weight')
        ending = next((ending for ending in NORMS if name.endswith(ending)), None)
        if ending is None or not key.endswith('.weight'):
            continue
        norm = name.removesuffix(ending) + NORMS[ending]
        gain = state[f'{norm}.weight'] / (state[f'{norm}.running_var'] + 1e-5).sqrt()
        values[f'onnx::Conv_{number}'] = (state[key] * gain.view(-1, 1, 1, 1)).numpy()
        values[f'onnx::Conv_{number + 1}'] = (
            state[f'{norm}.bias'] - state[f'{norm}.running_mean'] * gain
        ).numpy()
        inputs = ['x', f'onnx::Conv_{number}', f'onnx::Conv_{number + 1}']
        node_name = scope(name) if scopes else f'Conv_{number}'
        nodes.append(onnx.helper.make_node('Conv', inputs, [f'y{number}'], name=node_name))
        number += 2
    values['mean_vec'] = np.zeros(12, np.float32) if mean is None else mean
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = onnx.helper.make_graph(nodes, 'network', [], [], tensors)
    onnx.save(onnx.helper.make_model(graph), str(path))


@pytest.mark.parametrize('scopes', [True, False], ids=['by scope', 'by order'])
@pytest.mark.parametrize('block', ['basic', 'bottleneck'])
def test_export_gives_the_embedding_of_its_checkpoint(block, scopes, tmp_path):
    state = checkpoint(block)
    write(tmp_path / 'model.onnx', state, scopes)
    package = convert(tmp_path / 'model.onnx', 'wespeaker')
    assert package.mean is None
    expected = embedding(converted(state, 'wespeaker', tmp_path))
    torch.testing.assert_close(
        embedding(package) / expected.norm(), expected / expected.norm(), atol=2e-5, rtol=0
    )


def test_mean_of_the_graph_becomes_the_mean_of_the_model(tmp_path):
    mean = np.linspace(0, 1, 12, dtype=np.float32)
    write(tmp_path / 'model.onnx', checkpoint('basic'), True, mean)
    np.testing.assert_array_equal(convert(tmp_path / 'model.onnx', 'wespeaker').mean, mean)


def test_graph_in_another_order_is_refused(tmp_path):
    state = checkpoint('basic')
    keys = [key for key in state if not key.startswith('layer2.0.shortcut')]
    moved = {
        key: state[key] for key in [*(key for key in state if key.startswith('layer2.0.shortcut')), *keys]
    }
    write(tmp_path / 'model.onnx', moved, False)
    with pytest.raises(CheckpointError, match='neither names nor the order of a ResNet'):
        convert(tmp_path / 'model.onnx', 'wespeaker')
