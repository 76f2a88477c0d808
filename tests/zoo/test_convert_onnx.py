"""Weights out of ONNX graphs whose batch norms were melted into the convolutions."""

import numpy as np
import pytest
import torch
from foreign_weights import by_key_map, converted, embedding

from svtoolkit.errors import CheckpointError
from svtoolkit.zoo.convert import convert
from svtoolkit.zoo.convert_campplus import campplus_keys
from svtoolkit.zoo.convert_onnx import norm_behind
from svtoolkit.zoo.convert_res2net import res2net_keys, wespeaker_eres2net_keys
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
    path = []
    for part in name.split('.'):
        path.append(f'{path[-1]}.{part}' if part.isdigit() else part)
    return f'/model/{"/".join(path)}/Conv'


def write(path, state, scopes, mean_vec=None):
    """The graph of torch's exporter, as far as weights go: every convolution has swallowed its norm."""
    values = {f'model.{key}': value.numpy() for key, value in state.items()}
    nodes, number = [], 100
    for key in state:
        name = key.removesuffix('.weight')
        norm = norm_behind(name)
        if norm is None or not key.endswith('.weight'):
            continue
        mean, var = values.pop(f'model.{norm}.running_mean'), values.pop(f'model.{norm}.running_var')
        gain = values.pop(f'model.{norm}.weight', 1) / np.sqrt(var + 1e-5)
        own = values.pop(f'model.{name}.bias', 0)
        weight = values.pop(f'model.{key}')
        values[f'onnx::Conv_{number}'] = weight * gain.reshape(-1, *[1] * (weight.ndim - 1))
        values[f'onnx::Conv_{number + 1}'] = values.pop(f'model.{norm}.bias', 0) + (own - mean) * gain
        inputs = ['x', f'onnx::Conv_{number}', f'onnx::Conv_{number + 1}']
        node_name = scope(name) if scopes else f'Conv_{number}'
        nodes.append(onnx.helper.make_node('Conv', inputs, [f'y{number}'], name=node_name))
        number += 2
    values['mean_vec'] = np.zeros(12, np.float32) if mean_vec is None else mean_vec
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


FRONT_END = dict(type='SpeakerPreprocessor', feature=dict(type='Fbank'))
OTHERS = {
    'campplus': (
        campplus_keys((2, 1, 1)),
        dict(type='CAMPPlus', head_channels=4, stem_channels=16, layers=(2, 1, 1), growth=4),
        dict(embed_dim=12, bias=False, norm_affine=False),
    ),
    'res2net': (
        res2net_keys(BLOCKS),
        dict(type='Res2Net', width=4, blocks=BLOCKS),
        dict(embed_dim=12, norm='none'),
    ),
    'eres2net': (
        wespeaker_eres2net_keys(BLOCKS),
        dict(type='ERes2Net', width=4, blocks=BLOCKS, base_width=32),
        dict(embed_dim=12, norm='none'),
    ),
}


@pytest.mark.parametrize('name', OTHERS)
def test_exports_of_other_networks_give_the_embedding_of_their_checkpoint(name, tmp_path):
    keys, backbone, layer = OTHERS[name]
    network = dict(
        data_preprocessor=FRONT_END, backbone=backbone, neck=dict(type='StatsPooling'), embedding=layer
    )
    state = by_key_map(keys, network)
    write(tmp_path / 'model.onnx', state, True)
    expected = embedding(converted(state, 'wespeaker', tmp_path))
    found = embedding(convert(tmp_path / 'model.onnx', 'wespeaker'))
    torch.testing.assert_close(found / expected.norm(), expected / expected.norm(), atol=2e-5, rtol=0)


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
