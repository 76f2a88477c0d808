"""Key maps and configs of the Clova voxceleb_trainer: SE-ResNet-34 L ("fast") and V2 ("H / ASP"), VGGVox, RawNet3."""

from collections.abc import Sequence

from svtoolkit.errors import CheckpointError
from svtoolkit.zoo.front_ends import mel_front_end, waveform_front_end
from svtoolkit.zoo.key_map import batch_norm, weight_bias
from svtoolkit.zoo.recipe import Recipe, State, count, size

CLASSIFIER = '__L__.'


def clova(state: State, settings: dict) -> Recipe:
    """Recipe of a checkpoint of the trainer, or of the network in it; log-mel inputs, as its configs have them.

    Args:
        state: its weights, with or without the prefix ``__S__.``.
        settings: not needed.
    """
    prefix = '__S__.' if any(key.startswith('__S__.') for key in state) else ''
    net = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    if 'conv1.filterbank.low_hz_' in net:
        recipe = _rawnet3(net)
    elif 'netcnn.0.weight' in net:
        recipe = _vggvox(net)
    else:
        recipe = _resnet(net)
    keys = {prefix + key: ours for key, ours in recipe.keys.items()}
    ignored = (*(prefix + key for key in recipe.ignored), CLASSIFIER)
    return Recipe(recipe.architecture, recipe.front_end, recipe.network, keys, ignored)


def clova_keys(large: bool, blocks: Sequence[int] = (3, 4, 6, 3)) -> dict[str, str]:
    """Keys of ``models/ResNetSE34L.py`` or ``ResNetSE34V2.py``, in the source's order.

    Args:
        large: L, whose attention is one query vector; V2 has a small network.
        blocks: number of blocks of each stage.
    """
    keys = {'attention': 'neck.query'} if large else {}
    keys |= {'conv1.weight': 'backbone.conv1.weight'} if large else weight_bias('conv1', 'backbone.conv1')
    keys |= batch_norm('bn1', 'backbone.bn1')
    for stage, number in enumerate(blocks):
        for block in range(number):
            source, target = f'layer{stage + 1}.{block}', f'backbone.layers.{stage}.{block}'
            for conv in (1, 2):
                keys[f'{source}.conv{conv}.weight'] = f'{target}.conv{conv}.weight'
                keys |= batch_norm(f'{source}.bn{conv}', f'{target}.bn{conv}')
            keys |= weight_bias(f'{source}.se.fc.0', f'{target}.se.down')
            keys |= weight_bias(f'{source}.se.fc.2', f'{target}.se.up')
            if block == 0 and stage:
                keys[f'{source}.downsample.0.weight'] = f'{target}.downsample.0.weight'
                keys |= batch_norm(f'{source}.downsample.1', f'{target}.downsample.1')
    if large:
        keys |= weight_bias('sap_linear', 'neck.project')
    else:
        keys |= weight_bias('attention.0', 'neck.project') | batch_norm('attention.2', 'neck.act.1')
        keys |= weight_bias('attention.3', 'neck.score')
    return keys | weight_bias('fc', 'embedding.linear')


def vggvox_keys() -> dict[str, str]:
    """Keys of ``models/VGGVox.py`` with the encoder SAP, in the source's order."""
    keys = {'attention': 'neck.query'}
    for conv in (0, 4, 8, 11, 14, 18):
        keys |= weight_bias(f'netcnn.{conv}', f'backbone.layers.{conv}')
        keys |= batch_norm(f'netcnn.{conv + 1}', f'backbone.layers.{conv + 1}')
    return keys | weight_bias('sap_linear', 'neck.project') | weight_bias('fc', 'embedding.linear')


def rawnet3_keys(scale: int = 8) -> dict[str, str]:
    """Keys of ``models/RawNet3.py``, in the source's order; its ``bn1`` and ``bn6`` are never called.

    Args:
        scale: number of Res2 groups.
    """
    keys = weight_bias('preprocess.1', 'backbone.wave_norm')
    keys |= {f'conv1.filterbank.{edge}_hz_': f'backbone.sinc.{edge}_hz' for edge in ('low', 'band')}
    for number in (1, 2, 3):
        source, target = f'layer{number}', f'backbone.block{number}'
        keys |= weight_bias(f'{source}.conv1', f'{target}.tdnn1.conv')
        keys |= batch_norm(f'{source}.bn1', f'{target}.tdnn1.norm')
        for unit in range(scale - 1):
            keys |= weight_bias(f'{source}.convs.{unit}', f'{target}.res2.units.{unit}.conv')
        for unit in range(scale - 1):
            keys |= batch_norm(f'{source}.bns.{unit}', f'{target}.res2.units.{unit}.norm')
        keys |= weight_bias(f'{source}.conv3', f'{target}.tdnn2.conv')
        keys |= batch_norm(f'{source}.bn3', f'{target}.tdnn2.norm')
        keys[f'{source}.afms.alpha'] = f'{target}.scaling.alpha'
        keys |= weight_bias(f'{source}.afms.fc', f'{target}.scaling.fc')
        if number == 1:
            keys[f'{source}.residual.0.weight'] = f'{target}.shortcut.weight'
    keys |= weight_bias('layer4', 'backbone.merge.conv')
    keys |= weight_bias('attention.0', 'neck.project') | batch_norm('attention.2', 'neck.act.1')
    keys |= weight_bias('attention.3', 'neck.score')
    return keys | batch_norm('bn5', 'embedding.pre_norm') | weight_bias('fc6', 'embedding.linear')


def _resnet(net: State) -> Recipe:
    """SE-ResNet-34 L or V2; 40 mel bins where the file does not say how many."""
    large = 'attention' in net
    bank = next((value for key, value in net.items() if key.endswith('mel_scale.fb')), None)
    bins = 40 if bank is None else bank.shape[1]
    widths = [size(net, f'layer{stage}.0.conv1.weight') for stage in (1, 2, 3, 4)]
    blocks = [count(net, rf'layer{stage}\.(\d+)\.') for stage in (1, 2, 3, 4)]
    reduction = widths[0] // size(net, 'layer1.0.se.fc.0.weight')
    backbone = dict(type='ClovaResNet', widths=widths, blocks=blocks, se_reduction=reduction)
    width = size(net, 'sap_linear.weight' if large else 'attention.3.weight')
    stats = size(net, 'fc.weight', 1) == 2 * width
    if large:
        neck = dict(type='SelfAttentivePooling', attention_channels=None, stats=stats, variance_floor=1e-5)
    else:
        backbone |= dict(strides=(1, 2, 2, 2), stem='plain', pool_bins=False)
        neck = dict(type='AttentiveStatsPooling', act='relu_bn', stats=stats, variance_floor=1e-5)
        neck['attention_channels'] = size(net, 'attention.0.weight')
    front_end = mel_front_end('clova', bins, 'mean_std')
    if not large:
        front_end['feature']['preemphasis'] = 0.97
    return Recipe(
        f'ResNetSE34{"L" if large else "V2"}',
        front_end,
        dict(backbone=backbone, neck=neck, embedding=_linear(size(net, 'fc.weight'))),
        clova_keys(large, blocks),
        ('torchfb.', 'instancenorm.'),
    )


def _vggvox(net: State) -> Recipe:
    if 'sap_linear.weight' not in net:
        raise CheckpointError(
            'VGGVox with the encoder TAP or MAX: nothing in the weights tells one from the other.'
        )
    front_end = mel_front_end('clova', 40, 'mean_std')
    front_end['feature']['window'] = 'hann'
    neck = dict(type='SelfAttentivePooling', attention_channels=None)
    network = dict(backbone=dict(type='VGGVox40'), neck=neck, embedding=_linear(size(net, 'fc.weight')))
    return Recipe('VGGVox-40', front_end, network, vggvox_keys(), ('torchfb.', 'instancenorm.'))


def _rawnet3(net: State) -> Recipe:
    """RawNet3 with context and a stride of 10 samples, the only one that the trainer builds by default."""
    channels, scale = size(net, 'layer1.conv1.weight'), 1 + count(net, r'layer1\.convs\.(\d+)\.')
    width = size(net, 'layer4.weight')
    neck = dict(
        type='AttentiveStatsPooling',
        attention_channels=size(net, 'attention.0.weight'),
        act='relu_bn',
        context=size(net, 'attention.0.weight', 1) == 3 * width,
        shared=size(net, 'attention.3.weight') == 1,
        context_unbiased=True,
        context_floor=1e-4,
        variance_floor=1e-4,
        variance_ceiling=1e4,
    )
    return Recipe(
        'RawNet3',
        waveform_front_end(),
        dict(
            backbone=dict(type='RawNet3', channels=channels, out_channels=width, scale=scale),
            neck=neck,
            embedding=_linear(size(net, 'fc6.weight')) | dict(pre_norm='bn'),
        ),
        rawnet3_keys(scale),
        # Constants of pre-emphasis and filters, and two batch norms that are never called.
        (
            'preprocess.0.',
            'conv1.filterbank.window_',
            'conv1.filterbank.n_',
            'bn1.',
            'bn6.',
        ),
    )


def _linear(embed_dim: int) -> dict:
    return dict(type='EmbeddingLayer', embed_dim=embed_dim, norm='none')
