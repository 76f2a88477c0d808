"""Fixtures for every test: where the real recordings are, and one thread so that runs agree."""

import importlib
import os
import warnings
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import pytest
import soundfile

from svtoolkit.datasets.voices import synth_voice

ROOT = Path(__file__).parents[1]


def find_data() -> Path | None:
    """The folder with so762, libri and noise: $SVTOOLKIT_DATA, data/, or ../shared/data."""
    places = [os.environ.get('SVTOOLKIT_DATA', ''), ROOT / 'data', ROOT.parent / 'shared' / 'data']
    for place in map(Path, filter(None, places)):
        if (place / 'so762' / 'train.tsv').is_file():
            return place
    return None


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder of the real recordings; tests that need it are skipped, by name, without it."""
    folder = find_data()
    if folder is None:
        pytest.skip('no real recordings: set SVTOOLKIT_DATA to a folder that holds so762/')
    return folder


@pytest.fixture(scope='session')
def speechbrain():
    """Imports modules of SpeechBrain; tests that compare with it are skipped where it is not installed."""
    if find_spec('speechbrain') is None:
        pytest.skip('SpeechBrain is not installed')
    from svtoolkit.audio._torchaudio import load_torchaudio

    def module(name):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            load_torchaudio()
            return importlib.import_module(f'speechbrain.{name}')

    return module


@pytest.fixture(scope='session')
def tiny_corpus(tmp_path_factory) -> Path:
    """12 synthetic voices with 6 recordings of 1.2 s each, laid out like so762; 2 speakers for development."""
    folder = tmp_path_factory.mktemp('tiny') / 'so762'
    for part, speakers in (('train', range(8)), ('test', range(8, 12))):
        rows = ['utt\tpath\tspeaker\tduration']
        for speaker in speakers:
            (folder / part / f's{speaker}').mkdir(parents=True)
            for number in range(6):
                path = f'{part}/s{speaker}/u{number}.wav'
                soundfile.write(folder / path, synth_voice(speaker).say(number, 1.2), 16000)
                rows.append(f's{speaker}-u{number}\t{path}\ts{speaker}\t1.2')
        (folder / f'{part}.tsv').write_text('\n'.join(rows) + '\n')
    (folder / 'dev_speakers.txt').write_text('s6\ns7\n')
    for name, speakers in dict(dev=(6, 7), random=(8, 9, 10, 11), hard=(11, 10, 9, 8)).items():
        lines = [f'1 s{s}-u{a} s{s}-u{b}' for s in speakers for a in range(6) for b in range(a)]
        lines += [
            f'0 s{s}-u{a} s{t}-u{b}' for s, t in combinations(speakers, 2) for a in range(6) for b in range(6)
        ]
        (folder / f'trials_{name}.txt').write_text('\n'.join(lines) + '\n')
    return folder.parent


@pytest.fixture(scope='session')
def write_tiny_config(tiny_corpus):
    """Write a recipe that trains on the tiny corpus in seconds: batches of 4 crops of 50 frames, 3 epochs."""

    def write(path: Path) -> Path:
        base = ROOT / 'configs/_base_/default_runtime.py'
        path.write_text(TINY_CONFIG.format(data=tiny_corpus / 'so762', base=base))
        return path

    return write


@pytest.fixture
def tiny_config(write_tiny_config, tmp_path) -> Path:
    """The tiny recipe, in a folder of the test's own."""
    return write_tiny_config(tmp_path / 'tiny.py')


@pytest.fixture(scope='session')
def tiny_model(write_tiny_config, tmp_path_factory) -> Path:
    """A run folder: trained on the tiny corpus and published with mean and threshold."""
    from svtoolkit.engine import launch
    from svtoolkit.zoo.publish import publish

    folder = tmp_path_factory.mktemp('tiny_model')
    config = write_tiny_config(folder / 'tiny.py')
    launch.train(config, folder / 'run', options={'train_cfg.max_epochs': 8})
    publish(launch.read_config(config), folder / 'run' / 'best.pth', folder / 'run' / 'model', 'tiny')
    return folder / 'run'


TINY_CONFIG = """
_base_ = ['{base}']
data = '{data}/'
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=24),
                           augment=dict(type='SpecAugment', max_freq_width=4, max_time_width=8)),
    backbone=dict(type='ResNet', depth=18, widths=(4, 4, 8, 8)),
    neck=dict(type='StatsPooling'), embedding=dict(embed_dim=16),
    head=dict(type='AMSoftmaxHead', num_speakers=None, scale=15, margin=0.1))
train_dataloader = dict(
    batch_size=4, num_workers=0,
    dataset=dict(type='RandomSpeakerDataset', manifest=data + 'train.tsv', frames=50,
                 exclude_speakers=data + 'dev_speakers.txt'))
val_dataloader = dict(
    batch_size=4, num_workers=0,
    dataset=dict(type='UtteranceDataset', manifest=data + 'train.tsv', include_speakers=data + 'dev_speakers.txt'))
val_evaluator = dict(type='TrialMetric', trials=data + 'trials_dev.txt')
test_dataloader = dict(
    batch_size=4, num_workers=0,
    dataset=dict(type='UtteranceDataset', manifest=[data + 'test.tsv', data + 'train.tsv']))
test_evaluator = dict(
    type='TrialMetric', trials=dict(random=data + 'trials_random.txt', hard=data + 'trials_hard.txt'),
    backend=[dict(type='Centre'), dict(type='Cosine')], fit=data + 'train.tsv', rounds=200)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.2, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=3)
custom_hooks = [dict(type='MarginRampHook', start=0.0, stop=0.1, end=0.5, unit='run')]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
"""
