"""Key maps of ECAPA-TDNN checkpoints: TaoRuijie, SpeechBrain and WeSpeaker to our recogniser."""

from svtoolkit.zoo.key_map import batch_norm, weight_bias


def tao_keys(num_blocks: int = 3, scale: int = 8) -> dict[str, str]:
    """Keys of TaoRuijie's network, and of the projects built on it.

    Its checkpoints put ``speaker_encoder.`` before every key, keep the classifier in
    ``speaker_loss.weight``, and hold the front end's buffers under ``torchfbank.``.

    Args:
        num_blocks: number of SE-Res2 blocks.
        scale: number of Res2 groups.
    """
    keys = weight_bias('conv1', 'backbone.stem.conv') | batch_norm('bn1', 'backbone.stem.norm')
    for index in range(num_blocks):
        source, target = f'layer{index + 1}', f'backbone.blocks.{index}'
        keys |= weight_bias(f'{source}.conv1', f'{target}.tdnn1.conv')
        keys |= batch_norm(f'{source}.bn1', f'{target}.tdnn1.norm')
        keys |= _units(f'{source}.convs', f'{source}.bns', f'{target}.res2.units', scale - 1)
        keys |= weight_bias(f'{source}.conv3', f'{target}.tdnn2.conv')
        keys |= batch_norm(f'{source}.bn3', f'{target}.tdnn2.norm')
        keys |= weight_bias(f'{source}.se.se.1', f'{target}.se.down')
        keys |= weight_bias(f'{source}.se.se.3', f'{target}.se.up')
    keys |= weight_bias(f'layer{num_blocks + 1}', 'backbone.mfa.conv')
    keys |= weight_bias('attention.0', 'neck.project') | batch_norm('attention.2', 'neck.act.1')
    keys |= weight_bias('attention.4', 'neck.score')
    keys |= batch_norm('bn5', 'embedding.pre_norm') | weight_bias('fc6', 'embedding.linear')
    return keys | batch_norm('bn6', 'embedding.norm')


def speechbrain_keys(num_blocks: int = 3, scale: int = 8) -> dict[str, str]:
    """Keys of SpeechBrain's network (``embedding_model.ckpt``); its ``fc`` is a 1x1 convolution.

    Args:
        num_blocks: number of SE-Res2 blocks.
        scale: number of Res2 groups.
    """
    keys = _speechbrain_unit('blocks.0', 'backbone.stem')
    for index in range(num_blocks):
        source, target = f'blocks.{index + 1}', f'backbone.blocks.{index}'
        keys |= _speechbrain_unit(f'{source}.tdnn1', f'{target}.tdnn1')
        for unit in range(scale - 1):
            keys |= _speechbrain_unit(f'{source}.res2net_block.blocks.{unit}', f'{target}.res2.units.{unit}')
        keys |= _speechbrain_unit(f'{source}.tdnn2', f'{target}.tdnn2')
        keys |= weight_bias(f'{source}.se_block.conv1.conv', f'{target}.se.down')
        keys |= weight_bias(f'{source}.se_block.conv2.conv', f'{target}.se.up')
    keys |= _speechbrain_unit('mfa', 'backbone.mfa')
    keys |= weight_bias('asp.tdnn.conv.conv', 'neck.project')
    keys |= batch_norm('asp.tdnn.norm.norm', 'neck.act.1')
    keys |= weight_bias('asp.conv.conv', 'neck.score')
    return keys | batch_norm('asp_bn.norm', 'embedding.pre_norm') | weight_bias('fc.conv', 'embedding.linear')


def wespeaker_keys(num_blocks: int = 3, scale: int = 8, emb_bn: bool = False) -> dict[str, str]:
    """Keys of WeSpeaker's network; its gates are linear layers.

    Args:
        num_blocks: number of SE-Res2 blocks.
        scale: number of Res2 groups.
        emb_bn: whether a batch norm follows the embedding (``EmbeddingLayer(norm='bn')``).
    """
    keys = weight_bias('layer1.conv', 'backbone.stem.conv') | batch_norm('layer1.bn', 'backbone.stem.norm')
    for index in range(num_blocks):
        source, target = f'layer{index + 2}.se_res2block', f'backbone.blocks.{index}'
        keys |= weight_bias(f'{source}.0.conv', f'{target}.tdnn1.conv')
        keys |= batch_norm(f'{source}.0.bn', f'{target}.tdnn1.norm')
        keys |= _units(f'{source}.1.convs', f'{source}.1.bns', f'{target}.res2.units', scale - 1)
        keys |= weight_bias(f'{source}.2.conv', f'{target}.tdnn2.conv')
        keys |= batch_norm(f'{source}.2.bn', f'{target}.tdnn2.norm')
        keys |= weight_bias(f'{source}.3.linear1', f'{target}.se.down')
        keys |= weight_bias(f'{source}.3.linear2', f'{target}.se.up')
    keys |= weight_bias('conv', 'backbone.mfa.conv')
    keys |= weight_bias('pool.linear1', 'neck.project') | weight_bias('pool.linear2', 'neck.score')
    keys |= batch_norm('bn', 'embedding.pre_norm') | weight_bias('linear', 'embedding.linear')
    return keys | batch_norm('bn2', 'embedding.norm') if emb_bn else keys


def _units(convs: str, norms: str, target: str, count: int) -> dict[str, str]:
    keys: dict[str, str] = {}
    for unit in range(count):
        keys |= weight_bias(f'{convs}.{unit}', f'{target}.{unit}.conv')
    for unit in range(count):
        keys |= batch_norm(f'{norms}.{unit}', f'{target}.{unit}.norm')
    return keys


def _speechbrain_unit(source: str, target: str) -> dict[str, str]:
    return weight_bias(f'{source}.conv.conv', f'{target}.conv') | batch_norm(
        f'{source}.norm.norm', f'{target}.norm'
    )
