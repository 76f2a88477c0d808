"""Our scores against reference embeddings on the same trials, speakers resampled in pairs.

    python tools/benchmarks/compare_with_references.py work_dirs/x/test/random/scores.tsv TEST.tsv REF.npz [REF.npz ...]

Each REF.npz holds ``utt``, ``emb`` and ``train_mean``; its score is the cosine less that mean. Prints both EERs
and minDCF(0.05) in percent or as they are, and the interval of the difference (ours - reference).
"""

import csv
from pathlib import Path

import click
import numpy as np
from paired import print_difference


def read_scores(path: Path) -> tuple[np.ndarray, list[str], list[str], np.ndarray]:
    """Labels, enrolment ids, test ids and scores of a ``scores.tsv``."""
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file, delimiter='\t'))
    labels = np.array([row['label'] == '1' for row in rows])
    return (
        labels,
        [r['enrol'] for r in rows],
        [r['test'] for r in rows],
        np.array([float(r['score']) for r in rows]),
    )


def reference_scores(path: Path, enrol: list[str], test: list[str]) -> np.ndarray:
    """Cosines of a reference system after its training mean is taken out."""
    with np.load(path, allow_pickle=False) as data:
        matrix = data['emb'].astype(np.float64) - data['train_mean'].astype(np.float64)
        row = {utt: number for number, utt in enumerate(data['utt'].tolist())}
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    a, b = ([row[utt] for utt in side] for side in (enrol, test))
    return np.einsum('nd,nd->n', matrix[a], matrix[b])


@click.command()
@click.argument('scores', type=click.Path(exists=True, path_type=Path))
@click.argument('manifest', type=click.Path(exists=True, path_type=Path))
@click.argument('references', nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(scores: Path, manifest: Path, references: tuple[Path, ...]) -> None:
    """Compare SCORES with every reference."""
    labels, enrol, test, ours = read_scores(scores)
    with manifest.open(newline='', encoding='utf-8') as file:
        speaker = {row['utt']: row['speaker'] for row in csv.DictReader(file, delimiter='\t')}
    owners = np.array([speaker[utt] for utt in enrol]), np.array([speaker[utt] for utt in test])
    for path in references:
        theirs = reference_scores(path, enrol, test)
        print_difference(path.stem, ('ours', 'reference'), ours, theirs, labels, owners)


if __name__ == '__main__':
    main()
