"""The quickstart: find a corpus, train the small recipe, measure it, verify three recordings."""

import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from svtoolkit import api
from svtoolkit.datasets.sources import quickstart_corpus
from svtoolkit.engine import launch
from svtoolkit.errors import ConfigError
from svtoolkit.zoo.publish import publish

CONFIG = 'configs/asv/so762_resnet34_fast.py'


def run(
    data: str | None, epochs: int | None, work_dir: str, say: Callable[[str], object]
) -> dict[str, float]:
    """Run the quickstart from the root of a checkout.

    Args:
        data: folder that holds ``so762/``; None looks for one (``quickstart_corpus.find``).
        epochs: overrides the recipe's; the learning-rate schedule shrinks with it.
        work_dir: folder of the run.
        say: takes each line of progress.

    Returns:
        Test metrics as fractions.
    """
    if not Path(CONFIG).is_file():
        raise ConfigError(f'{CONFIG}: not found; start the quickstart in the root of a checkout.')
    corpus = quickstart_corpus.find(data, say)
    say(f'corpus: {corpus.folder} ({corpus.what})')
    os.environ['SVTOOLKIT_DATA'] = str(corpus.folder)  # the recipe reads it
    options = {} if epochs is None else {'train_cfg.max_epochs': epochs}
    started = time.monotonic()
    launch.train(CONFIG, work_dir, resume='auto', options=options)
    say(f'trained in {(time.monotonic() - started) / 60:.1f} minutes')
    best = Path(work_dir) / 'best.pth'
    metrics = launch.test(CONFIG, best, work_dir)
    publish(launch.read_config(CONFIG), best, Path(work_dir) / 'model', 'quickstart')
    label = ' (SYNTHETIC voices)' if corpus.synthetic else ''
    for name in ('random', 'hard'):
        record = json.loads((Path(work_dir) / 'test' / name / 'metrics.json').read_text())
        low, high = record['ci']['EER']
        say(
            f'trials_{name}{label}: EER {100 * record["EER"]:.2f} % [{100 * low:.2f}, {100 * high:.2f}], speakers '
            f'the model never heard; plot {work_dir}/test/{name}/det.png'
        )
    _verify(corpus.folder / 'so762', work_dir, say)
    return metrics


def _verify(folder: Path, work_dir: str, say: Callable[[str], object]) -> None:
    """Compare two recordings of one test speaker and one of another."""
    with open(folder / 'test.tsv', newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file, delimiter='\t'))
    first = rows[0]
    same = next(row for row in rows[1:] if row['speaker'] == first['speaker'])
    other = next(row for row in rows if row['speaker'] != first['speaker'])
    model = api.load(work_dir)
    for row in (same, other):
        verdict = model.verify(folder / first['path'], folder / row['path'])
        answer = {True: 'same speaker', False: 'different speakers', None: f'cannot tell: {verdict.reason}'}
        say(
            f'{first["path"]} ({first["speaker"]}) and {row["path"]} ({row["speaker"]}): {answer[verdict.same]}, '
            f'score {verdict.score:.3f}, threshold {verdict.threshold:.3f}'
        )
