"""NeMo's TitaNet by its own modules; its core package, which wants much of the world, is replaced by stand-ins."""

import importlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from originals_base import Original
from peers import skip_init, stand_in
from torch import Tensor, nn

BINS = 80


def nemo(checkout: Path) -> Iterator[Original]:
    """TitaNet small, medium and large as NeMo's configs build them."""
    skip_init(
        checkout,
        'nemo',
        'nemo.collections',
        'nemo.collections.asr',
        'nemo.collections.asr.modules',
        'nemo.collections.asr.parts',
        'nemo.collections.asr.parts.submodules',
        'nemo.collections.asr.parts.preprocessing',
    )

    names = 'AcousticEncodedRepresentation LengthsType LogitsType LogprobsType NeuralType SpectrogramType'
    for module in ('core', 'core.classes', 'collections.common', 'collections.common.parts'):
        stand_in(f'nemo.{module}')
    never = lambda self, *_given: False  # noqa: E731
    exportable = type('Exportable', (), {})
    access = type('AccessMixin', (), dict(is_access_enabled=never))
    adapter = type('AdapterModuleMixin', (), dict(is_adapter_available=never))
    stand_in('nemo.core.classes.common', typecheck=lambda *_a, **_k: lambda function: function)
    stand_in('nemo.core.classes.exportable', Exportable=exportable)
    stand_in('nemo.core.classes.mixins', AccessMixin=access)
    stand_in(
        'nemo.core.classes.mixins.adapter_mixins',
        AdapterModuleMixin=adapter,
        get_registered_adapter=lambda kind: kind,
    )
    stand_in('nemo.core.classes.module', NeuralModule=nn.Module)
    stand_in('nemo.core.neural_types', **dict.fromkeys(names.split()))
    stand_in('nemo.utils', logging=SimpleNamespace(debug=id, info=id, warning=print))
    stand_in('nemo.collections.asr.parts.utils', adapter_utils=SimpleNamespace())
    stand_in('nemo.collections.common.parts.utils', activation_registry={'relu': nn.ReLU})
    stand_in('nemo.collections.asr.parts.preprocessing.perturb', AudioAugmentor=None)
    stand_in('nemo.collections.asr.parts.preprocessing.segment', AudioSegment=None)
    asr = importlib.import_module('nemo.collections.asr.modules.conv_asr')
    bank = importlib.import_module('nemo.collections.asr.parts.preprocessing.features').FilterbankFeatures(
        sample_rate=16000,
        n_window_size=400,
        n_window_stride=160,
        n_fft=512,
        nfilt=BINS,
        normalize='per_feature',
        window='hann',
    )
    bank.eval()

    class Network(nn.Module):
        def __init__(self, channels: int, width: int) -> None:
            super().__init__()
            same = dict(stride=[1], dilation=[1], separable=True, se=True, se_context_size=-1)
            middle = [
                dict(filters=channels, repeat=3, kernel=[kernel], dropout=0.1, residual=True, **same)
                for kernel in (7, 11, 15)
            ]
            first = dict(filters=channels, repeat=1, kernel=[3], dropout=0.0, residual=False, **same)
            last = dict(filters=width, repeat=1, kernel=[1], dropout=0.0, residual=False, **same)
            self.encoder = asr.ConvASREncoder(
                jasper=[first, *middle, last], activation='relu', feat_in=BINS, conv_mask=True
            )
            self.decoder = asr.SpeakerDecoder(
                feat_in=width,
                num_classes=5,
                emb_sizes=192,
                pool_mode='attention',
                angular=True,
                attention_channels=128,
            )

        def forward(self, given: tuple[Tensor, Tensor]) -> Tensor:
            frames, length = self.encoder(audio_signal=given[0], length=given[1])
            return self.decoder(encoder_output=frames, length=length)[1]

    def features(wave: Tensor) -> tuple[Tensor, Tensor]:
        return bank(wave[None], torch.tensor([len(wave)]))

    for name, channels, width in (('small', 256, 1536), ('medium', 512, 3072), ('large', 1024, 3072)):
        yield Original(
            f'TitaNet {name}',
            'nemo',
            partial(Network, channels, width),
            features,
            content=lambda state: (
                state
                | {'preprocessor.featurizer.window': torch.zeros(400), 'loss.weight': torch.zeros(5, 192)}
            ),
        )
