"""Train backbones, then poolings and losses, from scratch on speechocean762 under one CPU budget.

    python tools/benchmarks/compare_models.py backbones --csv docs/models.csv
    python tools/benchmarks/compare_models.py poolings --csv docs/models.csv --winner so762_resnet34_fast

Crops, batch, optimiser and schedule are those of configs/asv/so762_resnet34_fast.py; data, speeds, noise and rooms
those of so762_resnet34.py, from the packs in $SVTOOLKIT_PACKS, or with ``--plain`` the same recordings as they are.
Each model takes as many epochs as fit the budget, by the CPU time of a few steps on one thread measured
beforehand. Winners are chosen on the development voices (``dev_EER``); each row's test lists are scored once.
Started again, it skips what the CSV holds and resumes what was broken off.
"""

import csv
import itertools
import json
import statistics
import time
from pathlib import Path

import click
import torch

from svtoolkit.engine import launch

BACKBONES = (
    'so762_resnet34_fast',
    'so762_ecapa_small',
    'so762_campplus',
    'so762_redimnet_b0',
    'so762_xvector',
)
NECKS = {
    'statistics': dict(type='StatsPooling'),
    'attentive statistics': dict(
        type='AttentiveStatsPooling', attention_channels=64, act='tanh', context=True
    ),
    'multi-head attentive': dict(type='MultiHeadAttentivePooling', num_heads=4, split=True, stats=True),
}
HEADS = {'AAM': 'AAMSoftmaxHead', 'AM': 'AMSoftmaxHead'}
PROBE_STEPS = 12
KEY = ('model', 'seed', 'data', 'budget')  # of a row
FIELDS = (
    'model', 'seed', 'data', 'budget', 'parameters', 'macs_2s', 'epochs', 'cpu_minutes', 'dev_EER', 'dev_minDCF_p05',
    'random_EER', 'random_low', 'random_high', 'hard_EER', 'hard_low', 'hard_high',
)  # fmt: skip


@click.command()
@click.argument('group', type=click.Choice(['backbones', 'poolings']))
@click.option('--csv', 'table', type=click.Path(path_type=Path), default=Path('docs/models.csv'))
@click.option('--work-dir', type=click.Path(path_type=Path), default=Path('work_dirs/models'))
@click.option('--cpu-minutes', default=24.0, show_default=True, help='Of training, a model.')
@click.option('--winner', default=BACKBONES[0], show_default=True, help='Recipe whose pooling is varied.')
@click.option('--only', multiple=True, help='Names of rows to run; all without it.')
@click.option('--seed', default=0, show_default=True)
@click.option('--plain', is_flag=True, help='One speed, no noise, no rooms.')
def main(
    group: str,
    table: Path,
    work_dir: Path,
    cpu_minutes: float,
    winner: str,
    only: tuple[str, ...],
    seed: int,
    plain: bool,
) -> None:
    """Train and measure every model of GROUP that the table lacks."""
    torch.set_num_threads(1)
    dataset = launch.read_config('configs/asv/so762_resnet34.py').train_dataloader.dataset.to_dict()
    if plain:
        del dataset['speeds'], dataset['pipeline']
    data = {'train_dataloader.dataset': _whole(dataset), 'train_dataloader.num_workers': 0}
    done = set()
    if table.is_file():
        with table.open(newline='') as file:
            done = {tuple(row[key] for key in KEY) for row in csv.DictReader(file)}
    rows: dict[str, tuple[str, dict]] = {name: (name, {}) for name in BACKBONES}
    if group == 'poolings':
        rows = {
            f'{winner}, {neck}, {head}': (
                winner,
                {'model.neck': _whole(NECKS[neck]), 'model.head.type': kind},
            )
            for neck in NECKS
            for head, kind in HEADS.items()
        }
    for name, (recipe, options) in rows.items():
        key = dict(
            model=name, seed=str(seed), data='plain' if plain else 'augmented', budget=f'{cpu_minutes:g}'
        )
        if tuple(key.values()) in done or (only and name not in only):
            continue
        folder = work_dir / '-'.join(key.values()).replace(' ', '_').replace(',', '')
        row = run(f'configs/asv/{recipe}.py', options | data, folder, cpu_minutes, seed)
        _append(table, key | row)
        click.echo(f'{name}, seed {seed}: development EER {row["dev_EER"]} %')


def run(config: str, options: dict, folder: Path, cpu_minutes: float, seed: int) -> dict:
    """Train one model for its budget and measure it; one row of the table without its name."""
    from svtoolkit.zoo.model_info import model_info

    # Kept with the run: a resumed run must not come to another number of epochs.
    plan = folder / 'epochs.txt'
    if not plan.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        plan.write_text(str(max(1, round(60 * cpu_minutes / epoch_seconds(config, options)))))
    epochs = int(plan.read_text())
    schedule = {'train_cfg.max_epochs': epochs, 'train_cfg.val_interval': epochs}
    started = time.process_time()
    result = launch.train(config, folder, resume='auto', seed=seed, options=options | schedule)
    minutes = (time.process_time() - started) / 60
    launch.test(config, folder / f'epoch_{epochs}.pth', folder, options=options)
    info = model_info(launch.read_config(config, options))
    row: dict[str, object] = dict(
        parameters=info.parameters, macs_2s=info.macs, epochs=epochs, cpu_minutes=f'{minutes:.1f}'
    )
    row |= _percent('dev', result['metrics']['asv/EER'])
    row['dev_minDCF_p05'] = f'{result["metrics"]["asv/minDCF_p05"]:.3f}'
    for name in ('random', 'hard'):
        record = json.loads((folder / 'test' / name / 'metrics.json').read_text())
        low, high = record['ci']['EER']
        row |= _percent(name, record['EER'])
        row |= {f'{name}_low': f'{100 * low:.2f}', f'{name}_high': f'{100 * high:.2f}'}
    return row


def epoch_seconds(config: str, options: dict) -> float:
    """CPU seconds of an epoch: those of a training step, reading included, times the steps."""
    from svtoolkit.engine.compat import tune_allocator
    from svtoolkit.engine.runner import SpeakerRunner
    from svtoolkit.registry import MODELS

    tune_allocator()
    settings = launch.read_config(config, options)
    launch.fill_num_speakers(settings)
    model = MODELS.build(settings.model).train()
    optimizer = torch.optim.AdamW(model.parameters())
    loader = SpeakerRunner.build_dataloader(settings.train_dataloader)
    times = []
    started = time.process_time()
    for batch in itertools.islice(loader, PROBE_STEPS):
        data = model.data_preprocessor(batch, training=True)
        with torch.autocast('cpu', torch.bfloat16):
            loss = model(**data, mode='loss')['loss']
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.process_time() - started)
        started = time.process_time()
    return statistics.median(times) * len(loader)


def _whole(part: dict) -> dict:
    """A config that replaces the one before it instead of merging with it."""
    return {'_delete_': True, **part}


def _percent(name: str, fraction: float) -> dict[str, str]:
    return {f'{name}_EER': f'{100 * fraction:.2f}'}


def _append(table: Path, row: dict) -> None:
    new = not table.is_file()
    with table.open('a', newline='') as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == '__main__':
    main()
