"""Two systems on the same trials, printed side by side."""

import click
import numpy as np

from svtoolkit.metrics.intervals import paired_bootstrap


def print_difference(
    title: str,
    names: tuple[str, str],
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    owners: tuple[np.ndarray, np.ndarray],
) -> None:
    """EER (%) and minDCF(0.05) of both, and the interval of first - second, speakers resampled in pairs.

    Args:
        title: stands before each line.
        names: of the two systems.
        first: [n] scores.
        second: likewise.
        labels: [n] bool, True for targets.
        owners: speakers of both sides of the trials, [n] each.
    """
    result = paired_bootstrap(first, second, labels, *owners, metrics=('EER', 'minDCF_p05'))
    for metric, value in result.items():
        factor = 100 if metric == 'EER' else 1
        click.echo(
            f'{title}\t{metric}\t{names[0]} {factor * value.a:.3f}\t{names[1]} {factor * value.b:.3f}\t'
            f'difference {factor * value.difference:.3f} [{factor * value.low:.3f}, {factor * value.high:.3f}]'
        )
