"""One table of backends, normalisations, calibrations and a fusion on one corpus, with intervals.

Claim: on both so762 lists, scores calibrated on training voices that the model did not see cost little more
than the best threshold would (actDCF - minDCF <= 0.05 at p = 0.05, Cllr - min Cllr <= 0.05 bit).

Every system is two tables of "svtoolkit embed": the test list's and the training list's. The backend learns
from the training list; so does the cohort, one mean per speaker. A calibration needs trials of voices that
neither backend nor model have seen: the training voices are held out part by part, the backend learns from
the others, and the scores of all parts are pooled. A model trained on these very voices also needs embeddings
of each part by a sibling that was trained without it (--fold, in the order of --heldout); an imported model,
which saw none of them, gives its one training table.

A likelihood ratio depends on who else it might have been. So each list has a calibration of its own, on
impostors as alike as the list's: --like hard=gender,age:2 says of one sex and at most two years apart; a list
without it has impostors at random.

    svtoolkit embed --manifest train.tsv --model RUN -o own_train.npz      (test.tsv, each sibling alike)
    OMP_NUM_THREADS=1 python tools/benchmarks/compare_backends.py --manifest train.tsv --test-manifest test.tsv \\
        --trials random=trials_random.txt hard=trials_hard.txt \\
        --like hard=gender,age:2 \\
        --system own=own_test.npz:own_train.npz --system imported=imp_test.npz:imp_train.npz \\
        --heldout part1.txt part2.txt --fold own=sibling1_train.npz --fold own=sibling2_train.npz --csv table.csv

Rows: the scores as they are (read as likelihood ratios, which a cosine is not: actDCF and Cllr show it), then
calibrated, with the length of the shorter side as a quality measure, and all systems fused. A system without
a training table (or with the arrays ``utt``, ``emb`` and ``train_mean``) has the rows "raw" and "centred" only.
"""

import argparse
import csv
import platform
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from svtoolkit.backends import (
    LDA,
    PLDA,
    Backend,
    Centre,
    Chain,
    Cosine,
    EmbeddingTable,
    LengthNorm,
    LinearFusion,
    LogisticCalibration,
    QualityCalibration,
    ScoreNorm,
    Whiten,
    trial_qualities,
)
from svtoolkit.datasets.manifest import Manifest, read_names
from svtoolkit.datasets.trial_making import make_trials
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import SvtoolkitError
from svtoolkit.evaluation.embedding import load_table
from svtoolkit.evaluation.job import centred_cosine
from svtoolkit.evaluation.protocols import check_leak, read_trials
from svtoolkit.evaluation.scoring import score_list
from svtoolkit.metrics.summary import summarise

FIGURES = ('EER', 'minDCF_p01', 'minDCF_p05', 'actDCF_p01', 'actDCF_p05', 'Cllr', 'minCllr')
FUSED = 'as1'  # the scores of each system that are fused, and calibrated with their length
LENGTH = 'log_duration_min'
PARTS = 5


@dataclass
class System:
    """Embeddings of one model.

    Attributes:
        name: for the table.
        test: of the test list.
        train: of the training list; None when only a mean is known.
        mean: [D] of the training embeddings, where ``train`` is None.
        folds: of the training list by models that did not see a part of it; empty: ``train`` serves all.
    """

    name: str
    test: EmbeddingTable
    train: EmbeddingTable | None
    mean: np.ndarray | None = None
    folds: list[EmbeddingTable] = field(default_factory=list)


def backends(topn: int, lda_dim: int) -> dict[str, Chain]:
    """The scorings that are compared, unfitted, by the name of their row."""

    def normed(mode: str) -> Chain:
        return Chain([Centre(), Cosine(), ScoreNorm(mode, topn=topn)])

    plda = [Centre(), Whiten(), LDA(lda_dim), LengthNorm(), PLDA()]
    return {
        'raw': Chain([Cosine()]),
        'centred': Chain([Centre(), Cosine()]),
        'whitened + LDA + PLDA': Chain(plda),
        's': normed('s'),
        'as1': normed('as1'),
        'as2': normed('as2'),
    }


def log_durations(manifest: Manifest, trials: TrialList) -> dict[str, np.ndarray]:
    """The logarithm of the shorter side's seconds, [n]; empty where a length is unknown."""
    known = dict(zip(manifest.utts, manifest.durations.tolist()))
    lengths = np.log(np.array([known.get(name, np.nan) for name in trials.ids]))
    if not np.isfinite(lengths).all():
        return {}
    sides = [{'log_duration': lengths[side]} for side in (trials.enrol, trials.test)]
    return {LENGTH: trial_qualities(*sides)[LENGTH]}


@dataclass
class Lesson:
    """What a calibration of one list learns from.

    Attributes:
        trials: within each held-out part.
        label: [n] bool, of all parts.
        lengths: log of the shorter side's seconds, [n]; empty where unknown.
    """

    trials: list[TrialList]
    label: np.ndarray
    lengths: dict[str, np.ndarray]


def lesson(manifest: Manifest, heldout: list[list[str]], alike: str) -> Lesson:
    """Trials within each held-out part, with impostors as alike as ``alike`` says: ``gender,age:2``."""
    same, near = [], {}
    for column, colon, most in (word.partition(':') for word in filter(None, alike.split(','))):
        if column not in manifest.extra:
            raise SvtoolkitError(f'{manifest.source}: has no column {column}, which --like names.')
        if colon:
            near[column] = float(most)
        else:
            same.append(column)
    trials = [
        make_trials(manifest.select(include_speakers=speakers), same=same, near=near, seed=number)
        for number, speakers in enumerate(heldout)
    ]
    label = np.concatenate([np.asarray(part.label) for part in trials])
    lengths = [log_durations(manifest, part) for part in trials]
    known = {LENGTH: np.concatenate([part[LENGTH] for part in lengths])} if all(lengths) else {}
    return Lesson(trials, label, known)


def heldout_scores(
    system: System,
    manifest: Manifest,
    heldout: list[list[str]],
    lessons: dict[str, Lesson],
    topn: int,
    lda_dim: int,
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of every lesson by every backend, each fitted without the voices of the part; [backend][list]."""
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for number, speakers in enumerate(heldout):
        table = system.folds[number] if system.folds else system.train
        if table is None:
            raise SvtoolkitError(f'{system.name}: no training table, nothing to calibrate with.')
        rest = manifest.select(exclude_speakers=speakers)
        for name, chain in backends(min(topn, len(set(rest.speakers))), lda_dim).items():
            chain.fit(table.select(list(rest.utts)), list(rest.speakers))
            for key, learn in lessons.items():
                scores = score_list(f'part {number + 1}', table, learn.trials[number], chain)
                found.setdefault(name, {}).setdefault(key, []).append(scores)
    return {
        name: {key: np.concatenate(parts) for key, parts in lists.items()} for name, lists in found.items()
    }


def measure(scores: np.ndarray, trials: TrialList, owner: dict[str, str], rounds: int) -> dict:
    names = np.array([owner[name] for name in trials.ids])
    label = np.asarray(trials.label)
    return summarise(scores, label, names[trials.enrol], names[trials.test], llr=True, rounds=rounds)


def compare(options: argparse.Namespace) -> list[dict]:
    """All rows of the table."""
    manifest, tested = Manifest.read(options.manifest), Manifest.read(options.test_manifest)
    check_leak(manifest.speakers, tested.speakers, options.manifest)
    heldout = [read_names(path) for path in options.heldout] or random_parts(manifest)
    owner = dict(zip(tested.utts, tested.speakers))
    lists = {name: read_trials(path) for name, path in options.trials}
    alike = dict(options.like)
    lessons = {name: lesson(manifest, heldout, alike.get(name, '')) for name in lists}
    systems = [read_system(*item, options.fold, heldout) for item in options.system]
    rows: list[dict] = []
    to_fuse: dict[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = {}

    def add(system: str, scoring: str, key: str, scores: np.ndarray) -> None:
        rows.append(row(system, scoring, key, measure(scores, lists[key], owner, options.rounds)))

    for system in systems:
        known = {}
        if system.train is not None:
            known = heldout_scores(system, manifest, heldout, lessons, options.topn, options.lda_dim)
        for name, chain in fit_all(system, manifest, options).items():
            scores = {key: score_list(key, system.test, trials, chain) for key, trials in lists.items()}
            for key, values in scores.items():
                add(system.name, name, key, values)
            if name not in known:
                continue
            for key, values in scores.items():
                calibration = LogisticCalibration(options.prior).fit(known[name][key], lessons[key].label)
                add(system.name, f'{name}, calibrated', key, calibration.llr(values))
            if name != FUSED:
                continue
            to_fuse[system.name] = known[name], scores
            for key, values in scores.items():
                lengths, learn = log_durations(tested, lists[key]), lessons[key]
                if lengths and learn.lengths:
                    quality = QualityCalibration([LENGTH], options.prior)
                    quality.fit(known[name][key], learn.label, learn.lengths)
                    add(system.name, f'{name}, calibrated with length', key, quality.llr(values, lengths))
    if len(to_fuse) > 1:
        for key in lists:
            learnt, scores = (
                np.stack([pair[side][key] for pair in to_fuse.values()], axis=1) for side in (0, 1)
            )
            fusion = LinearFusion(options.prior).fit(learnt, lessons[key].label)
            add(' + '.join(to_fuse), f'{FUSED}, fused', key, fusion.llr(scores))
    return rows


def fit_all(system: System, manifest: Manifest, options: argparse.Namespace) -> dict[str, Backend]:
    """Every backend fitted on the whole training list, or those that need a mean at most."""
    if system.train is None:
        fitted: dict[str, Backend] = {'raw': Cosine()}
        if system.mean is not None:
            fitted['centred'] = centred_cosine(system.mean, system.test.fingerprint)
        return fitted
    learn = system.train.select(list(manifest.utts))
    known = backends(min(options.topn, len(set(manifest.speakers))), options.lda_dim)
    return {name: chain.fit(learn, list(manifest.speakers)) for name, chain in known.items()}


def row(system: str, name: str, list_name: str, summary: dict) -> dict:
    cells: dict = dict(system=system, scoring=name, list=list_name)
    for figure in FIGURES:
        cells[figure] = summary[figure]
        low, high = summary.get('ci', {}).get(figure, (np.nan, np.nan))
        cells |= {f'{figure}_low': low, f'{figure}_high': high}
    return cells


def random_parts(manifest: Manifest) -> list[list[str]]:
    """The training speakers in PARTS parts at random, seed 0."""
    names = np.random.default_rng(0).permutation(sorted(set(manifest.speakers)))
    return [part.tolist() for part in np.array_split(names, PARTS)]


def read_system(name: str, paths: str, folds: list[tuple[str, str]], heldout: list[list[str]]) -> System:
    first, _, second = paths.partition(':')
    own = [load_table(path) for known, path in folds if known == name]
    if own and len(own) != len(heldout):
        raise SvtoolkitError(f'{name}: {len(own)} tables of siblings for {len(heldout)} held-out parts.')
    with np.load(first, allow_pickle=False) as data:
        if {'utt', 'emb'} <= set(data.files):
            table = EmbeddingTable(data['utt'].tolist(), data['emb'], Path(first).stem)
            return System(name, table, None, data['train_mean'] if 'train_mean' in data.files else None)
    return System(name, load_table(first), load_table(second) if second else None, None, own)


def markdown(rows: list[dict]) -> str:
    lines = [f'| system | scoring | list | {" | ".join(FIGURES)} |', '| --- ' * (3 + len(FIGURES)) + '|']
    for cells in rows:
        shown = []
        for figure in FIGURES:
            scale, digits = (100, 2) if figure == 'EER' else (1, 3)
            value, low, high = (scale * cells[f'{figure}{end}'] for end in ('', '_low', '_high'))
            spread = '' if np.isnan(low) else f' [{low:.{digits}f}, {high:.{digits}f}]'
            shown.append(f'{value:.{digits}f}{" %" if figure == "EER" else ""}{spread}')
        lines.append(f'| {cells["system"]} | {cells["scoring"]} | {cells["list"]} | {" | ".join(shown)} |')
    return '\n'.join(lines)


def pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition('=')
    if not sign:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=PATH")
    return name, value


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('--manifest', required=True, help='training list')
    made.add_argument('--test-manifest', required=True)
    made.add_argument('--trials', required=True, nargs='+', type=pair, metavar='NAME=LIST')
    made.add_argument(
        '--system', required=True, action='append', type=pair, metavar='NAME=TEST.npz[:TRAIN.npz]'
    )
    made.add_argument('--heldout', nargs='+', default=[], help='files of speakers; left out: 5 random parts')
    made.add_argument('--fold', action='append', default=[], type=pair, metavar='NAME=TABLE.npz')
    made.add_argument('--like', nargs='+', default=[], type=pair, metavar='NAME=COLUMN,COLUMN:MOST')
    made.add_argument('--prior', type=float, default=0.2, help='of the calibrations; default: %(default)s')
    made.add_argument('--topn', type=int, default=50, help='nearest of the cohort; default: %(default)s')
    made.add_argument('--lda-dim', type=int, default=100, help='default: %(default)s')
    made.add_argument('--rounds', type=int, default=1000, help='of the bootstrap; default: %(default)s')
    made.add_argument('--csv', type=Path, help='also write the table here')
    return made


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    try:
        rows = compare(options)
    except (SvtoolkitError, ValueError) as error:
        sys.exit(f'compare_backends: {error}')
    print(f'{platform.machine()}, python {platform.python_version()}, numpy {version("numpy")}, seed 0, '
          f'{options.rounds} rounds, prior {options.prior:g}, topn {options.topn}, LDA {options.lda_dim}')  # fmt: skip
    print(markdown(rows))
    if options.csv:
        with options.csv.open('w', newline='', encoding='utf-8') as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == '__main__':
    main()
