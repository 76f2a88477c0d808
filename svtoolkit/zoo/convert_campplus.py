"""Key map of CAM++ checkpoints (3D-Speaker and WeSpeaker, which call the layers alike) to our recogniser."""

from collections.abc import Sequence

from svtoolkit.zoo.key_map import batch_norm, weight_bias


def campplus_keys(layers: Sequence[int] = (12, 24, 16)) -> dict[str, str]:
    """Keys of CAM++; its 1-D convolutions are pictures of height 1 here.

    Goes with ``StatsPooling(unbiased=True)`` and ``EmbeddingLayer(bias=False, norm_affine=False)``.

    Args:
        layers: number of dense layers of each block.
    """
    keys = _conv_norm('head.conv1', 'head.bn1', 'backbone.head.conv1', 'backbone.head.bn1')
    for index in range(4):
        keys |= _head_block(f'head.layer{index // 2 + 1}.{index % 2}', f'backbone.head.blocks.{index}')
    keys |= _conv_norm('head.conv2', 'head.bn2', 'backbone.head.conv2', 'backbone.head.bn2')
    tdnn = 'xvector.tdnn'
    keys |= _conv_norm(
        f'{tdnn}.linear', f'{tdnn}.nonlinear.batchnorm', 'backbone.stem_conv', 'backbone.stem_norm'
    )
    for block, count in enumerate(layers):
        for layer in range(count):
            keys |= _dense_layer(
                f'xvector.block{block + 1}.tdnnd{layer + 1}', f'backbone.blocks.{block}.layers.{layer}'
            )
        keys |= _norm_conv(f'xvector.transit{block + 1}', '', f'backbone.blocks.{block}.transit')
    keys |= batch_norm('xvector.out_nonlinear.batchnorm', 'backbone.out_norm')
    keys['xvector.dense.linear.weight'] = 'embedding.linear.weight'
    return keys | batch_norm('xvector.dense.nonlinear.batchnorm', 'embedding.norm', affine=False)


def _head_block(source: str, target: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    for number in (1, 2):
        conv, norm = f'conv{number}', f'bn{number}'
        keys |= _conv_norm(f'{source}.{conv}', f'{source}.{norm}', f'{target}.{conv}', f'{target}.{norm}')
    if source.endswith('.0'):  # the block that halves frequency
        keys |= _conv_norm(
            f'{source}.shortcut.0', f'{source}.shortcut.1', f'{target}.shortcut.0', f'{target}.shortcut.1'
        )
    return keys


def _dense_layer(source: str, target: str) -> dict[str, str]:
    keys = _norm_conv(source, '1', f'{target}.bottleneck')
    keys |= batch_norm(f'{source}.nonlinear2.batchnorm', f'{target}.norm')
    keys[f'{source}.cam_layer.linear_local.weight'] = f'{target}.conv.weight'
    keys |= weight_bias(f'{source}.cam_layer.linear1', f'{target}.mask.down')
    return keys | weight_bias(f'{source}.cam_layer.linear2', f'{target}.mask.up')


def _norm_conv(source: str, number: str, target: str) -> dict[str, str]:
    keys = batch_norm(f'{source}.nonlinear{number}.batchnorm', f'{target}.norm')
    keys[f'{source}.linear{number}.weight'] = f'{target}.conv.weight'
    return keys


def _conv_norm(conv: str, norm: str, target_conv: str, target_norm: str) -> dict[str, str]:
    return {f'{conv}.weight': f'{target_conv}.weight'} | batch_norm(norm, target_norm)
