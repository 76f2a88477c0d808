"""Key maps of Res2Net, ERes2Net and ERes2NetV2 checkpoints (3D-Speaker, WeSpeaker) to our recogniser.

Both toolkits call the layers alike, but for ERes2Net's fusing blocks. The embedding is one linear layer
(``two_emb_layer`` off) behind ``StatsPooling(unbiased=True)``: ``EmbeddingLayer(norm='none')``.
"""

from collections.abc import Sequence

from svtoolkit.zoo.key_map import batch_norm, weight_bias

BLOCKS = (3, 4, 6, 3)


def res2net_keys(blocks: Sequence[int] = BLOCKS, scale: int = 2) -> dict[str, str]:
    """Keys of the Res2Net of both toolkits.

    Args:
        blocks: number of blocks of each stage.
        scale: number of Res2 groups.
    """
    keys = _stem()
    for stage, count in enumerate(blocks):
        for block in range(count):
            keys |= _block(stage, block, list(range(scale - 1)))
    return keys | _embedding()


def eres2net_keys(blocks: Sequence[int] = BLOCKS, scale: int = 2) -> dict[str, str]:
    """Keys of 3D-Speaker's ERes2Net, base, large or huge.

    Args:
        blocks: number of blocks of each stage.
        scale: number of Res2 groups.
    """
    return _eres2net(blocks, scale, False)


def wespeaker_eres2net_keys(blocks: Sequence[int] = BLOCKS, scale: int = 2) -> dict[str, str]:
    """Keys of WeSpeaker's ERes2Net, whose fusing blocks keep their first unit apart.

    Args:
        blocks: number of blocks of each stage.
        scale: number of Res2 groups.
    """
    return _eres2net(blocks, scale, True)


def eres2netv2_keys(blocks: Sequence[int] = BLOCKS, scale: int = 2) -> dict[str, str]:
    """Keys of 3D-Speaker's ERes2NetV2.

    Args:
        blocks: number of blocks of each stage.
        scale: number of Res2 groups.
    """
    keys = _fusing_trunk(blocks, scale, False)
    keys['layer3_ds.weight'] = 'backbone.downsamples.3.weight'
    return keys | _fusion('fuse34', 'backbone.fusions.3') | _embedding()


def _eres2net(blocks: Sequence[int], scale: int, first_apart: bool) -> dict[str, str]:
    keys = _fusing_trunk(blocks, scale, first_apart)
    stages = range(1, len(blocks))
    for stage in stages:
        keys[f'layer{stage}_downsample.weight'] = f'backbone.downsamples.{stage}.weight'
    for stage in stages:  # named after the stages they have merged: fuse_mode12, fuse_mode123, ...
        merged = ''.join(str(number + 1) for number in range(stage + 1))
        keys |= _fusion(f'fuse_mode{merged}', f'backbone.fusions.{stage}')
    return keys | _embedding()


def _fusing_trunk(blocks: Sequence[int], scale: int, first_apart: bool) -> dict[str, str]:
    keys = _stem()
    units = list(range(scale))
    for stage, count in enumerate(blocks):
        for block in range(count):
            fuses = stage >= 2
            keys |= _block(stage, block, units, units[1:] if fuses else [], first_apart and fuses)
    return keys


def _block(
    stage: int, block: int, units: list[int], fusing: Sequence[int] = (), first_apart: bool = False
) -> dict[str, str]:
    source, target = f'layer{stage + 1}.{block}', f'backbone.stages.{stage}.{block}'
    keys = _conv_norm(source, target, 'conv1', 'bn1')
    shift = 0
    if first_apart:
        keys[f'{source}.conv2_1.weight'] = f'{target}.convs.0.weight'
        keys |= batch_norm(f'{source}.bn2_1', f'{target}.bns.0')
        units, shift = units[1:], 1
    for unit in units:
        keys[f'{source}.convs.{unit - shift}.weight'] = f'{target}.convs.{unit}.weight'
    for unit in units:
        keys |= batch_norm(f'{source}.bns.{unit - shift}', f'{target}.bns.{unit}')
    for unit in fusing:
        keys |= _fusion(f'{source}.fuse_models.{unit - 1}', f'{target}.fusions.{unit}')
    keys |= _conv_norm(source, target, 'conv3', 'bn3')
    return keys if block else keys | _conv_norm(source, target, 'shortcut.0', 'shortcut.1')


def _conv_norm(source: str, target: str, conv: str, norm: str) -> dict[str, str]:
    return {f'{source}.{conv}.weight': f'{target}.{conv}.weight'} | batch_norm(
        f'{source}.{norm}', f'{target}.{norm}'
    )


def _fusion(source: str, target: str) -> dict[str, str]:
    keys: dict[str, str] = {}
    for layer, kind in ((0, weight_bias), (1, batch_norm), (3, weight_bias), (4, batch_norm)):
        keys |= kind(f'{source}.local_att.{layer}', f'{target}.attention.{layer}')
    return keys


def _stem() -> dict[str, str]:
    return {'conv1.weight': 'backbone.conv1.weight'} | batch_norm('bn1', 'backbone.bn1')


def _embedding() -> dict[str, str]:
    return weight_bias('seg_1', 'embedding.linear')
