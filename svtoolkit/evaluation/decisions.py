"""From scores to verdicts: tune a threshold, refuse a foreign one, and write who was taken for whom.

The files are those of the Clova-style loop: ``evaluation_results.csv`` and the two lists of wrong pairs
where the truth is known, and a CSV of verdicts for a blind list. Accept when ``score >= threshold``.
"""

import csv
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from svtoolkit.backends import Threshold
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, ManifestError
from svtoolkit.evaluation.embedding import user_faults
from svtoolkit.evaluation.list_making import write_csv
from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer, min_dcf
from svtoolkit.metrics.thresholds import tune_threshold

ALIASES = {'mindcf': 'min_dcf', 'minDCF': 'min_dcf', 'g-mean': 'gmean'}
RESULTS, REJECTED, ACCEPTED = 'evaluation_results.csv', 'false_rejected_pairs.txt', 'false_accepted_pairs.txt'


def tune(
    scores: np.ndarray,
    label: np.ndarray,
    record: dict[str, Any],
    criterion: str = 'eer',
    p_target: float = 0.01,
) -> Threshold:
    """Tune a threshold on labelled trials.

    Args:
        scores: [n], finite.
        label: [n] bool, both kinds.
        record: how the scores were made (``scoring_record``).
        criterion: ``eer``, ``gmean``, ``f1``, ``min_dcf``, ``far@x`` or ``frr@x``; ``mindcf`` and
            ``far=x`` are understood.
        p_target: prior of a target, for ``min_dcf``.

    Raises:
        UnknownNameError: another criterion.
        ConfigError: no finite threshold meets it on this list.
    """
    wanted = ALIASES.get(criterion, criterion).replace('=', '@')
    with warnings.catch_warnings(), user_faults(f'threshold criterion {criterion}'):
        warnings.simplefilter('ignore')  # an infinite threshold becomes an error below
        point = tune_threshold(scores, label, wanted, p_target)
    if not np.isfinite(point.threshold):
        raise ConfigError(
            f'{wanted}: no finite threshold meets it on {point.num_targets} targets and {point.num_nontargets} '
            'non-targets (it would reject everybody); use more trials or a looser criterion.'
        )
    curve = error_curve(scores, label)
    return Threshold(
        criterion=wanted if wanted != 'min_dcf' else f'min_dcf(p={p_target:g})',
        value=point.threshold,
        FAR=point.far,
        FRR=point.frr,
        EER=eer(curve),
        minDCF=min_dcf(curve, p_target)[0],
        n_pos=point.num_targets,
        n_neg=point.num_nontargets,
        **record,
    )


def read_threshold(path: str | os.PathLike, record: dict[str, Any]) -> Threshold:
    """Read a threshold and refuse it where it was tuned on another scoring.

    Raises:
        ConfigError: not a threshold file, or another scoring mode, normalisation or crops.
        FingerprintError: another model or cohort.
    """
    with user_faults(str(path)):
        threshold = Threshold.read(Path(path))
    threshold.check(record)
    return threshold


def write_results(folder: str | os.PathLike, trials: TrialList, scores: np.ndarray, value: float) -> None:
    """Write the verdicts on a labelled list, and the pairs that were judged wrongly, worst first.

    Args:
        folder: exists.
        trials: with labels.
        scores: [n].
        value: threshold.
    """
    if trials.label is None:
        raise ManifestError('results need labels; write the verdicts on a blind list with write_verdicts.')
    folder = Path(folder)
    accepted = scores >= value
    pairs = _pairs(trials)
    rows: list[tuple] = [('audio_1', 'audio_2', 'label', 'predict_label', 'score')]
    rows += [
        (a, b, int(same), int(said), f'{score:.6f}')
        for (a, b), same, said, score in zip(pairs, trials.label, accepted, scores)
    ]
    write_csv(folder / RESULTS, rows)
    for name, wrong, sign in (
        (REJECTED, trials.label & ~accepted, 1),
        (ACCEPTED, ~trials.label & accepted, -1),
    ):
        found = np.flatnonzero(wrong)
        order = found[np.argsort(sign * scores[found], kind='stable')]
        text = ''.join(f'{pairs[row][0]}\t{pairs[row][1]}\t{scores[row]:.6f}\n' for row in order.tolist())
        part = folder / f'.{name}.tmp'
        part.write_text(text, encoding='utf-8')
        os.replace(part, folder / name)


def write_verdicts(path: str | os.PathLike, trials: TrialList, scores: np.ndarray, value: float) -> None:
    """Write ``audio_1,audio_2,pred_label,score`` in the order of the list; 1 = same speaker."""
    rows: list[tuple] = [('audio_1', 'audio_2', 'pred_label', 'score')]
    rows += [
        (a, b, int(score >= value), f'{score:.6f}') for (a, b), score in zip(_pairs(trials), scores.tolist())
    ]
    write_csv(Path(path), rows)


def read_scores(path: str | os.PathLike) -> tuple[TrialList, np.ndarray]:
    """Read a score file of svtoolkit: ``scores.tsv`` or one of the CSV files above.

    Returns:
        The trials (labels where every row has one) and their scores, [n] float64, in file order.

    Raises:
        ManifestError: missing, no such columns, or a score that is no finite number; lines are named.
    """
    path = Path(path)
    with user_faults(str(path)), path.open(newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream, delimiter='\t' if path.suffix == '.tsv' else ','))
    if not rows or 'score' not in rows[0]:
        found = ', '.join(map(str, rows[0])) if rows else 'nothing'
        raise ManifestError(f'{path}: not a score file; wanted columns enrol, test, score, found {found}.')
    first, second = ('enrol', 'test') if 'enrol' in rows[0] else ('audio_1', 'audio_2')
    names: dict[str, int] = {}
    faults, sides, scores, labels = [], [], [], []
    for number, row in enumerate(rows, 2):
        try:
            score = float(row['score'])
        except (TypeError, ValueError):
            score = np.nan
        if not np.isfinite(score) or not row.get(first) or not row.get(second):
            faults.append(f'{path}:{number}: score {row["score"]!r}')
            continue
        sides.append([names.setdefault(row[side], len(names)) for side in (first, second)])
        scores.append(score)
        labels.append(row.get('label') or '')
    if faults:
        count = f'{len(faults)} of {len(rows)}'
        raise ManifestError('\n  - '.join([f'{path}: {count} scores are not finite numbers:', *faults[:10]]))
    pairs = np.array(sides, np.int64)
    known = all(label in ('0', '1') for label in labels)
    label = np.array([label == '1' for label in labels]) if known else None
    return TrialList(list(names), pairs[:, 0].copy(), pairs[:, 1].copy(), label), np.array(scores)


def _pairs(trials: TrialList) -> list[tuple[str, str]]:
    ids = trials.ids
    return [(ids[a], ids[b]) for a, b in zip(trials.enrol.tolist(), trials.test.tolist())]
