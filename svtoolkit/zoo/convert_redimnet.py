"""ReDimNet and ReDimNet2: key maps and configs, by the ``model_config`` of a checkpoint or by its shapes."""

import re
from collections.abc import Callable

import torch

from svtoolkit.errors import CheckpointError, list_faults
from svtoolkit.models.backbones import redimnet as first
from svtoolkit.models.backbones import redimnet2 as second
from svtoolkit.registry import BACKBONES
from svtoolkit.zoo.front_ends import kaldi_front_end, redimnet_front_end
from svtoolkit.zoo.key_map import batch_norm, weight_bias
from svtoolkit.zoo.recipe import Recipe, State, count, map_one_by_one, size

IGNORED = (
    'spec.',
    'cls_head.',
    'backbone.stage0.0.w',
    'stage0.0.w',
    'backbone.stage0_pre.0.w',
    'stage0_pre.0.w',
    'projection.',
)
WESPEAKER_IGNORED = ('backbone.inputs_weights.0', 'projection.')  # a single input, nothing to weigh

# What the published classes take where a checkpoint does not say: of ReDimNet, of ReDimNet2.
DEFAULTS = (
    dict(C=16, block_1d_type='att', block_2d_type='convnext_like', group_divisor=4),
    dict(C=24, block_1d_type='conv+att', block_2d_type='basic_resnet', group_divisor=1),
)
# Settings of the published classes whose other values our networks do not know.
FIXED = {
    'feat_type': ('pt', 'pt_mel'),
    'pooling_func': ('ASTP',),
    'causal': ('none', False),
    'spec_in_channels': (1,),
    'use_freq_pos_enc': (False,),
    'compress_tconvs': (True,),
    'fm_weigthing_type': ('NC',),
    'pad_right_samples': (None,),
    'before_pool_offset': (None,),
    'tf_optimized_arch': (False,),
    'return_all_outputs': (False,),
}


def redimnet(state: State, settings: dict) -> Recipe:
    """Recipe of a checkpoint of IDRnD/redimnet or PalabraAI/redimnet2.

    Args:
        state: its weights.
        settings: its ``model_config``; without one the published sizes are tried.
    """
    refused = [
        f'{name}={settings[name]!r}; known: {", ".join(map(repr, known))}'
        for name, known in FIXED.items()
        if name in settings and settings[name] not in known
    ]
    spec_norm = (settings.get('spec_params') or {}).get('spec_norm', 'mn')
    if spec_norm not in ('mn', 'mvn', None, 'none'):
        refused.append(f"spec_params.spec_norm={spec_norm!r}; known: 'mn', 'mvn'")
    if refused:
        raise CheckpointError(list_faults('settings of this ReDimNet that svtoolkit cannot follow:', refused))
    rename = _rename(state)
    keys = map_one_by_one(state, rename)
    given = _by_settings(settings, _is_second(state)) if 'stages_setup' in settings else None
    backbone = given or _by_shapes(state, keys)
    front_end = redimnet_front_end({'F': backbone['in_channels'], **settings})
    keys |= _behind() | batch_norm('bn', 'embedding.pre_norm') | weight_bias('linear', 'embedding.linear')
    embedding = dict(embed_dim=size(state, 'linear.weight'), pre_norm='bn', norm='none')
    if 'bn2.running_mean' in state:
        keys |= batch_norm('bn2', 'embedding.norm')
        embedding['norm'] = 'bn'
    return _recipe(state, backbone, embedding, keys, front_end, IGNORED)


def wespeaker_redimnet(state: State, settings: dict) -> Recipe:
    """Recipe of WeSpeaker's ReDimNet, which stands behind a Kaldi filter bank.

    Args:
        state: its weights.
        settings: not needed, the published sizes are tried.
    """
    last = count(state, r'backbone\.inputs_weights\.(\d+)$') - 1
    rename = _rename(state)
    keys = map_one_by_one(
        state, lambda part: rename({_published_name(key, last): value for key, value in part.items()})
    )
    backbone = _by_shapes(state, keys)
    front_end = kaldi_front_end(backbone['in_channels'], 'hamming', 32768.0)
    if _is_second(state):
        raise CheckpointError(
            'ReDimNet2 of WeSpeaker: convert it with --from redimnet if it has its own mel bank.'
        )
    keys |= _behind() | weight_bias('seg_1', 'embedding.linear')
    embedding = dict(embed_dim=size(state, 'seg_1.weight'), norm='none')
    return _recipe(state, backbone, embedding, keys, front_end, WESPEAKER_IGNORED)


def _published_name(key: str, last: int) -> str:
    """IDRnD's name of a key of WeSpeaker, which keeps the weights of the sums apart from the stages."""
    if found := re.match(r'backbone\.inputs_weights\.(\d+)$', key):
        return 'backbone.fin_wght1d.w' if int(found[1]) == last else f'backbone.stage{found[1]}.0.w'
    if found := re.match(r'backbone\.stage(\d+)\.(\d+)\.(.*)$', key):
        return f'backbone.stage{found[1]}.{int(found[2]) + 2}.{found[3]}'
    return key


def _recipe(
    state: State, backbone: dict, embedding: dict, keys: dict, front_end: dict, ignored: tuple[str, ...]
) -> Recipe:
    width = size(state, 'pool.linear2.weight')
    neck = dict(
        type='AttentiveStatsPooling',
        attention_channels=size(state, 'pool.linear1.weight'),
        act='tanh',
        context=size(state, 'pool.linear1.weight', 1) == 3 * width,
        context_unbiased=True,
        context_floor=1e-7,
        context_floor_added=True,
        variance_floor=1e-7,
    )
    name = backbone.get('size') or f'of {backbone["channels"]} channels'
    return Recipe(
        f'{backbone["type"]} {name}',
        front_end,
        dict(backbone=backbone, neck=neck, embedding=dict(type='EmbeddingLayer', **embedding)),
        keys,
        ignored,
    )


def _behind() -> dict[str, str]:
    return weight_bias('pool.linear1', 'neck.project') | weight_bias('pool.linear2', 'neck.score')


def _is_second(state: State) -> bool:
    """Whether a stage's strided convolution also strides over time, as only ReDimNet2's do."""
    strided = (value for key, value in state.items() if re.search(r'(^|\.)stage\d+(_pre)?\.2\.weight$', key))
    return any(value.ndim == 4 and value.shape[-1] > 1 for value in strided)


def _rename(state: State) -> Callable[[State], dict]:
    rename = second.rename_redimnet2 if _is_second(state) else first.rename_redimnet
    return lambda part: {f'backbone.{key}': value for key, value in rename(dict(part)).items()}


def _by_settings(settings: dict, is_second: bool) -> dict:
    settings = DEFAULTS[is_second] | settings
    stages = tuple(
        (tuple(stride) if is_second else stride, blocks, expansion, reduction)
        for stride, blocks, expansion, _, reduction in settings['stages_setup']
    )
    backbone = dict(
        type='ReDimNet2' if is_second else 'ReDimNet',
        in_channels=settings.get('F', 72),
        channels=settings['C'],
        stages=stages,
        block=settings['block_2d_type'],
        group=settings['group_divisor'],
        out_channels=settings.get('out_channels'),
    )
    if is_second:
        if settings['block_1d_type'] != 'conv+att':
            raise CheckpointError(
                f"block_1d_type={settings['block_1d_type']!r}; ReDimNet2 here knows 'conv+att'."
            )
        return backbone | dict(
            out_map=settings.get('return_2d_output', False),
            dual=settings.get('dual_agg', False),
            group_norm=settings.get('agg_gnorm', False),
        )
    return backbone | dict(context=settings['block_1d_type'])


def _by_shapes(state: State, keys: dict[str, str]) -> dict:
    """The published size whose backbone has these weights."""
    shapes = {ours.removeprefix('backbone.'): state[key].shape for key, ours in keys.items()}
    kind, module = ('ReDimNet2', second) if _is_second(state) else ('ReDimNet', first)
    for name in module.SIZES:
        for bins in (72, 60):
            config = dict(type=kind, in_channels=bins, size=name)
            try:
                with torch.device('meta'):
                    own = BACKBONES.build(config).state_dict()
            except ValueError:  # bins that this size cannot divide
                continue
            if {key: value.shape for key, value in own.items()} == shapes:
                return config
    raise CheckpointError(
        f'these weights fit none of the sizes {", ".join(module.SIZES)} of {kind}, and the file has no '
        'model_config that says more.'
    )
