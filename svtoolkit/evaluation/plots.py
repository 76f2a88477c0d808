"""Pictures of an evaluation, drawn without a display, as PNG or SVG files or as SVG text for a page."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.special import ndtri

from svtoolkit.metrics.calibration import reliability
from svtoolkit.metrics.curve import ErrorCurve, error_curve
from svtoolkit.metrics.rates import auc, eer

TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
COLOURS = ('#2278b8', '#c8553d', '#3a7d44', '#7a4988', '#b8860b', '#444444')
MOST_POINTS = 1500  # of a curve: more cannot be seen and make a page heavy
INK = '#111213'  # text and axes; in a page it becomes the colour of the page's text
STYLE: Any = {
    **dict.fromkeys(('text.color', 'axes.labelcolor', 'axes.edgecolor', 'xtick.color', 'ytick.color'), INK),
    **dict.fromkeys(('axes.spines.top', 'axes.spines.right'), False),
    'font.size': 9,
}

Systems: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]


def plot_det(systems: Systems, path: str | Path) -> None:
    """Detection error trade-off of one or more systems as PNG or SVG.

    Both axes are normal deviates (Martin et al. 1997), so Gaussian scores give straight lines.

    Args:
        systems: name -> (scores [n], labels [n] bool).
        path: picture file; the ending picks the format.
    """
    _save(lambda axes: draw_det(axes, systems), path, 5.5)


def plot_roc(systems: Systems, path: str | Path) -> None:
    """Hits against false alarms, the latter on a logarithmic axis; arguments as for :func:`plot_det`."""
    _save(lambda axes: draw_roc(axes, systems), path)


def plot_histogram(
    scores: np.ndarray, labels: np.ndarray, path: str | Path, threshold: float | None = None
) -> None:
    """Scores of both kinds of trials, each as a share of its kind, with the threshold.

    Args:
        scores: [n].
        labels: [n] bool.
        path: picture file; the ending picks the format.
        threshold: drawn as a line.
    """
    _save(lambda axes: draw_histogram(axes, scores, labels, threshold), path)


def plot_reliability(llrs: np.ndarray, labels: np.ndarray, path: str | Path, p_target: float = 0.5) -> None:
    """Predicted against observed share of targets; the diagonal is perfect calibration.

    Args:
        llrs: [n] natural-log likelihood ratios.
        labels: [n] bool.
        path: picture file; the ending picks the format.
        p_target: prior of a target.
    """
    _save(lambda axes: draw_reliability(axes, llrs, labels, p_target), path)


def plot_tippett(llrs: np.ndarray, labels: np.ndarray, path: str | Path) -> None:
    """Share of the trials of each kind with at least a given likelihood ratio.

    Both curves should cross far from 0: targets above it, non-targets below (Meuwly 2001).

    Args:
        llrs: [n] natural-log likelihood ratios.
        labels: [n] bool.
        path: picture file; the ending picks the format.
    """
    _save(lambda axes: draw_tippett(axes, llrs, labels), path)


def svg(draw: Callable[[Axes], None], title: str, size: float = 4.4) -> str:
    """A drawing as SVG text for a page: no fonts inside, lines and text in the page's own colour.

    Args:
        draw: one of the ``draw_…`` functions with its data.
        title: read aloud by screen readers.
        size: width in inches.
    """
    stream = io.BytesIO()
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': title}):
        _figure(draw, size).savefig(stream, format='svg', transparent=True, metadata={'Date': None})
    text = stream.getvalue().decode('utf-8')
    text = text[text.index('<svg') :].replace(INK, 'currentColor')
    return text.replace('<svg ', f'<svg role="img" aria-label="{title}" ', 1)


def draw_det(axes: Axes, systems: Systems) -> None:
    """See :func:`plot_det`."""
    low, high = ndtri(0.0007), ndtri(0.6)
    axes.plot([low, high], [low, high], color='#999999', linewidth=0.8, linestyle=':')
    for colour, (name, (scores, labels)) in zip(_cycle(len(systems)), systems.items()):
        curve = error_curve(scores, labels)
        inside = np.flatnonzero((curve.miss > 0) & (curve.fa > 0) & (curve.miss < 1) & (curve.fa < 1))
        inside = inside[_thinned(ndtri(curve.fa[inside]))]
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
    _legend(axes, 'upper right')


def draw_roc(axes: Axes, systems: Systems) -> None:
    """See :func:`plot_roc`."""
    lowest = 1.0
    for colour, (name, (scores, labels)) in zip(_cycle(len(systems)), systems.items()):
        curve = error_curve(scores, labels)
        floor = 0.5 / curve.num_nontargets
        lowest = min(lowest, 2 * floor)
        fa = np.maximum(curve.fa, floor)
        picked = _thinned(np.log(fa))
        label = f'{name}: AUC {auc(curve):.4f}'
        axes.plot(100 * fa[picked], 100 * (1 - curve.miss[picked]), color=colour, linewidth=1.6, label=label)
    axes.set_xscale('log')
    axes.set_xlim(max(100 * lowest, 1e-6), 100)
    axes.set_ylim(0, 101)
    axes.set_xlabel('false alarms, % of non-target trials')
    axes.set_ylabel('hits, % of target trials')
    _legend(axes, 'lower right')


def draw_histogram(axes: Axes, scores: np.ndarray, labels: np.ndarray, threshold: float | None) -> None:
    """See :func:`plot_histogram`."""
    low, high = np.quantile(scores, [0.0005, 0.9995])
    edges = np.linspace(low, high if high > low else low + 1, 61)
    for colour, picked, name in ((COLOURS[1], ~labels, 'different'), (COLOURS[0], labels, 'same speaker')):
        counts, _ = np.histogram(np.clip(scores[picked], edges[0], edges[-1]), edges)
        share = 100 * counts / max(1, counts.sum())
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.35)
        axes.stairs(share, edges, color=colour, linewidth=1.2, label=f'{name} ({int(picked.sum())})')
    top = axes.get_ylim()[1]
    if threshold is not None:
        label = f'threshold {threshold:.3f}'
        axes.vlines(threshold, 0, top, color=INK, linewidth=1, linestyle='--', label=label)
    axes.set_ylim(0, 1.3 * top)  # room for the legend
    axes.set_xlabel('score')
    axes.set_ylabel('% of the trials of a kind')
    _legend(axes, 'upper right')


def draw_reliability(axes: Axes, llrs: np.ndarray, labels: np.ndarray, p_target: float) -> None:
    """See :func:`plot_reliability`."""
    bins = reliability(llrs, labels, p_target)
    axes.plot([0, 100], [0, 100], color='#999999', linewidth=0.8, linestyle=':')
    axes.plot(100 * bins.predicted, 100 * bins.observed, color=COLOURS[0], linewidth=1.4)
    size = 12 + 160 * bins.weight
    axes.scatter(100 * bins.predicted, 100 * bins.observed, s=size, color=COLOURS[0], zorder=3)
    axes.set_xlabel(f'predicted targets, % (prior {p_target:g})')
    axes.set_ylabel('observed targets, %')
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.grid(color='#8888884d', linewidth=0.6)


def draw_tippett(axes: Axes, llrs: np.ndarray, labels: np.ndarray) -> None:
    """See :func:`plot_tippett`."""
    curve: ErrorCurve = error_curve(llrs, labels)
    ratios = curve.thresholds[:-1] / np.log(10)
    picked = _thinned(ratios)
    for colour, share, name in (
        (COLOURS[1], curve.fa[:-1], 'different speakers'),
        (COLOURS[0], 1 - curve.miss[:-1], 'same speaker'),
    ):
        axes.plot(ratios[picked], 100 * share[picked], color=colour, linewidth=1.6, label=name)
    axes.axvline(0, color='#999999', linewidth=0.8, linestyle=':')
    axes.set_xlabel('log10 of the likelihood ratio')
    axes.set_ylabel('% of trials with at least this ratio')
    _legend(axes, 'upper right')


def _figure(draw: Callable[[Axes], None], size: float) -> Figure:
    figure = Figure(figsize=(size, size if size > 5 else 0.86 * size), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    with matplotlib.rc_context(STYLE):
        draw(figure.add_subplot())
    return figure


def _save(draw: Callable[[Axes], None], path: str | Path, size: float = 4.4) -> None:
    _figure(draw, size).savefig(path)


def _legend(axes: Axes, place: Literal['upper right', 'lower right']) -> None:
    axes.grid(color='#8888884d', linewidth=0.6)
    axes.legend(loc=place, frameon=False)


def _thinned(x: np.ndarray) -> np.ndarray:
    """Indices of at most MOST_POINTS points of a curve, evenly spread along a monotonic axis."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    rising = x if x[0] <= x[-1] else -x
    wanted = np.linspace(rising[0], rising[-1], MOST_POINTS)
    return np.unique(np.append(np.searchsorted(rising, wanted).clip(0, len(x) - 1), [0, len(x) - 1]))


def _cycle(count: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(count)]
