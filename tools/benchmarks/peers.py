"""The network classes of other toolkits, taken unmodified from their checkouts.

Only the files that define a network are imported: the packages' own ``__init__`` files, which want half of
each toolkit's dependencies, are passed over, and ``tqdm`` is replaced where it is missing (the networks
never call it). Every network comes as a function from [B, N, F] features to [B, D] embeddings.
"""

import importlib
import sys
import types
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from svtoolkit.audio._torchaudio import load_torchaudio


class Peer(nn.Module):
    """Another toolkit's network with one calling convention.

    Args:
        network: their module.
        output: which element of a tuple is the embedding; None where it returns the embedding alone.
    """

    def __init__(self, network: nn.Module, output: int | None = None) -> None:
        super().__init__()
        self.network = network
        self.output = output

    def forward(self, features: Tensor) -> Tensor:
        out = self.network(features)
        return (out if self.output is None else out[self.output]).flatten(1)  # SpeechBrain's is [B, 1, D]


def speechbrain(model: str, checkout: Path) -> Peer | None:
    """SpeechBrain's network of that name, or None when it has none."""
    channels = {'ecapa512': 512, 'ecapa1024': 1024}.get(model)
    if channels is None:
        return None
    load_torchaudio()
    if find_spec('tqdm') is None:
        stand_in('tqdm', tqdm=None)
    parts = ('utils', 'dataio', 'nnet', 'processing', 'lobes', 'lobes.models')
    skip_init(checkout, 'speechbrain', *(f'speechbrain.{part}' for part in parts))
    module = importlib.import_module('speechbrain.lobes.models.ECAPA_TDNN')
    return Peer(module.ECAPA_TDNN(80, channels=[channels] * 4 + [3 * channels], lin_neurons=192))


def wespeaker(model: str, checkout: Path) -> Peer | None:
    """WeSpeaker's network of that name, or None when it has none."""
    known = {
        'resnet34': ('resnet', 'ResNet34', dict(embed_dim=256)),
        'ecapa512': ('ecapa_tdnn', 'ECAPA_TDNN_GLOB_c512', dict(embed_dim=192)),
        'ecapa1024': ('ecapa_tdnn', 'ECAPA_TDNN_GLOB_c1024', dict(embed_dim=192)),
        'campplus': ('campplus', 'CAMPPlus', dict(embed_dim=512)),
        'res2net': ('res2net', 'Res2Net34_Base', dict(embed_dim=256)),
        'eres2net': ('eres2net', 'ERes2Net34_Base', dict(embed_dim=192)),
    }
    if model not in known:
        return None
    file, name, options = known[model]
    skip_init(checkout, 'wespeaker', 'wespeaker.models')
    network = getattr(importlib.import_module(f'wespeaker.models.{file}'), name)(feat_dim=80, **options)
    # ResNet returns (an unused 0, embedding) and ECAPA (frames, embedding).
    return Peer(network, -1 if file in ('resnet', 'ecapa_tdnn') else None)


def threed_speaker(model: str, checkout: Path) -> Peer | None:
    """3D-Speaker's network of that name, or None when it has none."""
    known = {
        'resnet34': ('resnet.ResNet', 'ResNet', dict(embedding_size=256, two_emb_layer=False)),
        'campplus': ('campplus.DTDNN', 'CAMPPlus', dict(embedding_size=512)),
        'res2net': ('res2net.Res2Net', 'Res2Net', dict(embedding_size=256)),
        'eres2net': ('eres2net.ERes2Net', 'ERes2Net', dict(embedding_size=192)),
        'eres2netv2': ('eres2net.ERes2NetV2', 'ERes2NetV2', dict(embedding_size=192)),
    }
    if model not in known:
        return None
    file, name, options = known[model]
    skip_init(checkout, 'speakerlab', 'speakerlab.models')
    module = importlib.import_module(f'speakerlab.models.{file}')
    return Peer(getattr(module, name)(feat_dim=80, **options))


LOADERS = {'speechbrain': speechbrain, 'wespeaker': wespeaker, '3dspeaker': threed_speaker}


def skip_init(checkout: Path, *packages: str) -> None:
    """Make packages importable without running their ``__init__`` files."""
    for name in packages:
        folder = checkout.joinpath(*name.split('.'))
        if not folder.is_dir():
            raise SystemExit(
                f'{folder} is no folder: give the root of the checkout that holds {packages[0]}/.'
            )
        module = stand_in(name)
        module.__path__ = [str(folder)]


def stand_in(name: str, **attributes: object) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__dict__.update(attributes)
    sys.modules[name] = module
    parent, _, child = name.rpartition('.')
    if parent:
        setattr(sys.modules[parent], child, module)
    return module
