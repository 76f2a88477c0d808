"""Pictures of an evaluation, drawn without a display."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.special import ndtri

from svtoolkit.metrics.curve import error_curve
from svtoolkit.metrics.rates import eer

TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
COLOURS = ('#1b6ca8', '#c8553d', '#3a7d44', '#7a4988', '#b8860b', '#444444')


def plot_det(systems: Mapping[str, tuple[np.ndarray, np.ndarray]], path: str | Path) -> None:
    """Detection error trade-off of one or more systems as PNG or SVG.

    Both axes are normal deviates (Martin et al. 1997), so Gaussian scores give straight lines.

    Args:
        systems: name -> (scores [n], labels [n] bool).
        path: picture file; the ending picks the format.
    """
    figure = Figure(figsize=(5.5, 5.5), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    low, high = ndtri(0.0007), ndtri(0.6)
    axes.plot([low, high], [low, high], color='#bbbbbb', linewidth=0.8, linestyle=':')
    for colour, (name, (scores, labels)) in zip(_cycle(len(systems)), systems.items()):
        curve = error_curve(scores, labels)
        inside = (curve.miss > 0) & (curve.fa > 0) & (curve.miss < 1) & (curve.fa < 1)
        axes.plot(
            ndtri(curve.fa[inside]),
            ndtri(curve.miss[inside]),
            color=colour,
            linewidth=1.6,
            label=f'{name}: EER {100 * eer(curve):.2f} %',
        )
        point = ndtri(np.clip(eer(curve), 1e-6, 1 - 1e-6))
        axes.plot([point], [point], marker='o', markersize=5, color=colour)
    positions, names = ndtri(np.array(TICKS)), [f'{100 * tick:g}' for tick in TICKS]
    axes.set_xticks(positions, names)
    axes.set_yticks(positions, names)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_xlabel('false alarms, % of non-target trials')
    axes.set_ylabel('misses, % of target trials')
    axes.grid(color='#e5e5e5', linewidth=0.6)
    axes.legend(loc='upper right', frameon=False)
    figure.savefig(path)


def _cycle(count: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(count)]
