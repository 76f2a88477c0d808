"""Key map of the ResNets of WeSpeaker and 3D-Speaker; our backbone calls its layers as they do."""

from collections.abc import Sequence

from svtoolkit.zoo.key_map import batch_norm, weight_bias


def resnet_keys(
    blocks: Sequence[int] = (3, 4, 6, 3), bottleneck: bool = False, attentive: bool = False
) -> dict[str, str]:
    """Keys of a ResNet with statistics or attentive pooling and one embedding layer, in the source's order.

    Args:
        blocks: number of blocks of each stage.
        bottleneck: whether the blocks have three convolutions.
        attentive: whether the pooling has weights.
    """
    keys = _conv_norm('conv1', 'bn1')
    for stage, number in enumerate(blocks, start=1):
        for block in range(number):
            name = f'layer{stage}.{block}'
            for conv in (1, 2, 3) if bottleneck else (1, 2):
                keys |= _conv_norm(f'{name}.conv{conv}', f'{name}.bn{conv}')
            if block == 0 and (stage > 1 or bottleneck):
                keys |= _conv_norm(f'{name}.shortcut.0', f'{name}.shortcut.1')
    if attentive:
        keys |= weight_bias('pool.linear1', 'neck.project') | weight_bias('pool.linear2', 'neck.score')
    return keys | weight_bias('seg_1', 'embedding.linear')


def _conv_norm(conv: str, norm: str) -> dict[str, str]:
    return {f'{conv}.weight': f'backbone.{conv}.weight'} | batch_norm(norm, f'backbone.{norm}')
