"""The folder a reader of the documentation is imagined to sit in."""

import importlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from doc_pages import ROOT

from svtoolkit import registry
from svtoolkit.datasets.voices import synth_voice

REGISTRIES = [part for part in vars(registry).values() if isinstance(part, registry.Registry)]


@pytest.fixture
def reader(tiny_corpus, tmp_path, monkeypatch) -> Path:
    """Current folder of a page's blocks; what lies in it is told in CONTRIBUTING.md."""
    rng = np.random.default_rng(0)
    for name, voice, number in (('a', 0, 0), ('b', 0, 1), ('c', 1, 0)):
        soundfile.write(tmp_path / f'{name}.wav', synth_voice(voice).say(number, 5.0), 16000)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'so762').symlink_to(tiny_corpus / 'so762')
    (tmp_path / 'recordings').symlink_to(tiny_corpus / 'so762' / 'train')
    for name in ('noise_hiss', 'music_beat', 'babble_crowd', 'rir/room'):
        path = tmp_path / 'data' / 'noise' / f'{name}.wav'
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = (
            rng.standard_normal(16000) * 0.05 * np.exp(-np.arange(16000) / (800 if 'room' in name else 1e9))
        )
        soundfile.write(path, sound, 16000)
    shutil.copytree(ROOT / 'configs', tmp_path / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('SVTOOLKIT_DATA', str(tmp_path / 'data'))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def default_model(reader, tiny_model, monkeypatch) -> None:
    """``svtoolkit.load()`` gives the tiny model, which also lies in the folder ``model``."""
    from svtoolkit.zoo import package

    monkeypatch.setattr(package, 'MODELS_FOLDER', reader / 'shipped')
    for folder in (reader / 'shipped' / package.DEFAULT_MODEL, reader / 'model'):
        shutil.copytree(tiny_model / 'model', folder)


@pytest.fixture
def clean_registries(reader):
    """Parts and modules of a page are forgotten after it."""
    registry.MODELS.names(), registry.BACKENDS.names(), registry.TRANSFORMS.names()  # filled first
    parts = [dict(part.module_dict) for part in REGISTRIES]
    modules = set(sys.modules)
    yield
    for part, known in zip(REGISTRIES, parts):
        part.module_dict.clear()
        part.module_dict.update(known)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], '__file__', '')).startswith(f'{reader}{os.sep}'):
            del sys.modules[name]
    importlib.invalidate_caches()
