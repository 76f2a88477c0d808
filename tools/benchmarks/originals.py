"""Speaker embedders of other toolkits from waveform to embedding: their own front ends and networks, unmodified.

Each is a function that takes the root of a checkout and yields ``Original``s. What a toolkit's module imports but
its embedder never calls (downloaders, voice activity detectors, type checkers) is replaced by stand-ins.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from originals_base import Original
from peers import skip_init, stand_in
from titanet import nemo
from torch import Tensor, nn

from svtoolkit.audio._torchaudio import load_torchaudio

BINS = 80


def speechbrain(checkout: Path) -> Iterator[Original]:
    """SpeechBrain's ECAPA-TDNN behind the front end of its VoxCeleb recipe."""
    parts = ('utils', 'dataio', 'nnet', 'processing', 'lobes', 'lobes.models')
    skip_init(checkout, 'speechbrain', *(f'speechbrain.{part}' for part in parts))
    ecapa = importlib.import_module('speechbrain.lobes.models.ECAPA_TDNN').ECAPA_TDNN
    bank = importlib.import_module('speechbrain.lobes.features').Fbank(n_mels=BINS)
    normalise = importlib.import_module('speechbrain.processing.features').InputNormalization
    mean = normalise(norm_type='sentence', std_norm=False)

    def features(wave: Tensor) -> Tensor:
        return mean(bank(wave[None]), torch.ones(1))

    for name, channels, options in (
        ('c512', [512] * 4 + [1536], {}),
        ('c1024', [1024] * 4 + [3072], {}),
        ('c512 without context', [512] * 4 + [1536], dict(global_context=False)),
    ):
        build = partial(ecapa, BINS, channels=channels, lin_neurons=192, **options)
        yield Original(f'ECAPA-TDNN {name}', 'speechbrain', build, features)


def wespeaker(checkout: Path) -> Iterator[Original]:
    """The networks of WeSpeaker behind ``Speaker.compute_features`` of its command line."""
    skip_init(
        checkout, 'wespeaker', 'wespeaker.models', 'wespeaker.cli', 'wespeaker.utils', 'wespeaker.frontend'
    )
    stand_in('silero_vad', load_silero_vad=None, read_audio=None, get_speech_timestamps=None)
    for name in ('kaldiio', 'wespeaker.diar'):
        stand_in(name)
    wanted = {
        'wespeaker.cli.hub': ['Hub'],
        'wespeaker.models.speaker_model': ['get_speaker_model'],
        'wespeaker.utils.checkpoint': ['load_checkpoint'],
        'wespeaker.utils.utils': ['set_seed'],
        'wespeaker.diar.umap_clusterer': ['cluster'],
        'wespeaker.diar.extract_emb': ['subsegment'],
        'wespeaker.diar.make_rttm': ['merge_segments'],
    }
    for module, names in wanted.items():
        stand_in(module, **dict.fromkeys(names))
    sys.modules['wespeaker.frontend'].frontend_class_dict = {}
    speaker_class = importlib.import_module('wespeaker.cli.speaker').Speaker
    speaker = speaker_class.__new__(speaker_class)
    speaker.model, speaker.window_type = SimpleNamespace(frontend_type='fbank'), 'hamming'
    compute = importlib.import_module('torchaudio.compliance.kaldi').fbank

    def features(wave: Tensor, bins: int = BINS) -> Tensor:
        if bins == BINS:
            return speaker.compute_features(wave[None] * 32768)
        mel = compute(wave[None] * 32768, num_mel_bins=bins, sample_frequency=16000, window_type='hamming')
        return (mel - mel.mean(0))[None]

    known = [
        *(('resnet', f'ResNet{depth}', dict(embed_dim=256)) for depth in (18, 34, 50, 101, 152, 221, 293)),
        ('resnet', 'ResNet34', dict(embed_dim=256, pooling_func='ASTP')),
        ('resnet', 'ResNet34', dict(embed_dim=256, two_emb_layer=True)),
        ('ecapa_tdnn', 'ECAPA_TDNN_GLOB_c512', dict(embed_dim=192)),
        ('ecapa_tdnn', 'ECAPA_TDNN_GLOB_c1024', dict(embed_dim=192, emb_bn=True)),
        ('ecapa_tdnn', 'ECAPA_TDNN', dict(channels=512, embed_dim=192)),
        ('campplus', 'CAMPPlus', dict(embed_dim=512)),
        ('res2net', 'Res2Net34_Base', dict(embed_dim=256)),
        ('res2net', 'Res2Net34_Large', dict(embed_dim=256)),
        ('eres2net', 'ERes2Net34_Base', dict(embed_dim=192)),
        ('eres2net', 'ERes2Net34_Large', dict(embed_dim=192)),
        ('eres2net', 'ERes2Net34_aug', dict(embed_dim=192)),
        *(('redimnet', f'ReDimNetB{size}', dict(feat_dim=72 if size else 60)) for size in range(7)),
        ('tdnn', 'XVEC', dict(embed_dim=512)),
    ]
    for file, name, options in known:
        module = importlib.import_module(f'wespeaker.models.{file}')
        options = {'feat_dim': BINS, **options}
        extras = [
            f'{key}={value}' for key, value in options.items() if key in ('pooling_func', 'two_emb_layer')
        ]
        bins = options['feat_dim']
        yield Original(
            ' '.join([name, *extras]),
            'wespeaker',
            partial(getattr(module, name), **options),
            lambda wave, bins=bins: features(wave, bins),
            lambda out: out[-1] if isinstance(out, tuple) else out,
            lambda state: state | {'projection.weight': torch.zeros(3, 4)},
            onnx=True,
        )


def threed_speaker(checkout: Path) -> Iterator[Original]:
    """The networks of 3D-Speaker's published models behind its ``FBank``."""
    skip_init(checkout, 'speakerlab', 'speakerlab.models', 'speakerlab.process', 'speakerlab.utils')
    stand_in('speakerlab.process.augmentation', NoiseReverbCorrupter=None)
    stand_in('speakerlab.utils.fileio', load_data_csv=None)
    bank = importlib.import_module('speakerlab.process.processor').FBank(BINS, 16000, mean_nor=True)
    known = [
        ('campplus.DTDNN', 'CAMPPlus', dict(embedding_size=512)),
        ('campplus.DTDNN', 'CAMPPlus', dict(embedding_size=192)),
        ('eres2net.ERes2Net', 'ERes2Net', dict(embedding_size=192)),
        ('eres2net.ERes2Net', 'ERes2Net', dict(embedding_size=512, m_channels=64)),
        ('eres2net.ERes2Net_huge', 'ERes2Net', dict(embedding_size=192)),
        ('eres2net.ERes2NetV2', 'ERes2NetV2', dict(embedding_size=192, baseWidth=26, scale=2, expansion=2)),
        ('eres2net.ERes2NetV2', 'ERes2NetV2', dict(embedding_size=192, baseWidth=24, scale=4, expansion=4)),
        ('res2net.Res2Net', 'Res2Net', dict(embedding_size=256)),
        ('resnet.ResNet', 'ResNet', dict(embedding_size=256, two_emb_layer=False)),
        ('resnet.ResNet', 'ResNet', dict(embedding_size=256)),
        ('ecapa_tdnn.ECAPA_TDNN', 'ECAPA_TDNN', dict(lin_neurons=192, channels=[1024] * 4 + [3072])),
    ]
    for file, name, options in known:
        module = importlib.import_module(f'speakerlab.models.{file}')
        size = 'input_size' if name == 'ECAPA_TDNN' else 'feat_dim'
        label = f'{file.split(".")[1]} {" ".join(f"{key}={value}" for key, value in options.items())}'
        yield Original(
            label[:44],
            '3dspeaker',
            partial(getattr(module, name), **{size: BINS}, **options),
            lambda wave: bank(wave)[None],
            lambda out: out[-1] if isinstance(out, tuple) else out,
        )


def tao(checkout: Path) -> Iterator[Original]:
    """TaoRuijie's ECAPA-TDNN, whose front end is part of the network."""
    module = _from_folder(checkout, 'model')

    class Network(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.speaker_encoder = module.ECAPA_TDNN(channels)

        def forward(self, wave: Tensor) -> Tensor:
            return self.speaker_encoder(wave, aug=False)

    for channels in (512, 1024):
        yield Original(
            f'ECAPA-TDNN c{channels}',
            'tao',
            partial(Network, channels),
            lambda wave: wave[None],
            content=lambda state: state | {'speaker_loss.weight': torch.zeros(7, 192)},
        )


def clova(checkout: Path) -> Iterator[Original]:
    """The models of the voxceleb_trainer, front ends inside, as its trainer saves them."""
    known = [
        ('ResNetSE34L', dict(nOut=512, encoder_type='SAP', n_mels=40, log_input=True)),
        ('ResNetSE34L', dict(nOut=256, encoder_type='ASP', n_mels=64, log_input=True)),
        ('ResNetSE34V2', dict(nOut=512, encoder_type='ASP', n_mels=64, log_input=True)),
        ('ResNetSE34V2', dict(nOut=512, encoder_type='SAP', n_mels=80, log_input=True)),
        ('VGGVox', dict(nOut=512, encoder_type='SAP', log_input=True)),
        ('VGGVox', dict(nOut=512, encoder_type='TAP', log_input=True)),
        ('VGGVox', dict(nOut=512, encoder_type='MAX', log_input=True)),
        ('RawNet3', dict(nOut=256, encoder_type='ECA', sinc_stride=10)),
        ('RawNet3', dict(nOut=512, encoder_type='ASP', sinc_stride=10)),
    ]
    for name, options in known:
        labels = [str(options[key]) for key in ('encoder_type', 'n_mels') if key in options]
        yield Original(
            ' '.join([name, *labels]),
            'clova',
            partial(_from_folder(checkout, f'models.{name}').MainModel, **options),
            lambda wave: wave[None],
            content=lambda state: {
                'model_state_dict': {f'__S__.{key}': value for key, value in state.items()}
                | {'__L__.fc.weight': torch.zeros(2, 3)},
                'epoch': 3,
            },
        )


def redimnet(checkout: Path) -> Iterator[Original]:
    """ReDimNet as its checkpoints describe it: sizes b0 to b6, with front end and attention with context."""
    module = _from_folder(checkout, 'redimnet.model')
    from svtoolkit.models.backbones.redimnet import SIZES

    for name, size in SIZES.items():
        config = dict(
            F=60 if name == 'b0' else 72,
            C=size['channels'],
            block_1d_type='conv+att',
            block_2d_type=size['block'],
            group_divisor=size['group'],
            stages_setup=[(*stage[:3], [(3, 3)], stage[3]) for stage in size['stages']],
            global_context_att=name != 'b1',
            emb_bn=name == 'b2',
            spec_params=dict(do_spec_aug=False, norm_signal=name in ('b3', 'b4')),
        )
        yield _redimnet(f'ReDimNet-{name}', module.ReDimNetWrap, config)


def redimnet2(checkout: Path) -> Iterator[Original]:
    """ReDimNet2 as its checkpoints describe it: sizes b0 to b6, and one with both signals and group norms."""
    module = _from_folder(checkout, 'redimnet2.redimnet2')
    from svtoolkit.models.backbones.redimnet2 import SIZES

    for name, size in [*SIZES.items(), ('b0 dual', SIZES['b0'])]:
        config = dict(
            F=72,
            C=size['channels'],
            causal='none',
            out_channels=size['out_channels'],
            block_1d_type='conv+att',
            block_2d_type='basic_resnet',
            return_2d_output=name == 'b6',
            stages_setup=[(*stage[:3], [(3, 3)], stage[3]) for stage in size['stages']],
            dual_agg='dual' in name,
            agg_gnorm='dual' in name,
            spec_params=dict(do_spec_aug=False, norm_signal=name in ('b3', 'b4')),
        )
        yield _redimnet(f'ReDimNet2-{name}', module.ReDimNet2Wrap, config)


def _redimnet(name: str, wrap: type[nn.Module], config: Mapping) -> Original:
    return Original(
        name,
        'redimnet',
        partial(wrap, **config),
        lambda wave: wave[None],
        content=lambda state: {'model_config': dict(config), 'state_dict': state},
    )


def resemblyzer(weights: Path) -> Iterator[Original]:
    """Resemblyzer's trained encoder by the ``embed_utterance`` of its installed package, without ``preprocess_wav``."""
    encoder = importlib.import_module('resemblyzer.voice_encoder').VoiceEncoder

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trained = encoder('cpu', verbose=False)

        def forward(self, wave: Tensor) -> Tensor:
            return torch.from_numpy(self.trained.embed_utterance(wave.numpy()))

    yield Original('GE2E LSTM', 'resemblyzer', Network, lambda wave: wave, weights=weights)


def bilstm(weights: Path) -> Iterator[Original]:
    """The small trained BiLSTM by the script that lies beside its folder, ``scripts/embed_bilstm.py``."""
    script = _from_folder(weights.parent.parent / 'scripts', 'embed_bilstm')

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trained = script.load(weights)

        def forward(self, wave: Tensor) -> Tensor:
            return torch.from_numpy(self.trained.embed(wave))

    yield Original('BiLSTM', 'bilstm', Network, lambda wave: wave, weights=weights)


FAMILIES: dict[str, Callable[[Path], Iterator[Original]]] = {
    'speechbrain': speechbrain,
    'wespeaker': wespeaker,
    '3dspeaker': threed_speaker,
    'nemo': nemo,
    'tao': tao,
    'clova': clova,
    'redimnet': redimnet,
    'redimnet2': redimnet2,
    'resemblyzer': resemblyzer,
    'bilstm': bilstm,
}


def originals(family: str, place: Path) -> Iterator[Original]:
    """All networks of a family.

    Args:
        family: one of ``FAMILIES``.
        place: root of its checkout (its unpacked package for NeMo), or its weight file.
    """
    load_torchaudio()
    yield from FAMILIES[family](place)


def _from_folder(folder: Path, module: str):
    """Module of a checkout that is no package: its folder comes first on the path while it is imported."""
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(folder))
