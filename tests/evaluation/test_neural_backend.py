"""Scores of trial lists by a network: equal to the network alone, one pass per utterance, faults named."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from svtoolkit import backends
from svtoolkit.cli.main import main
from svtoolkit.datasets.voices import synth_voice
from svtoolkit.errors import ManifestError, SvtoolkitError
from svtoolkit.evaluation.neural_backend import NeuralBackend
from svtoolkit.registry import BACKENDS, MODELS
from svtoolkit.zoo.package import ModelPackage

BENCH = Path(__file__).parents[2] / 'tools' / 'benchmarks' / 'bench_neural_scoring.py'
GENERATION_A = dict(num_layers=2, mask='full', type_embedding=False, enrolment_position=True)


def config(**options) -> dict:
    return dict(
        type='NeuralScoringRecognizer',
        data_preprocessor=dict(type='TrialPreprocessor', feature=dict(type='Fbank', num_mel_bins=24)),
        enroller=dict(
            type='EmbeddingRecognizer',
            backbone=dict(type='ResNet', depth=18, widths=(4, 4, 8, 8)),
            neck=dict(type='StatsPooling'),
            embedding=dict(embed_dim=16),
        ),
        scorer=dict(type='NeuralScorerHead', width=16, hidden=24, **options),
    )


def build(**options):
    torch.manual_seed(0)
    model = MODELS.build(config(**options))
    for parameter in model.scorer.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture(scope='module')
def waves():
    """12 recordings of three lengths."""
    rng = np.random.default_rng(0)
    return {f'u{n}': rng.normal(0, 0.1, (9000, 12000, 16000)[n % 3]).astype(np.float32) for n in range(12)}


@pytest.fixture(scope='module')
def trials(waves):
    rng = np.random.default_rng(1)
    enrol, test = rng.integers(0, 12, (2, 90))
    return SimpleNamespace(ids=list(waves), enrol=enrol, test=np.minimum(test, 9), label=None)


def one_by_one(model, waves, trials):
    """Each trial by the network alone, from the waveforms, with the whole masked encoder."""
    scores = []
    with torch.no_grad():
        for a, b in zip(trials.enrol, trials.test):
            enrol, test = (torch.from_numpy(waves[trials.ids[row]])[None] for row in (a, b))
            frames = model.backbone(model.data_preprocessor.features(test))
            scores.append(model.scorer.score_masked(frames, model.embed(enrol)[None]).item())
    return np.array(scores)


@pytest.mark.parametrize('options', [{}, dict(num_layers=3), GENERATION_A], ids=str)
@pytest.mark.parametrize('sizes', [(4096, 16), (7, 2), (1, 1)], ids=str)
def test_a_list_equals_its_trials_one_by_one(options, sizes, waves, trials):
    model = build(**options)
    scores = NeuralBackend(*sizes).prepare(model, waves).score_trials(trials)
    assert scores.shape == (90,) and scores.dtype == np.float64
    np.testing.assert_allclose(scores, one_by_one(model, waves, trials), atol=1e-5)
    assert np.std(scores) > 1e-3  # a hundred times what may differ


def test_each_network_runs_once_for_each_utterance_it_is_needed_for(waves, trials):
    model, calls = build(), dict(enroller=0, backbone=0)
    model.enroller.backbone.register_forward_hook(lambda *_: calls.update(enroller=calls['enroller'] + 1))
    model.backbone.register_forward_hook(lambda *_: calls.update(backbone=calls['backbone'] + 1))
    backend = NeuralBackend().prepare(model, waves, trials)
    assert calls == dict(enroller=len(set(trials.enrol)), backbone=len(set(trials.test)))
    backend.score_trials(trials)
    backend.prepare(model, waves.items(), trials)
    assert sum(calls.values()) == len(set(trials.enrol)) + len(set(trials.test))
    backend.prepare(model, waves)
    assert calls == dict(enroller=12, backbone=12)


def test_trial_order_does_not_matter(waves, trials):
    backend = NeuralBackend(pairs_at_once=9).prepare(build(), waves)
    order = np.random.default_rng(2).permutation(90)
    shuffled = SimpleNamespace(ids=trials.ids, enrol=trials.enrol[order], test=trials.test[order])
    np.testing.assert_allclose(backend.score_trials(shuffled), backend.score_trials(trials)[order], atol=1e-6)


def test_several_enrolment_utterances_are_one_mean_embedding(waves):
    backend = NeuralBackend().prepare(build(), waves)
    both = SimpleNamespace(ids=['ann', 'u2'], enrol=np.array([0]), test=np.array([1]))
    score = backend.score_trials(both, {'ann': ['u0', 'u1']})
    backend.embeddings['mean'] = (backend.embeddings['u0'] + backend.embeddings['u1']) / 2
    alone = SimpleNamespace(ids=['mean', 'u2'], enrol=np.array([0]), test=np.array([1]))
    np.testing.assert_allclose(score, backend.score_trials(alone), atol=1e-6)


def test_what_was_not_prepared_is_named(waves, trials):
    with pytest.raises(SvtoolkitError, match='call prepare'):
        NeuralBackend().score_trials(trials)
    backend = NeuralBackend().prepare(build(), {name: waves[name] for name in ('u0', 'u1')})
    with pytest.raises(ManifestError, match='10 enrolment utterances'):
        backend.score_trials(trials)


def test_it_is_registered_and_built_from_a_config():
    backend = backends.build(
        dict(type='NeuralBackend', tests_at_once=3), dict(NeuralBackend=BACKENDS.get('NeuralBackend'))
    )
    assert backend.config() == dict(type='NeuralBackend', pairs_at_once=4096, tests_at_once=3)
    with pytest.raises(ValueError, match='pairs_at_once=0'):
        NeuralBackend(pairs_at_once=0)


@pytest.fixture(scope='module')
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp('scorer')
    ModelPackage('scorer', config(), build(), threshold=0.0, threshold_source='none').save(folder)
    return folder


def test_verify_scores_with_the_network(package, tmp_path):
    paths = []
    for speaker, number in ((1, 0), (2, 1)):
        wave = synth_voice(speaker).say(number, 4.0)
        paths.append(tmp_path / f's{speaker}.wav')
        soundfile.write(paths[-1], wave, 16000)
    result = CliRunner().invoke(main, ['verify', *map(str, paths), '--model', str(package), '--json'])
    assert result.exit_code in (0, 1), result.output
    answer = json.loads(result.stdout)
    waves = {path.name: soundfile.read(path, dtype='float32')[0] for path in paths}
    pair = SimpleNamespace(ids=list(waves), enrol=np.array([0]), test=np.array([1]))
    assert answer['score'] == pytest.approx(one_by_one(build(), waves, pair)[0], abs=1e-4)
    assert answer['same'] == (answer['score'] >= 0)


def test_benchmark_smoke():
    command = [sys.executable, BENCH, '--size', 'smoke', '--rounds', '1', '--distinct', '20']
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert 'trunk features: list' in done.stdout
