"""Neural scoring as a model: counts, targets, the frozen branch, training on a tiny corpus, loading."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import svtoolkit
from svtoolkit.datasets.enrolment_targets import (
    TrialSample,
    batch_classes,
    enrolment_targets,
    enrolment_window,
)
from svtoolkit.datasets.samplers import DrawSampler
from svtoolkit.datasets.samples import SpeakerSample, collate
from svtoolkit.datasets.trial_speaker import TrialSpeakerDataset
from svtoolkit.engine import launch
from svtoolkit.engine.enrolment_weights import load_enroller
from svtoolkit.errors import CheckpointError, ConfigError, SvtoolkitError
from svtoolkit.registry import MODELS
from svtoolkit.zoo.publish import publish

ROOT = Path(__file__).parents[3]
FRONT_END = dict(type='TrialPreprocessor', feature=dict(type='Fbank', num_mel_bins=24))
ENROLLER = dict(
    type='EmbeddingRecognizer',
    backbone=dict(type='ResNet', depth=18, widths=(4, 4, 8, 8)),
    neck=dict(type='StatsPooling'),
    embedding=dict(embed_dim=16),
)
SCORER = dict(type='NeuralScorerHead', width=16, hidden=24)


def build(**options):
    torch.manual_seed(0)
    parts = dict(data_preprocessor=FRONT_END, enroller=ENROLLER, scorer=SCORER)
    return MODELS.build(dict(type='NeuralScoringRecognizer', **{**parts, **options}))


def batch(labels=(0, 1, 0, 2), test_samples=8000, enrol_samples=11200):
    torch.manual_seed(2)
    samples = [TrialSample(n, f't{n}', f's{n}', test_samples, (n,), n, f'e{n}') for n in labels]
    return dict(inputs=torch.randn(len(samples), test_samples + enrol_samples) / 10, data_samples=samples)


def count(module, trained=False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)


@pytest.mark.parametrize(('name', 'scorer', 'trained', 'total'), [
    ('ns_clean', 1_380_865, 6_704_225, 14_662_977), ('ns_clean_gen-a', 5_070_081, 10_393_441, 18_352_193),
])  # fmt: skip
def test_parameter_counts(
    name, scorer, trained, total
):  # neural_scoring.md section 6, on the original modules
    config = launch.read_config(ROOT / f'configs/neural_scoring/{name}.py')
    with torch.device('meta'):
        model = MODELS.build(config.model)
    assert count(model.backbone) == 5_323_360
    assert count(model.enroller) == 7_958_752
    assert (count(model.scorer), count(model, trained=True), count(model)) == (scorer, trained, total)


@pytest.mark.parametrize(('samples', 'mel', 'frames'), [
    (16000, 101, 13), (32240, 202, 26), (32400, 203, 26), (48000, 301, 38), (64400, 403, 51),
    (128000, 801, 101), (160000, 1001, 126), (638960, 3994, 500),
])  # fmt: skip
def test_shapes(samples, mel, frames):  # section 6: S -> L -> T
    config = launch.read_config(ROOT / 'configs/neural_scoring/ns_clean.py')
    feature = MODELS.build(config.model.data_preprocessor).feature
    assert feature.num_frames(samples) == mel
    with torch.device('meta'):
        trunk = MODELS.build(dict(config.model.enroller.backbone, in_channels=80))
        assert trunk(torch.empty(1, 80, mel)).shape == (1, 2560, frames)


def test_target_matrices_golden():  # section 6, B=4, N=3
    a, b, c, d, e = range(5)
    window = enrolment_window(4, 3)
    assert [''.join(map(str, row)) for row in window.tolist()] == ['012', '123', '230', '301']
    enrolled = torch.tensor([a, b, a, c])

    def rows(*args):
        return [''.join(map(str, row)) for row in enrolment_targets(window, *args).int().tolist()]

    assert rows(enrolled, enrolled.unsqueeze(1)) == ['101', '100', '101', '100']
    present = torch.tensor([[a, d], [b, b], [a, c], [c, e]])
    assert rows(enrolled, present, present[:, 1]) == ['1101', '1100', '1111', '1100']


def test_a_window_never_repeats_a_trial():
    assert enrolment_window(3).tolist() == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    with pytest.raises(ValueError, match='5 enrolments for each test, but the batch holds 4'):
        enrolment_window(4, 5)


@pytest.fixture(scope='module')
def trials(tiny_corpus):
    return TrialSpeakerDataset(
        str(tiny_corpus / 'so762/train.tsv'), min_frames=50, max_frames=50, enrol_frames=80, seed=3
    )


def test_items_hold_a_test_and_an_enrolment_of_one_speaker(trials):
    partners = set()
    for draws in DrawSampler(trials, 8, 3, 0, 1):
        for draw in draws:
            item = trials[draw]
            sample = item['data_samples']
            assert len(item['inputs']) == sample.num_samples + trials.enrol_samples
            assert sample.num_samples == 400 + 160 * 49
            assert sample.enrol_utt == trials.manifest.utts[draw.utt]
            assert sample.present == (sample.label,) == (sample.enrol_label,)
            partners.add((sample.utt, sample.enrol_utt))
        again = collate([trials[draw] for draw in draws])
        np.testing.assert_array_equal(again['inputs'][-1], item['inputs'])
    assert len(partners) == 48
    assert 0 < sum(test == enrol for test, enrol in partners) < 24  # a test may be its own enrolment


def test_half_of_generation_a_s_tests_are_of_another_speaker(tiny_corpus):
    dataset = TrialSpeakerDataset(
        str(tiny_corpus / 'so762/train.tsv'), min_frames=20, max_frames=20, enrol_frames=20, negative_prob=0.5,
        draw='replacement', epoch_size=300,
    )  # fmt: skip
    samples = [dataset[draw]['data_samples'] for draws in DrawSampler(dataset, 10, 0, 0, 1) for draw in draws]
    enrolled, present = batch_classes(samples)
    targets = enrolment_targets(enrolment_window(len(samples), 1), enrolled, present)
    assert targets.shape == (300, 1)
    assert 120 <= targets.sum() <= 180  # four deviations
    with pytest.raises(ConfigError, match='negative_prob=2'):
        TrialSpeakerDataset('unread.tsv', negative_prob=2, lazy_init=True)


def test_both_parts_are_normalised_by_themselves_and_only_tests_are_augmented():
    model = build(data_preprocessor=dict(FRONT_END, augment=dict(type='SpecAugment', max_time_width=30)))
    data = batch()
    plain = model.data_preprocessor(data, False)['inputs']
    test, enrolment = model.data_preprocessor(data, True)['inputs']
    assert (test - plain[0]).abs().max() > 0.1
    features = model.data_preprocessor.features
    torch.testing.assert_close(plain[0], features(data['inputs'][:, :8000]))
    torch.testing.assert_close(enrolment, features(data['inputs'][:, 8000:]))


def test_the_enrolment_model_is_frozen_and_the_trunk_starts_equal_and_learns():
    model = build().train()
    assert not any(module.training for module in model.enroller.modules())
    assert model.backbone.training and not any(p.requires_grad for p in model.enroller.parameters())
    before = {name: value.clone() for name, value in model.enroller.state_dict().items()}
    assert any('running_mean' in name for name in before)
    trunk = model.backbone.state_dict()
    assert all(
        torch.equal(value, trunk[name]) for name, value in model.enroller.backbone.state_dict().items()
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(2):
        data = model.data_preprocessor(batch(), True)
        result = model(**data, mode='loss')
        optimizer.zero_grad()
        result['loss'].backward()
        optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in model.enroller.state_dict().items())
    for name, value in model.backbone.state_dict().items():
        if not name.endswith('num_batches_tracked'):
            assert not torch.equal(value, before[f'backbone.{name}']), name
    model.eval()
    assert not model.training
    model.train()
    assert model.scorer.training and not model.enroller.training


def test_the_loss_counts_every_trial_of_the_window():
    model, data = build(num_enrolments=3).eval(), batch()
    features = model.data_preprocessor(data)
    loss = model(**features, mode='loss')['loss']
    embedding, frames = model.embed_features(features['inputs'][1]), model.backbone(features['inputs'][0])
    single = []
    for test, enrols in enumerate([[0, 1, 2], [1, 2, 3], [2, 3, 0], [3, 0, 1]]):
        for place in enrols:
            same = torch.tensor([[(0, 1, 0, 2)[test] == (0, 1, 0, 2)[place]]])
            single.append(model.scorer.loss(frames[[test]], embedding[[place]].unsqueeze(0), same)['loss'])
    torch.testing.assert_close(loss, torch.stack(single).mean())


def test_modes():
    model = build().eval()
    features = torch.randn(2, 24, 90)
    assert model(features).shape == (2, 16)
    assert not model(features).requires_grad
    with torch.no_grad():
        found = model(features, [SpeakerSample(0, 'u', 's', 1), SpeakerSample(1, 'v', 't', 1)], 'predict')
    assert [item['utt'] for item in found] == ['u', 'v']
    assert found[0]['frames'].shape == (12, 16)
    with pytest.raises(ConfigError, match='take TrialSpeakerDataset'):
        model(features, [], 'loss')
    with pytest.raises(ValueError, match="'logits'"):
        model(features, mode='logits')


def test_contradictions_in_the_config_are_named():
    with pytest.raises(ConfigError, match=r'scorer.embed_dim = 99.*gives 16'):
        build(scorer=dict(SCORER, embed_dim=99))
    with pytest.raises(ConfigError, match='share the front end'):
        build(enroller=dict(ENROLLER, data_preprocessor=dict(FRONT_END, normalise='none')))
    stages = dict(backbone=dict(ENROLLER['backbone'], out_stages=(1, 2)), neck=dict(type='MultiStagePooling'))
    with pytest.raises(ConfigError, match='out_stages'):
        build(enroller=dict(ENROLLER, **stages))
    with pytest.raises(ConfigError, match='no classifier'):
        build(head=dict(type='AMSoftmaxHead'))


def coloured_noise(count, samples=16000):
    """Recordings that differ as voices do: noise behind filters of their own, [count, samples]."""
    generator = torch.Generator().manual_seed(5)
    filters = torch.randn(count, 1, 17, generator=generator)
    noise = torch.randn(1, count, samples + 16, generator=generator)
    return 0.03 * torch.nn.functional.conv1d(noise, filters, groups=count)[0]


def test_an_aligned_scorer_starts_from_the_difference_of_enrolment_and_test():
    model = build().eval()
    model.enroller.train()  # statistics of batch norms that stand for something
    for part in coloured_noise(160).split(32):
        model.embed(part)
    model.eval()
    model.start_test_trunk()
    share = model.align_scorer(coloured_noise(160))
    assert 0.7 < share < 1
    first, second = coloured_noise(32)[:, :8000], coloured_noise(32)[:, 8000:]
    seen = []
    model.scorer.layers[0].attention_norm.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    with torch.inference_mode():
        enrolments = model.embed(first)
        frames = model.backbone(model.data_preprocessor.features(second))
        heard = model.scorer.project(frames).mean(1)
        wanted = model.scorer.enrolment_projection(model.embed(second))
        model.scorer(frames, enrolments.expand(32, -1, -1))
        given = model.scorer.enrolment_projection(enrolments)
        tokens = model.scorer.enrolment_projection(model.embed(coloured_noise(160)))
    assert torch.corrcoef(torch.stack([heard.flatten(), wanted.flatten()]))[0, 1] > 0.9
    assert tokens.std() == pytest.approx(1, abs=0.05)  # as large as the position codes
    difference = given.unsqueeze(0) - heard.unsqueeze(1)  # [32 tests, 32 enrolments, 16]
    both = (
        x - x.mean((0, 1)) for x in (seen[0], difference)
    )  # less what position codes and types add to all
    assert torch.corrcoef(torch.stack([x.flatten() for x in both]))[0, 1] > 0.99
    with pytest.raises(ValueError, match='raise width to align'):
        build(scorer=dict(SCORER, width=8, num_heads=2)).align_scorer(first)


def test_enrolment_weights_are_loaded_strictly(tmp_path):
    source, model = MODELS.build(dict(ENROLLER, data_preprocessor=FRONT_END)), build()
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    state = {**source.state_dict(), 'head.weight': torch.zeros(3, 16)}
    torch.save(dict(state_dict=state), tmp_path / 'run.pth')
    load_enroller(model, tmp_path / 'run.pth')
    for name, value in source.backbone.state_dict().items():
        assert torch.equal(model.enroller.backbone.state_dict()[name], value)
        assert torch.equal(model.backbone.state_dict()[name], value)
    save_file({**source.state_dict(), 'scoring.mean': torch.zeros(16)}, tmp_path / 'model.safetensors')
    load_enroller(model, tmp_path / 'model.safetensors')
    missing = {name: value for name, value in state.items() if name != 'embedding.linear.bias'}
    torch.save(dict(state_dict=missing), tmp_path / 'missing.pth')
    with pytest.raises(CheckpointError, match=r'missing: embedding\.linear\.bias'):
        load_enroller(model, tmp_path / 'missing.pth')
    torch.save(dict(state_dict={**state, 'neck.weight': torch.zeros(2)}), tmp_path / 'more.pth')
    with pytest.raises(CheckpointError, match=r'unexpected: neck\.weight'):
        load_enroller(model, tmp_path / 'more.pth')
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        load_enroller(model, tmp_path / 'absent.safetensors')


TRAINING = """
_base_ = ['{base}']
data = '{data}/'
model = dict(
    type='NeuralScoringRecognizer', data_preprocessor={front_end}, enroller={enroller}, scorer={scorer})
train_dataloader = dict(
    batch_size=6, num_workers=0,
    dataset=dict(type='TrialSpeakerDataset', manifest=data + 'train.tsv', min_frames=50, max_frames=50,
                 enrol_frames=80, exclude_speakers=data + 'dev_speakers.txt'))
val_dataloader = dict(
    batch_size=4, num_workers=0,
    dataset=dict(type='UtteranceDataset', manifest=data + 'train.tsv', include_speakers=data + 'dev_speakers.txt'))
val_evaluator = dict(type='NeuralTrialMetric', trials=data + 'trials_dev.txt')
test_dataloader = dict(
    batch_size=4, num_workers=0, dataset=dict(type='UtteranceDataset', manifest=data + 'test.tsv'))
test_evaluator = dict(type='NeuralTrialMetric', trials=dict(random=data + 'trials_random.txt'),
                      backend=dict(type='NeuralBackend', pairs_at_once=64))
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-3))
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=2)
custom_hooks = [dict(type='EnrolmentWeightsHook', checkpoint='{enrolment}', align_utts=40)]
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
"""


def write_training(folder: Path, corpus: Path) -> tuple[Path, torch.nn.Module]:
    """A config, and the enrolment model whose checkpoint it names."""
    source = MODELS.build(dict(ENROLLER, data_preprocessor=FRONT_END))
    torch.save(dict(state_dict=source.state_dict()), folder / 'enrolment.pth')
    config = folder / 'scorer.py'
    config.write_text(
        TRAINING.format(
            base=ROOT / 'configs/_base_/default_runtime.py', data=corpus / 'so762', front_end=FRONT_END,
            enroller=ENROLLER, scorer=SCORER, enrolment=folder / 'enrolment.pth',
        )
    )  # fmt: skip
    return config, source


def test_a_second_stage_begins_at_epoch_0_with_the_weights_of_the_first(tiny_corpus, tmp_path):
    config, _ = write_training(tmp_path, tiny_corpus)
    first = [launch.train(config, tmp_path / name, validate=False) for name in ('one', 'again')]
    states = [
        torch.load(Path(run['work_dir']) / 'epoch_2.pth', weights_only=True)['state_dict'] for run in first
    ]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())  # one seed
    other = MODELS.build(dict(ENROLLER, data_preprocessor=FRONT_END))  # what the first stage holds must win
    torch.save(dict(state_dict=other.state_dict()), tmp_path / 'enrolment.pth')
    still = {'load_from': str(tmp_path / 'one/epoch_2.pth'), 'optim_wrapper.optimizer.lr': 0.0}
    launch.train(config, tmp_path / 'two', validate=False, options={**still, 'train_cfg.max_epochs': 1})
    second = torch.load(tmp_path / 'two/epoch_1.pth', weights_only=True)
    assert second['meta']['epoch'] == 1
    for name, value in second['state_dict'].items():
        if name.startswith('enroller.') or not name.endswith(('_mean', '_var', '_tracked')):
            assert torch.equal(value, states[0][name]), name


def test_a_run_trains_and_is_tested(tiny_corpus, tmp_path):
    config, source = write_training(tmp_path, tiny_corpus)
    result = launch.train(config, tmp_path / 'run')
    assert 0 <= result['metrics']['asv/EER'] <= 1
    state = torch.load(tmp_path / 'run' / 'best.pth', weights_only=True)['state_dict']
    for name, value in source.state_dict().items():
        assert torch.equal(state[f'enroller.{name}'], value), name
    assert not torch.equal(state['backbone.conv1.weight'], state['enroller.backbone.conv1.weight'])
    measured = launch.test(config, tmp_path / 'run' / 'best.pth', tmp_path / 'run')
    assert 0 <= measured['asv/random/EER'] <= 1
    rows = (tmp_path / 'run' / 'test' / 'random' / 'scores.tsv').read_text().splitlines()[1:]
    pairs = [' '.join(row.split('\t')[:3]) for row in rows]
    assert pairs == (tiny_corpus / 'so762/trials_random.txt').read_text().splitlines()
    publish(launch.read_config(config), tmp_path / 'run' / 'best.pth', tmp_path / 'run' / 'model', 'scorer')
    model = svtoolkit.load(tmp_path / 'run')
    assert model.package.mean is None and np.isfinite(model.threshold)
    voice = tiny_corpus / 'so762/test/s8'
    score = model.compare(voice / 'u1.wav', voice / 'u0.wav')  # the list's first pair
    assert score == pytest.approx(float(rows[0].split('\t')[3]), abs=1e-3)
    people = {name: model.enrol([voice.parent / name / 'u2.wav']) for name in ('s8', 's9')}
    assert np.isfinite(model.identify(voice / 'u0.wav', people)[1])
    with pytest.raises(SvtoolkitError, match='scores recordings'):
        model.score(people['s8'], people['s9'])
    options = {'model.scorer.num_layers': 2}
    with pytest.raises(CheckpointError, match='of another model'):
        launch.test(config, tmp_path / 'run' / 'best.pth', tmp_path / 'run', options=options)
