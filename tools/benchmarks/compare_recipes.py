"""Train variants of one recipe under the same number of steps and compare them on the development voices.

    python tools/benchmarks/compare_recipes.py --work-dir work_dirs/recipes --csv docs/recipes.csv

Training audio, noise and rooms come from packs ($SVTOOLKIT_PACKS, made by tools/join_lists.py and "svtoolkit
prepare"): whole recordings and their Opus cut side by side.
Started again, it skips what the CSV already holds and resumes what was broken off. Every variant changes the
base recipe in one thing. Results: development EER at the last validation, in percent, and CPU minutes.
"""

import csv
import os
import time
from pathlib import Path

import click

BASE = 'configs/asv/so762_resnet34_fast.py'
PACKS = os.environ.get('SVTOOLKIT_PACKS', 'data/packs')
NOISE = dict(
    type='AddNoise', pack=f'{PACKS}/noise.pack', kinds=dict(noise=(3, 20), music=(5, 20), babble=(10, 20))
)
ROOM = dict(type='Reverb', pack=f'{PACKS}/rir.pack')
DATA = 'train_dataloader.dataset'

VARIANTS: dict[str, dict] = {
    'base': {},
    'base, another seed': {'randomness.seed': 1},
    'three speeds as speakers': {f'{DATA}.speeds': (1.0, 0.9, 1.1)},
    'noise on 30 %, rooms on 20 % of the crops': {
        f'{DATA}.pipeline': [dict(type='RandomChoice', transforms=[None, NOISE, ROOM], probs=[0.5, 0.3, 0.2])]
    },
    'telephone band or mu-law on 20 %': {
        f'{DATA}.pipeline': [
            dict(
                type='RandomChoice',
                transforms=[None, dict(type='RandomCodec', kinds=['bandwidth', 'mulaw'])],
                probs=[0.8, 0.2],
            )
        ]
    },
    'no SpecAugment': {'model.data_preprocessor.augment': None},
    'SpecAugment, two masks each way': {
        'model.data_preprocessor.augment.freq_masks': 2,
        'model.data_preprocessor.augment.time_masks': 2,
    },
    'crops of 1.5 s': {f'{DATA}.frames': 150},
    'crops of 3 s': {f'{DATA}.frames': 300},
    'widths 12-16-32-64': {'model.backbone.widths': (12, 16, 32, 64)},
    'widths 24-32-64-128': {'model.backbone.widths': (24, 32, 64, 128)},
    'squeeze and excitation': {'model.backbone.se_reduction': 8},
    'depth 18': {'model.backbone.depth': 18},
    'AM-softmax': {'model.head.type': 'AMSoftmaxHead'},
    'margin from the first step': {'custom_hooks': []},
    'no label smoothing': {'model.head.label_smoothing': 0.0},
    'attentive statistics pooling': {'model.neck.type': 'AttentiveStatsPooling'},
    'learning rate 2e-3': {'optim_wrapper.optimizer.lr': 2e-3},
    'weight decay 0.3': {'optim_wrapper.optimizer.weight_decay': 0.3},
    'batch 64': {'train_dataloader.batch_size': 64, 'optim_wrapper.optimizer.lr': 5.6e-3},
}


@click.command()
@click.option(
    '--work-dir', type=click.Path(path_type=Path), default=Path('work_dirs/recipes'), show_default=True
)
@click.option(
    '--csv', 'table', type=click.Path(path_type=Path), default=Path('docs/recipes.csv'), show_default=True
)
@click.option('--epochs', default=3, show_default=True, help='Of 115 steps of 32 crops.')
@click.option(
    '--only', multiple=True, type=click.Choice(list(VARIANTS)), help='Variants to run; all without it.'
)
def main(work_dir: Path, table: Path, epochs: int, only: tuple[str, ...]) -> None:
    """Train every variant that the table lacks."""
    from svtoolkit.engine.launch import train

    done = {row['recipe'] for row in csv.DictReader(table.open(newline=''))} if table.is_file() else set()
    for name, options in VARIANTS.items():
        if name in done or (only and name not in only):
            continue
        started = time.process_time()
        schedule = {
            'train_cfg.max_epochs': epochs,
            'train_cfg.val_interval': epochs,
            'train_dataloader.num_workers': 0,
            f'{DATA}.manifest': f'{PACKS}/train.tsv',
            f'{DATA}.pack': f'{PACKS}/train.pack',
        }
        result = train(
            BASE,
            work_dir / name.replace(' ', '_').replace(',', ''),
            resume='auto',
            options=schedule | options,
        )
        minutes = (time.process_time() - started) / 60
        new = not table.is_file()
        with table.open('a', newline='') as file:
            writer = csv.writer(file, lineterminator='\n')
            if new:
                writer.writerow(['recipe', 'dev_EER_percent', 'dev_minDCF_p05', 'epochs', 'cpu_minutes'])
            writer.writerow(
                [
                    name,
                    f'{100 * result["metrics"]["asv/EER"]:.2f}',
                    f'{result["metrics"]["asv/minDCF_p05"]:.3f}',
                    epochs,
                    f'{minutes:.1f}',
                ]
            )
        click.echo(f'{name}: {100 * result["metrics"]["asv/EER"]:.2f} %')


if __name__ == '__main__':
    main()
