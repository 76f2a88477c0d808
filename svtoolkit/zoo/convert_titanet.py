"""NeMo's TitaNet: key map and config, by the shapes of its weights."""

from svtoolkit.models.backbones.titanet import rename_titanet
from svtoolkit.zoo.front_ends import nemo_front_end
from svtoolkit.zoo.key_map import batch_norm, weight_bias
from svtoolkit.zoo.recipe import Recipe, State, count, map_one_by_one, size

ENCODER = 'encoder.encoder'


def titanet(state: State, settings: dict) -> Recipe:
    """Recipe of a ``.nemo`` file, or of the checkpoint in it.

    Args:
        state: its weights.
        settings: its ``model_config.yaml``; not needed, the shapes say everything.
    """
    channels = size(state, f'{ENCODER}.0.mconv.1.conv.weight')
    width = size(state, f'{ENCODER}.4.mconv.1.conv.weight')
    bins = size(state, f'{ENCODER}.0.mconv.0.conv.weight')
    # A middle block has 5 entries for each convolution but 3 for the last, with the gate behind.
    repeat = count(state, rf'{ENCODER}\.1\.mconv\.(\d+)\.conv\.weight$') // 2
    backbone = dict(type='TitaNet', channels=channels, out_channels=width, repeat=repeat, dropout=0.1)
    neck = dict(
        type='AttentiveStatsPooling',
        attention_channels=size(state, 'decoder._pooling.attention_layer.0.conv_layer.weight'),
        act='relu_bn_tanh',
        context=True,
        context_floor=1e-10,
        variance_floor=1e-10,
    )
    embed_dim = size(state, 'decoder.emb_layers.0.1.weight')
    keys = map_one_by_one(
        state, lambda part: {f'backbone.{key}': value for key, value in rename_titanet(part).items()}
    )
    attention = 'decoder._pooling.attention_layer'
    keys |= weight_bias(f'{attention}.0.conv_layer', 'neck.project')
    keys |= batch_norm(f'{attention}.0.bn', 'neck.act.1')
    keys |= weight_bias(f'{attention}.2', 'neck.score')
    keys |= batch_norm('decoder.emb_layers.0.0', 'embedding.pre_norm')
    keys |= weight_bias('decoder.emb_layers.0.1', 'embedding.linear')
    return Recipe(
        f'TitaNet {channels}/{width}',
        nemo_front_end(bins),
        dict(
            backbone=backbone,
            neck=neck,
            embedding=dict(type='EmbeddingLayer', embed_dim=embed_dim, pre_norm='bn', norm='none'),
        ),
        keys,
        ('preprocessor.', 'decoder.final.', 'loss.', 'spec_augmentation.'),
    )
