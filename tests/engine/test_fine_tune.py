"""Fine-tuning: what is taken from the old model, what learns when, and what is refused."""

import json
import logging
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from svtoolkit.engine import checkpoint as files
from svtoolkit.engine import launch
from svtoolkit.engine.averaging import average, newest_epochs
from svtoolkit.engine.checkpoint_hook import SafeCheckpointHook
from svtoolkit.engine.freeze_hook import FreezeHook, freeze
from svtoolkit.errors import CheckpointError, ConfigError, UnknownNameError
from svtoolkit.registry import HOOKS, MODELS

ROOT = Path(__file__).parents[2]
SEEN: list[dict] = []


@HOOKS.register_module(force=True)
class ProbeHook(Hook):
    """Writes down what training really does: shapes, masks, margin, statistics, weights."""

    priority = 'VERY_LOW'

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        model = runner.bare_model
        if runner.iter == 0:
            SEEN.clear()
        features = model.data_preprocessor(data_batch, True)['inputs']
        SEEN.append(
            dict(
                epoch=runner.epoch,
                samples=data_batch['inputs'].shape[1],
                masked=bool((features == 0).all(dim=1).any()),
                margin=model.head.margin,
                state={name: tensor.clone() for name, tensor in model.state_dict().items()},
            )
        )


@pytest.fixture(scope='module')
def old_run(tiny_corpus, tmp_path_factory) -> Path:
    """A run on four of the six training voices, two epochs; with a checkpoint of each epoch."""
    folder = tmp_path_factory.mktemp('old')
    write_config(folder / 'old.py', tiny_corpus)
    launch.train(
        folder / 'old.py',
        folder / 'run',
        validate=False,
        options={
            'train_cfg.max_epochs': 2,
            'train_dataloader.dataset.exclude_speakers': ['s4', 's5', 's6', 's7'],
            'default_hooks.checkpoint.max_keep_ckpts': -1,
        },
    )
    return folder / 'run'


@pytest.fixture
def config(tiny_corpus, tmp_path) -> Path:
    return write_config(tmp_path / 'new.py', tiny_corpus)


def write_config(path: Path, corpus: Path) -> Path:
    text = runpy.run_path(str(ROOT / 'tests/conftest.py'))['TINY_CONFIG']
    text = text.format(data=corpus / 'so762', base=ROOT / 'configs/_base_/default_runtime.py')
    path.write_text(text + "custom_hooks = [dict(type='ProbeHook')]\n")
    return path


def tune(config: Path, work_dir: Path, fine_tune: dict, hooks=(), epochs: int = 1, **options) -> Path:
    """Train with the key ``fine_tune``; dicts cannot come as options, so they are written to the file."""
    lines = [f'fine_tune = {fine_tune!r}', f"custom_hooks = [*{list(hooks)!r}, dict(type='ProbeHook')]"]
    config.write_text(config.read_text() + '\n'.join(lines) + '\n')
    launch.train(config, work_dir, validate=False, options={'train_cfg.max_epochs': epochs, **options})
    return work_dir


def newest(run: Path) -> dict:
    return files.load(files.latest(run))


def body(state: dict) -> dict:
    return {name: tensor for name, tensor in state.items() if not name.startswith('head.')}


def test_a_new_head_starts_on_the_old_body(config, old_run, tmp_path):
    tune(config, tmp_path / 'run', dict(checkpoint=str(old_run), bn='train'))
    old, first = files.load(files.latest(old_run))['state_dict'], SEEN[0]['state']
    assert all(torch.equal(old[name], first[name]) for name in body(old))
    assert first['head.weight'].shape == (6, 16)
    assert old['head.weight'].shape == (4, 16)
    assert not torch.equal(first['head.weight'][:4], old['head.weight'])
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert '6 speakers are few to adapt a network to' in log.read_text()


def test_an_extended_head_keeps_old_logits_and_starts_new_rows_at_their_voice(config, old_run, tmp_path):
    run = tune(config, tmp_path / 'run', dict(checkpoint=str(old_run), head='extend', bn='frozen_stats'))
    source = newest(old_run)
    old, first = source['state_dict'], SEEN[0]['state']
    assert newest(run)['meta']['dataset_meta']['classes'] == [f's{number}' for number in range(6)]
    embedding = torch.randn(5, 16)
    heads = [MODELS.build(dict(type='AMSoftmaxHead', embed_dim=16, num_speakers=n)) for n in (4, 6)]
    for head, state in zip(heads, (old, first)):
        head.load_state_dict({'weight': state['head.weight']})
    assert torch.equal(heads[0].predict(embedding), heads[1].predict(embedding)[:, :4])
    model = build(source, old).eval()
    with torch.no_grad():
        own = nn.functional.normalize(model.embed(voice(config, 's4')), dim=1).mean(0)
    new = first['head.weight'][4:]
    assert nn.functional.cosine_similarity(new[0], own, dim=0) > 0.999
    assert new.norm(dim=1).numpy() == pytest.approx(old['head.weight'].norm(dim=1).mean().item(), rel=1e-5)


def build(source: dict, state: dict) -> nn.Module:
    model = MODELS.build(source['meta']['model'])
    model.load_state_dict(state)
    return model


def voice(config: Path, speaker: str) -> torch.Tensor:
    """Crops of a speaker as the class rows are made of."""
    from svtoolkit.engine.class_rows import crop
    from svtoolkit.registry import DATASETS

    dataset = DATASETS.build(launch.read_config(config).train_dataloader.dataset)
    rows = [row for row in range(len(dataset)) if dataset.manifest.speakers[row] == speaker]
    return torch.from_numpy(np.stack([crop(dataset, row, 64000) for row in rows]))


def test_extending_by_speeds_makes_rows_for_the_new_classes(config, old_run, tmp_path):
    run = tune(
        config,
        tmp_path / 'run',
        dict(checkpoint=str(old_run), head='extend'),
        **{'train_dataloader.dataset.speeds': [1.0, 0.9]},
    )
    assert newest(run)['meta']['dataset_meta']['classes'][5:8] == ['s5', 's0#0.9', 's1#0.9']
    rows = SEEN[0]['state']['head.weight']
    assert rows.shape == (12, 16)
    assert torch.equal(rows[:4], newest(old_run)['state_dict']['head.weight'])
    assert len({tuple(row.tolist()) for row in rows}) == 12


def test_subset_and_keep_choose_rows_by_name(config, old_run, tmp_path):
    old = newest(old_run)['state_dict']['head.weight']
    few = {'train_dataloader.dataset.exclude_speakers': ['s0', 's2', 's4', 's5', 's6', 's7']}
    text = config.read_text()
    tune(config, tmp_path / 'subset', dict(checkpoint=str(old_run), head='subset'), **few)
    assert torch.equal(SEEN[0]['state']['head.weight'], old[[1, 3]])
    config.write_text(text)
    run = tune(config, tmp_path / 'keep', dict(checkpoint=str(old_run), head='keep'), **few)
    assert torch.equal(SEEN[0]['state']['head.weight'], old)
    assert json.loads((run / 'speaker_map.json').read_text()) == {f's{n}': n for n in range(4)}
    config.write_text(text)
    with pytest.raises(ConfigError, match=r"2 of 6 speakers, \['s4', 's5'\]"):
        tune(config, tmp_path / 'all', dict(checkpoint=str(old_run), head='subset'))


def test_a_frozen_stage_changes_nothing_but_the_head(config, old_run, tmp_path):
    stages = [
        dict(until=1, train=['head']),
        dict(until=2, train=['head', 'embedding', 'pool']),
        dict(train='all'),
    ]
    tune(
        config,
        tmp_path / 'run',
        dict(checkpoint=str(old_run), bn='train'),
        hooks=[dict(type='FreezeHook', stages=stages)],
        epochs=3,
    )
    start = {epoch: next(one['state'] for one in SEEN if one['epoch'] == epoch) for epoch in range(3)}
    changed = [
        {name for name in a if not torch.equal(a[name], b[name])}
        for a, b in ((start[0], start[1]), (start[1], start[2]), (start[2], SEEN[-1]['state']))
    ]
    assert changed[0] == {'head.weight'}
    assert {name.split('.')[0] for name in changed[1]} == {'head', 'embedding'}
    assert 'embedding.norm.running_mean' in changed[1]
    assert 'backbone.layer1.0.bn1.running_mean' in changed[2]


def test_freezing_below_a_part_leaves_its_neighbours_alone():
    model = nn.ModuleDict(dict(a=nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), head=nn.Linear(2, 2)))
    frozen = freeze(model, ['a.1'])
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ['a.1.weight', 'a.1.bias']
    assert model['a'] not in frozen
    assert model['head'] in frozen
    assert freeze(model, None) == []
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert freeze(model, None, ['a.0.weight']) == []
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ['a.0.weight']
    hook = FreezeHook([dict(until=1, train=['head']), dict(until=3, train='a'), dict(train='all')])
    assert [hook.stage_at(epoch) for epoch in range(5)] == [0, 1, 1, 2, 2]


def test_what_a_model_does_not_train_stays_so_through_the_stages():
    model = nn.ModuleDict(dict(base=nn.Linear(2, 2).requires_grad_(False), head=nn.Linear(2, 2)))
    hook = FreezeHook([dict(until=1, train=['head']), dict(train='all')])
    runner = SimpleNamespace(model=model, epoch=0, logger=logging.getLogger('test'))
    hook.before_train(runner)
    for epoch in (0, 1):
        runner.epoch = epoch
        hook.before_train_epoch(runner)
        assert not any(parameter.requires_grad for parameter in model['base'].parameters())
        assert all(parameter.requires_grad for parameter in model['head'].parameters())


def test_batch_norm_modes(config, old_run, tmp_path):
    text, old = config.read_text(), newest(old_run)['state_dict']
    name = 'backbone.bn1.running_mean'
    tune(config, tmp_path / 'auto', dict(checkpoint=str(old_run)))  # batches of 4: statistics stay
    assert torch.equal(SEEN[-1]['state'][name], old[name])
    assert not torch.equal(SEEN[-1]['state']['backbone.bn1.weight'], old['backbone.bn1.weight'])
    config.write_text(text)
    tune(config, tmp_path / 'train', dict(checkpoint=str(old_run), bn='train'))
    assert not torch.equal(SEEN[-1]['state'][name], old[name])
    config.write_text(text)
    tune(config, tmp_path / 'adapt', dict(checkpoint=str(old_run), bn='adapt', adapt_utts=12))
    adapted = SEEN[0]['state']
    assert not torch.equal(adapted[name], old[name])
    assert torch.equal(adapted['backbone.conv1.weight'], old['backbone.conv1.weight'])


def test_adapted_statistics_are_the_plain_average(config, old_run):
    from svtoolkit.engine.bn_adapt import adapt_statistics
    from svtoolkit.engine.class_rows import crop
    from svtoolkit.registry import DATASETS

    source = newest(old_run)
    model = build(source, source['state_dict'])
    dataset = DATASETS.build(launch.read_config(config).train_dataloader.dataset)
    adapt_statistics(model, dataset, range(8), 16000)
    waves = torch.from_numpy(np.stack([crop(dataset, row, 16000) for row in range(8)]))
    with torch.no_grad():
        maps = model.backbone.conv1(model.data_preprocessor.features(waves).unsqueeze(1))
    assert torch.allclose(model.backbone.bn1.running_mean, maps.mean((0, 2, 3)), atol=1e-4)
    assert model.backbone.bn1.momentum == 0.1


def test_l2_sp_holds_the_body_near_its_start(config, old_run, tmp_path):
    text, old = config.read_text(), newest(old_run)['state_dict']
    far = {}
    for pull in (0.0, 100.0):
        config.write_text(text)
        tune(config, tmp_path / f'run{pull}', dict(checkpoint=str(old_run), l2_sp=pull), epochs=2)
        state = SEEN[-1]['state']
        far[pull] = sum((state[n] - old[n]).norm().item() for n in body(old) if n.endswith('weight'))
    assert far[100.0] < 0.8 * far[0.0]


def test_crops_margin_and_masks_change_in_the_next_run(config, old_run, tmp_path):
    """A large-margin stage: same head, crops twice as long, a larger margin, no masks."""
    tune(
        config,
        tmp_path / 'run',
        dict(checkpoint=str(old_run), head='keep'),
        **{
            'train_dataloader.dataset.exclude_speakers': ['s4', 's5', 's6', 's7'],
            'train_dataloader.dataset.frames': 100,
            'model.head.margin': 0.5,
            'model.data_preprocessor.augment': None,
        },
    )
    assert {one['samples'] for one in SEEN} == {400 + 160 * 99}
    assert {one['margin'] for one in SEEN} == {0.5}
    assert not any(one['masked'] for one in SEEN)


@pytest.mark.parametrize('workers', [0, 1])
def test_crops_margin_and_masks_change_within_a_run(config, old_run, tmp_path, workers):
    stages = [
        dict(begin=0, frames=40, margin=0.1),
        dict(begin=1, frames=80, margin=0.4, augment=None),
    ]
    tune(
        config,
        tmp_path / 'run',
        dict(checkpoint=str(old_run)),
        hooks=[dict(type='StageHook', stages=stages)],
        epochs=2,
        **{
            'train_dataloader.num_workers': workers,
            'train_dataloader.persistent_workers': bool(workers),
            'model.data_preprocessor.augment.max_time_width': 30,
        },
    )
    first, second = ([one for one in SEEN if one['epoch'] == epoch] for epoch in (0, 1))
    assert {one['samples'] for one in first} == {400 + 160 * 39}
    assert {one['samples'] for one in second} == {400 + 160 * 79}
    assert {one['margin'] for one in first} == {0.1}
    assert {one['margin'] for one in second} == {0.4}
    assert any(one['masked'] for one in first)
    assert not any(one['masked'] for one in second)


def test_unrelated_checkpoints_are_refused(config, old_run, tmp_path):
    text = config.read_text()
    with pytest.raises(CheckpointError, match=r'of another model.*matched.*of the backbone'):
        tune(
            config, tmp_path / 'a', dict(checkpoint=str(old_run)), **{'model.backbone.widths': (4, 8, 8, 16)}
        )
    config.write_text(text)
    other = {'model.data_preprocessor.feature.low_freq': 60}
    with pytest.raises(CheckpointError, match=r'another front end \(low_freq\)'):
        tune(config, tmp_path / 'b', dict(checkpoint=str(old_run)), **other)
    config.write_text(text)
    tune(config, tmp_path / 'c', dict(checkpoint=str(old_run), allow_partial=True), **other)
    config.write_text(text)
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        tune(config, tmp_path / 'd', dict(checkpoint=str(tmp_path / 'absent.pth')))


def test_wrong_options_name_the_right_ones(config, old_run, tmp_path):
    text = config.read_text()
    for options, error, words in (
        (dict(checkpoint=str(old_run), hed='new'), ConfigError, "Did you mean 'head'"),
        (dict(checkpoint=str(old_run), head='extent'), UnknownNameError, "Did you mean 'extend'"),
        (dict(head='new'), ConfigError, "'checkpoint' is missing"),
    ):
        config.write_text(text)
        with pytest.raises(error, match=words):
            tune(config, tmp_path / 'run', options)


def test_learning_rates_by_layer_reach_the_optimiser(config, old_run, tmp_path):
    rates = {}

    @HOOKS.register_module(force=True)
    class RateHook(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            names = {parameter: name for name, parameter in runner.bare_model.named_parameters()}
            for group in runner.optim_wrapper.optimizer.param_groups:
                for parameter in group['params']:
                    rates[names[parameter]] = (group['lr'], group['weight_decay'])

    config.write_text(
        config.read_text()
        + "optim_wrapper['paramwise_cfg'] = dict(norm_decay_mult=0, bias_decay_mult=0,\n"
        + "    custom_keys={'backbone.layer4': dict(lr_mult=0.3), 'backbone': dict(lr_mult=0.1)})\n"
        + "optim_wrapper['optimizer']['weight_decay'] = 0.05\nparam_scheduler = None\n"
    )
    tune(config, tmp_path / 'run', dict(checkpoint=str(old_run)), hooks=[dict(type='RateHook')])
    assert rates['backbone.conv1.weight'][0] == pytest.approx(2e-4)
    assert rates['backbone.layer4.0.conv1.weight'][0] == pytest.approx(6e-4)
    assert rates['head.weight'][0] == pytest.approx(2e-3)
    assert rates['embedding.norm.weight'][1] == 0
    assert rates['embedding.linear.weight'][1] > 0


def test_the_average_holds_what_validation_and_the_best_checkpoint_see(tiny_config, tmp_path):
    values = {}

    @HOOKS.register_module(force=True)
    class CompareHook(Hook):
        def before_val_iter(self, runner, batch_idx, data_batch=None):
            values[runner.epoch] = runner.bare_model.backbone.conv1.weight.detach().clone()

    tiny_config.write_text(
        tiny_config.read_text()
        + "custom_hooks = [dict(type='EMAHook', momentum=0.1), dict(type='CompareHook')]\n"
    )
    launch.train(tiny_config, tmp_path / 'run', options={'train_cfg.max_epochs': 2})
    best = files.load(tmp_path / 'run' / 'best.pth')
    assert torch.equal(best['state_dict']['backbone.conv1.weight'], values[best['meta']['epoch']])
    last = files.load(tmp_path / 'run' / 'epoch_2.pth')
    raw = last['ema_state_dict']['module.backbone.conv1.weight']
    assert not torch.equal(raw, last['state_dict']['backbone.conv1.weight'])
    assert torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / 'run' / 'epoch_2.pth') == []
    straight = files.load(tmp_path / 'run' / 'epoch_2.pth')
    (tmp_path / 'run' / 'epoch_2.pth').unlink()  # what is left is the end of the first epoch
    launch.train(tiny_config, tmp_path / 'run', resume=True, options={'train_cfg.max_epochs': 2})
    resumed = files.load(tmp_path / 'run' / 'epoch_2.pth')
    for key in ('state_dict', 'ema_state_dict'):
        assert all(torch.equal(straight[key][name], resumed[key][name]) for name in straight[key])


def test_fine_tuning_with_an_average_begins_at_the_old_weights(config, old_run, tmp_path):
    run = tune(
        config,
        tmp_path / 'run',
        dict(checkpoint=str(old_run)),
        hooks=[dict(type='EMAHook', momentum=1e-6)],
    )
    first, mean = SEEN[1]['state'], newest(run)['state_dict']  # it copies the weights at the first step
    name = 'backbone.layer4.0.conv1.weight'
    assert torch.allclose(mean[name], first[name], atol=1e-6)
    assert (first[name] - newest(old_run)['state_dict'][name]).abs().max() < 3e-3


def test_averaging_takes_the_newest_epochs_by_number(old_run, tmp_path):
    assert [path.name for path in newest_epochs(old_run, 2)] == ['epoch_1.pth', 'epoch_2.pth']
    one, two = (files.load(old_run / f'epoch_{n}.pth') for n in (1, 2))
    for number in (9, 10):
        (tmp_path / f'epoch_{number}.pth').write_bytes((old_run / f'epoch_{number - 8}.pth').read_bytes())
    paths = newest_epochs(tmp_path, 2)
    assert [path.name for path in paths] == ['epoch_9.pth', 'epoch_10.pth']
    mean = average(paths)
    name, count = 'backbone.conv1.weight', 'backbone.bn1.num_batches_tracked'
    assert torch.allclose(mean['state_dict'][name], (one['state_dict'][name] + two['state_dict'][name]) / 2)
    assert mean['state_dict'][count] == two['state_dict'][count]
    assert mean['meta']['averaged'] == ['epoch_9.pth', 'epoch_10.pth']
    files.save(mean, tmp_path / 'mean.pth')
    build(files.load(tmp_path / 'mean.pth'), mean['state_dict'])
    with pytest.raises(CheckpointError, match='2 epoch checkpoints, 3 asked for'):
        newest_epochs(old_run, 3)
    broken = dict(two, state_dict={n: t for n, t in two['state_dict'].items() if n != name})
    files.save(broken, tmp_path / 'broken.pth')
    with pytest.raises(CheckpointError, match='not of the same model'):
        average([tmp_path / 'broken.pth', old_run / 'epoch_2.pth'])


def test_average_with_the_start_keeps_the_new_head(old_run, config, tmp_path):
    """An adapted model and the one it came from share all but the classes."""
    run = tune(config, tmp_path / 'run', dict(checkpoint=str(old_run)))
    old, new = newest(old_run)['state_dict'], newest(run)['state_dict']
    mean = average([old_run, Path(run) / 'epoch_1.pth'], weights=[0.6, 1.4])['state_dict']
    name, head = 'backbone.conv1.weight', 'head.weight'
    assert not torch.equal(old[name], new[name])
    assert torch.allclose(mean[name], 0.3 * old[name] + 0.7 * new[name], atol=1e-7)
    assert torch.equal(mean[head], new[head]) and mean[head].shape != old[head].shape
    for weights in ([1.0], [1.0, -1.0], [0.0, 0.0]):
        with pytest.raises(CheckpointError, match='one for each of 2'):
            average([old_run, Path(run) / 'epoch_1.pth'], weights)


@pytest.mark.parametrize(
    'options',
    [
        {'model.backbone.with_cp': True, 'model.channels_last': True, 'sync_bn': 'torch'},
        {'activation_checkpointing': ['backbone.layer1']},
    ],
)
def test_one_line_options_train(config, old_run, tmp_path, options):
    result = launch.train(
        config, tmp_path / 'run', validate=False, options={'train_cfg.max_epochs': 1, **options}
    )
    assert (Path(result['work_dir']) / 'epoch_1.pth').is_file()


def test_a_model_that_forgot_the_old_domain_is_not_marked_best(tmp_path):
    """Target errors 9, 5, 4, 6 % while the guarded ones go 5, 5.9, 6.1, 5 %: the second is the best."""
    saved, lines = [], []
    runner = SimpleNamespace(
        work_dir=str(tmp_path), epoch=0, iter=0, train_loop=SimpleNamespace(val_begin=0),
        save_checkpoint=lambda *_, epoch, **__: saved.append(epoch),
        logger=SimpleNamespace(info=lines.append, warning=lines.append),
    )  # fmt: skip
    hook = SafeCheckpointHook(save_best='target', guard='source')
    hook.before_train(runner)
    for runner.epoch, (target, source) in enumerate(
        [(0.09, 0.05), (0.05, 0.059), (0.04, 0.061), (0.06, 0.05)]
    ):
        hook.after_val_epoch(runner, dict(target=target, source=source))
    assert saved == [0, 1]
    assert json.loads((tmp_path / 'best.json').read_text())['epoch'] == 1
    assert 'not marked best: source is 0.0610, more than 20 % above the 0.0500' in lines[-1]
    with pytest.raises(UnknownNameError, match='guard metric'):
        hook.after_val_epoch(runner, dict(target=0.01))
    runner.train_loop.val_begin = 1
    with pytest.raises(ConfigError, match='train_cfg.val_begin=0'):
        hook.before_train(runner)


def test_the_start_weights_are_measured_before_the_first_step(config, old_run, tmp_path):
    work_dir = tmp_path / 'run'
    config.write_text(config.read_text() + f'fine_tune = dict(checkpoint={str(old_run)!r})\n')
    options = {
        'train_cfg.max_epochs': 1, 'train_cfg.val_begin': 0, 'default_hooks.checkpoint.guard': 'asv/EER',
        'optim_wrapper.optimizer.lr': 0.0,
    }  # fmt: skip
    result = launch.train(config, work_dir, options=options)
    assert json.loads((work_dir / 'guard.json').read_text())['value'] >= 0
    assert json.loads((work_dir / 'best.json').read_text())['epoch'] == 0
    assert 'asv/EER' in result['metrics']
