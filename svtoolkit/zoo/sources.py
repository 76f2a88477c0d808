"""The toolkits weights can come from: for each, a function from weights and settings to a ``Recipe``.

Everything that shows in the shapes of the weights is read there; what does not (padding, order of the Res2
groups, front end) is what the toolkit's own code does.
"""

from collections.abc import Callable

from svtoolkit.errors import CheckpointError
from svtoolkit.models.backbones.ecapa_tdnn import ECAPA_PRESETS
from svtoolkit.models.backbones.resnet import BLOCKS
from svtoolkit.zoo.convert_campplus import campplus_keys
from svtoolkit.zoo.convert_clova import clova
from svtoolkit.zoo.convert_ecapa import speechbrain_keys, tao_keys, wespeaker_keys
from svtoolkit.zoo.convert_lstm import lstm_keys
from svtoolkit.zoo.convert_redimnet import redimnet, wespeaker_redimnet
from svtoolkit.zoo.convert_res2net import (
    eres2net_keys,
    eres2netv2_keys,
    res2net_keys,
    wespeaker_eres2net_keys,
)
from svtoolkit.zoo.convert_resnet import resnet_keys
from svtoolkit.zoo.convert_titanet import titanet
from svtoolkit.zoo.front_ends import kaldi_front_end, mel_front_end, mfcc_front_end
from svtoolkit.zoo.recipe import Recipe, State, count, size

CLASSIFIERS = ('projection.', 'classifier.', 'speaker_loss.')


def wespeaker(state: State, settings: dict) -> Recipe:
    """ResNet, ECAPA-TDNN, CAM++, Res2Net, ERes2Net or ReDimNet of WeSpeaker."""
    if 'layer1.conv.weight' in state:
        glob = size(state, 'pool.linear1.weight', 1) != size(state, 'pool.linear2.weight')
        scale = 1 + count(state, r'layer2\.se_res2block\.1\.convs\.(\d+)\.')
        keys = wespeaker_keys(scale=scale, emb_bn='bn2.running_mean' in state)
        preset = ECAPA_PRESETS['wespeaker_glob_c512' if glob else 'wespeaker_c512']
        front_end = kaldi_front_end(size(state, 'layer1.conv.weight', 1), 'hamming', 32768.0)
        return _ecapa(state, preset, keys, scale, front_end)
    if any(key.startswith('backbone.stem.') for key in state):
        return wespeaker_redimnet(state, settings)
    return _pictures(state, 'hamming', 32768.0, eps=1e-7)


def three_d_speaker(state: State, settings: dict) -> Recipe:
    """CAM++, ERes2Net, ERes2NetV2, Res2Net, ResNet or ECAPA-TDNN of 3D-Speaker."""
    if 'blocks.0.conv.conv.weight' in state:
        return _speechbrain_ecapa(state, kaldi_front_end(_stem_bins(state), 'povey', 1.0))
    return _pictures(state, 'povey', 1.0, eps=1e-8)


def speechbrain(state: State, settings: dict) -> Recipe:
    """ECAPA-TDNN of SpeechBrain, ``embedding_model.ckpt``."""
    return _speechbrain_ecapa(state, mel_front_end('speechbrain', _stem_bins(state)))


def tao(state: State, settings: dict) -> Recipe:
    """ECAPA-TDNN of TaoRuijie, with or without its prefix and classifier."""
    prefix = 'speaker_encoder.' if 'speaker_encoder.conv1.weight' in state else ''
    encoder = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    scale = 1 + count(encoder, r'layer1\.convs\.(\d+)\.')
    keys = tao_keys(scale=scale)
    front_end = mel_front_end('ecapa', size(encoder, 'conv1.weight', 1))
    recipe = _ecapa(encoder, ECAPA_PRESETS['tao_c512'], keys, scale, front_end)
    prefixed = {prefix + key: ours for key, ours in keys.items()}
    ignored = (f'{prefix}torchfbank.', f'{prefix}specaug.', 'speaker_loss.')
    return Recipe(recipe.architecture, front_end, recipe.network, prefixed, ignored)


def resemblyzer(state: State, settings: dict) -> Recipe:
    """GE2E LSTM of Resemblyzer, as its ``embed_utterance`` reads a waveform: windows of 1.6 s, 1.3 a second.

    Its ``preprocess_wav``, which raises the volume and cuts silence, is left to the caller there and here.
    """
    layers = count(state, r'lstm\.weight_ih_l(\d+)')
    hidden = size(state, 'lstm.weight_hh_l0', 1)
    return Recipe(
        f'GE2E LSTM {layers} x {hidden}',
        mel_front_end('resemblyzer', size(state, 'lstm.weight_ih_l0', 1), 'none'),
        dict(
            backbone=dict(type='GE2ELSTM', hidden=hidden, layers=layers),
            neck=dict(type='LastFramePooling'),
            embedding=_linear(size(state, 'linear.weight')) | dict(act='relu', norm='l2'),
            windows=dict(frames=160, step=77, min_coverage=0.75),
        ),
        lstm_keys(layers),
        ('similarity_',),
    )


def bilstm(state: State, settings: dict) -> Recipe:
    """BiLSTM on cepstral coefficients of SpeakerRecognitionFromScratch: windows of 100 frames, step 50."""
    layers = count(state, r'lstm\.weight_ih_l(\d+)_reverse')
    hidden = size(state, 'lstm.weight_hh_l0', 1)
    backbone = dict(type='BiLSTM', hidden=hidden, layers=layers, window=100, step=50)
    return Recipe(
        f'BiLSTM {layers} x {hidden}',
        mfcc_front_end(),
        dict(backbone=backbone, neck=dict(type='MeanPooling'), embedding=None),
        lstm_keys(layers, bidirectional=True),
    )


SOURCES: dict[str, Callable[[State, dict], Recipe]] = {
    'wespeaker': wespeaker,
    '3dspeaker': three_d_speaker,
    'speechbrain': speechbrain,
    'nemo': titanet,
    'redimnet': redimnet,
    'tao': tao,
    'clova': clova,
    'resemblyzer': resemblyzer,
    'bilstm': bilstm,
}


def _linear(embed_dim: int) -> dict:
    return dict(type='EmbeddingLayer', embed_dim=embed_dim, norm='none')


def _stem_bins(state: State) -> int:
    return size(state, 'blocks.0.conv.conv.weight', 1)


def _speechbrain_ecapa(state: State, front_end: dict) -> Recipe:
    scale = 1 + count(state, r'blocks\.1\.res2net_block\.blocks\.(\d+)\.')
    num_blocks = count(state, r'blocks\.(\d+)\.') - 1
    keys = speechbrain_keys(num_blocks, scale)
    return _ecapa(state, ECAPA_PRESETS['speechbrain_c512'], keys, scale, front_end)


def _ecapa(state: State, preset: dict, keys: dict[str, str], scale: int, front_end: dict) -> Recipe:
    """Widths by the shapes, flags by the preset of the toolkit."""
    theirs = {ours: key for key, ours in keys.items()}

    def width(ours: str, axis: int = 0) -> int:
        return size(state, theirs[ours], axis)

    channels, mfa_channels = width('backbone.stem.conv.weight'), width('backbone.mfa.conv.weight')
    backbone = preset['backbone'] | dict(
        channels=channels,
        mfa_channels=mfa_channels,
        scale=scale,
        se_channels=width('backbone.blocks.0.se.down.weight'),
    )
    context = width('neck.project.weight', 1) == 3 * mfa_channels
    neck = preset['neck'] | dict(attention_channels=width('neck.project.weight'), context=context)
    embedding = preset['embedding'] | dict(embed_dim=width('embedding.linear.weight'))
    if 'embedding.norm.running_mean' in theirs:
        embedding['norm'] = 'bn'
    name = f'ECAPA-TDNN c{channels}{"" if context else " without context"}'
    return Recipe(name, front_end, dict(backbone=backbone, neck=neck, embedding=embedding), keys, CLASSIFIERS)


def _pictures(state: State, window: str, scale: float, eps: float) -> Recipe:
    """The networks over time and frequency, called alike by WeSpeaker and 3D-Speaker."""
    if 'xvector.tdnn.linear.weight' in state:
        return _campplus(state, window, scale, eps)
    if 'conv1.weight' not in state or 'layer4.0.conv1.weight' not in state:
        known = 'ResNet, Res2Net, ERes2Net, ERes2NetV2 and CAM++'
        raise CheckpointError(
            f'the weights are none of {known}; their first keys: {", ".join(list(state)[:4])}.'
        )
    if 'seg_2.weight' in state:
        raise CheckpointError(
            'seg_2: networks with two embedding layers (two_emb_layer) cannot be converted.'
        )
    blocks = tuple(count(state, rf'layer{stage}\.(\d+)\.') for stage in (1, 2, 3, 4))
    name, backbone, keys = _res2net(state, blocks) if _has_groups(state) else _resnet(state, blocks)
    pooled = size(state, 'seg_1.weight', 1)
    last = max(
        (value.shape[0] for key, value in state.items() if key.startswith(f'layer4.{blocks[3] - 1}.conv')),
        default=0,
    )
    attentive = 'pool.linear1.weight' in state
    per_bin = 2 * last
    if pooled % per_bin:
        raise CheckpointError(f'seg_1 takes {pooled} values: not mean and deviation of {last} channels.')
    bins = 8 * (pooled // per_bin)  # three stages halve the bins
    neck: dict = dict(type='StatsPooling', unbiased=True, eps=eps)
    if attentive:
        neck = ECAPA_PRESETS['wespeaker_c512']['neck'] | dict(
            attention_channels=size(state, 'pool.linear1.weight'),
        )
        if size(state, 'pool.linear1.weight', 1) != pooled // 2:
            neck = ECAPA_PRESETS['wespeaker_glob_c512']['neck'] | neck
    return Recipe(
        name,
        kaldi_front_end(bins, window, scale),
        dict(backbone=backbone, neck=neck, embedding=_linear(size(state, 'seg_1.weight'))),
        keys,
        CLASSIFIERS,
    )


def _has_groups(state: State) -> bool:
    return any(key.startswith('layer1.0.convs.') for key in state)


def _resnet(state: State, blocks: tuple[int, ...]) -> tuple[str, dict, dict]:
    bottleneck = 'layer1.0.conv3.weight' in state
    width = size(state, 'conv1.weight')
    depth = next((d for d, known in BLOCKS.items() if known == blocks and (d >= 50) == bottleneck), None)
    backbone = dict(
        type='ResNet',
        widths=tuple(width * 2**stage for stage in range(4)),
        block='bottleneck' if bottleneck else 'basic',
        blocks=blocks,
    )
    name = f'ResNet{depth}' if depth else f'ResNet of {blocks} blocks'
    return name, backbone, resnet_keys(blocks, bottleneck, 'pool.linear1.weight' in state)


def _res2net(state: State, blocks: tuple[int, ...]) -> tuple[str, dict, dict]:
    width = size(state, 'conv1.weight')
    in_block = count(state, r'layer1\.0\.convs\.(\d+)\.')
    group = size(state, 'layer1.0.convs.0.weight')
    backbone = dict(
        width=width,
        blocks=blocks,
        base_width=-(-group * 64 // width),
        expansion=size(state, 'layer1.0.conv3.weight') // width,
    )
    if 'layer3_ds.weight' in state:
        return (
            'ERes2NetV2',
            backbone | dict(type='ERes2NetV2', scale=in_block),
            eres2netv2_keys(blocks, in_block),
        )
    if 'layer1_downsample.weight' in state:
        apart = any('conv2_1' in key for key in state)
        keys = (wespeaker_eres2net_keys if apart else eres2net_keys)(blocks, in_block)
        return 'ERes2Net', backbone | dict(type='ERes2Net', scale=in_block), keys
    keys = res2net_keys(blocks, in_block + 1)
    return 'Res2Net', backbone | dict(type='Res2Net', scale=in_block + 1), keys


def _campplus(state: State, window: str, scale: float, eps: float) -> Recipe:
    layers = [count(state, rf'xvector\.block{block}\.tdnnd(\d+)\.') for block in (1, 2, 3)]
    head = size(state, 'head.conv1.weight')
    growth = size(state, 'xvector.block1.tdnnd1.cam_layer.linear_local.weight')
    backbone = dict(
        type='CAMPPlus',
        head_channels=head,
        stem_channels=size(state, 'xvector.tdnn.linear.weight'),
        layers=tuple(layers),
        growth=growth,
        bottleneck=size(state, 'xvector.block1.tdnnd1.linear1.weight') // growth,
    )
    bins = 8 * (size(state, 'xvector.tdnn.linear.weight', 1) // head)
    # 3D-Speaker's CAM++ pools plain deviations, its other networks add eps to the variance.
    neck = dict(type='StatsPooling', unbiased=True, eps=0.0 if window == 'povey' else eps)
    embedding = dict(
        type='EmbeddingLayer',
        embed_dim=size(state, 'xvector.dense.linear.weight'),
        bias=False,
        norm_affine=False,
    )
    return Recipe(
        'CAM++',
        kaldi_front_end(bins, window, scale),
        dict(backbone=backbone, neck=neck, embedding=embedding),
        campplus_keys(layers),
        CLASSIFIERS,
    )
