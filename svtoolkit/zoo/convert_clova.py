"""Key map of the Clova voxceleb_trainer's SE-ResNet-34s, L ("fast") and V2 ("H / ASP")."""

from collections.abc import Sequence

from svtoolkit.zoo.key_map import batch_norm, weight_bias


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
