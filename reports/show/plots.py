"""Plots: curves over σ or epochs, the frontier, and methods by style, as figures of vectors."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike, NDArray

from reports.show.axes import epoch_axis, gap, in_percent, sigma_axis, sigma_bar, with_gaps
from reports.show.curve_names import End, name_ends
from reports.show.theme import (
    LOSS_STYLES,
    OTHER_STYLES,
    SMALL,
    THEME,
    legible,
    new_figure,
    sigma_colors,
)

# The colour of a model in the frontier whose noise level is not in the sweep.
OTHER_SIGMA_COLOR = "#D55E00"
# Colours and markers of curves that are not losses, in their order.
CURVE_STYLES = (*OTHER_STYLES, *LOSS_STYLES.values(), ("#882255", "p"))


class Point(NamedTuple):
    """One model in `frontier_plot`: its measures, its marker, and a name if it shall have one."""

    sigma: float
    error: float
    conversion: float
    leakage: float
    marker: str
    filled: bool
    name: str = ""


class Mark(NamedTuple):
    """A method in `style_plot`: what leaks, how much style is kept, and the same of its variants.

    Fields:
        style: Its place in CURVE_STYLES.
        varied: (leakage, kept) of models with a number varied, in that number's order.
        first: The name of the first of these.
    """

    name: str
    leakage: float
    kept: float
    style: int
    varied: Sequence[tuple[float, float]] = ()
    first: str = ""


@mpl.rc_context(THEME)
def against_sigma(
    sigmas: Sequence[float],
    curves: Mapping[str, ArrayLike],
    ylabel: str,
    lines: Mapping[str, float] | None = None,
    ratios: Sequence[float] | None = None,
    *,
    gaps: Sequence[float] = (),
    percent: bool = False,
) -> Figure:
    """Measures against σ. A curve is (S,), or (S, 3) with the ends of its interval.

    `lines` are named levels to compare with, which go all the way across. `ratios` are as in
    `sigma_axis`. `gaps` are noise levels whose models have diverged: curves have a gap there.
    Proportions can be shown in percent.
    """
    levels = sorted([*sigmas, *gaps])
    there = np.isin(levels, sigmas)
    figure, axes = new_figure(2.9 if ratios is None else 3.5)
    ends = _draw(axes, 0, {name: with_gaps(values, there) for name, values in curves.items()})
    for place in np.flatnonzero(~there).tolist():
        gap(axes, place)
    for level, dashes in zip((lines or {}).values(), cycle(("--", ":", "-."))):
        axes.axhline(level, color="0.35", lw=1, ls=dashes)
    sigma_axis(axes, levels, None if ratios is None else with_gaps(ratios, there).tolist())
    axes.set_ylabel(ylabel)
    if percent:
        in_percent(axes)
    right = axes.get_xlim()[1]
    ends += [End(name, right, level, "0.35") for name, level in (lines or {}).items()]
    name_ends(figure, axes, ends)
    return figure


@mpl.rc_context(THEME)
def against_epochs(curves: Mapping[str, ArrayLike], ylabel: str) -> Figure:
    """Measures (E,) after each epoch, a curve for each name."""
    figure, axes = new_figure(2.5)
    ends = _draw(axes, 1, curves)
    epoch_axis(axes)
    axes.set_ylabel(ylabel)
    name_ends(figure, axes, ends)
    return figure


@mpl.rc_context(THEME)
def against_sizes(
    sizes: Sequence[int], curves: Mapping[str, ArrayLike], ylabel: str, floor: float
) -> Figure:
    """Proportions (S,) against how many codes they were learned from, each size one step.

    `floor` is the proportion by chance.
    """
    figure, axes = new_figure(3.4)
    ends = _draw(axes, 0, curves)
    axes.axhline(floor, color="0.35", lw=1, ls="--")
    axes.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    axes.set_xlabel("unseen codes that the probe learned from")
    axes.set_ylabel(ylabel)
    in_percent(axes)
    name_ends(figure, axes, [*ends, End("chance", axes.get_xlim()[1], floor, "0.35")])
    return figure


@mpl.rc_context(THEME)
def loss_curves(sigmas: Sequence[float], losses: NDArray[np.float64], ylabel: str) -> Figure:
    """The training loss (S, seeds, E) after each epoch, a curve for each σ, told apart by colour.

    A curve is the mean over seeds, and a band around it goes from the least to the largest. Seeds
    whose model has diverged are NaN.
    """
    figure, axes = new_figure(3.3)
    colors = sigma_colors(len(sigmas))
    epochs = np.arange(1, losses.shape[2] + 1)
    for k, curves in enumerate(losses):
        marker = "." if len(epochs) == 1 else ""
        axes.plot(epochs, np.nanmean(curves, 0), color=colors(k), lw=1.2, marker=marker)
        ends = np.nanmin(curves, 0), np.nanmax(curves, 0)
        axes.fill_between(epochs, *ends, color=colors(k), alpha=0.25, lw=0)
    epoch_axis(axes)
    axes.set_ylabel(ylabel)
    sigma_bar(figure, [axes], sigmas)
    return figure


@mpl.rc_context(THEME)
def frontier_plot(
    sigmas: Sequence[float], points: Sequence[Point], target: tuple[float, float, float]
) -> Figure:
    """Models by reconstruction error and conversion, and by reconstruction error and leakage.

    `target` holds the most error, the least conversion and the most leakage that are wanted. The
    corners within these bounds are shaded.
    """
    figure = Figure((5.6, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    colors = sigma_colors(len(sigmas))
    for point in points:
        known = point.sigma in sigmas
        color = colors(sigmas.index(point.sigma)) if known else OTHER_SIGMA_COLOR
        _mark(left, point, point.conversion, color)
        _mark(right, point, point.leakage, color)
    error, conversion, leakage = target
    shade: dict[str, Any] = {"color": "0.88", "lw": 0, "zorder": 0}  # behind the models
    left.fill_between([0, error], conversion, 1.01, **shade)
    right.fill_between([0, error], 0, leakage, **shade)
    left.set_ylabel("conversions classified\nas their target (%)")
    right.set_ylabel("accuracy of\nthe MLP probe (%)")
    errors = [point.error for point in points]
    for axes in (left, right):
        in_percent(axes)
        axes.set_xlabel("reconstruction error\n(L1, grey levels 0–1)")
        axes.set_xlim(min(errors) * 0.8, max(errors) * 1.05)
    sigma_bar(figure, [left, right], sigmas)
    return figure


@mpl.rc_context(THEME)
def style_plot(
    marks: Sequence[Mark],
    levels: Mapping[str, float],
    target: tuple[float, float],
    floor: float,
) -> Figure:
    """Methods by what leaks and by how much style is kept, each with a line through its variants.

    Args:
        marks: The methods.
        levels: How much style is kept by methods without codes, by name: lines across.
        target: The most leakage and the least style that are wanted; the corner is shaded.
        floor: The leakage by chance.
    """
    figure, axes = new_figure(3.8)
    ends = [_mark_style(axes, mark) for mark in marks]
    for level, dashes in zip(levels.values(), cycle(("--", ":", "-."))):
        axes.axhline(level, color="0.35", lw=1, ls=dashes)
    axes.axvline(floor, color="0.35", lw=1, ls="--")
    leakage, kept = target
    points = [each for mark in marks for each in [(mark.leakage, mark.kept), *mark.varied]]
    top = max(1.0, *(1.04 * y for _, y in points))
    axes.fill_between([0, leakage], kept, top, color="0.88", lw=0, zorder=0)  # behind the marks
    axes.set_xlim(floor / 2, 1.12 * max(leakage, *(x for x, _ in points)))
    axes.set_ylim(top=top)
    axes.set_xlabel("class predicted from unseen codes\n(strongest probe, balanced accuracy, %)")
    axes.set_ylabel("style kept (1: all that\nreconstructions keep)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    right = axes.get_xlim()[1]
    ends += [End(name, right, level, "0.35") for name, level in levels.items()]
    name_ends(figure, axes, ends)
    return figure


def places(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Where points of a plot stand in its picture: (x, y) in [0, 1] from the upper left corner."""
    with mpl.rc_context(THEME):
        figure.draw_without_rendering()
    across, up = (axes.transData.transform(points) / figure.bbox.size).T
    return list(zip(across.tolist(), (1 - up).tolist(), strict=True))


def _draw(axes: Axes, first: int, curves: Mapping[str, ArrayLike]) -> list[End]:
    """Draws curves (M,), or (M, 3) with the ends of their intervals, from x = `first` on."""
    ends = []
    for k, (name, values) in enumerate(curves.items()):
        color, marker = LOSS_STYLES.get(name, CURVE_STYLES[k % len(CURVE_STYLES)])
        values = np.asarray(values)
        middle = values if values.ndim == 1 else values[:, 0]
        x = range(first, first + len(middle))
        axes.plot(x, middle, color=color, marker=marker, markersize=3.5)
        if values.ndim == 2:
            edge = 0 if len(x) > 1 else 2  # a band over a single point shows only its edge
            axes.fill_between(x, values[:, 1], values[:, 2], color=color, alpha=0.2, lw=edge)
        last = np.flatnonzero(np.isfinite(middle))[-1]
        ends.append(End(name, x[last], float(middle[last]), color))
    return ends


def _mark(axes: Axes, point: Point, value: float, color: Any) -> None:
    """Marks a model at its error and another value; a model with a name has a larger marker."""
    face = color if point.filled else "none"
    rim = [withStroke(linewidth=2, foreground="0.2")]  # so that bright colours show on white
    place = (point.error, value)
    size = 90 if point.name else 26
    colors = {"facecolors": face, "edgecolors": color}
    axes.scatter(*place, size, marker=point.marker, linewidths=1, path_effects=rim, **colors)
    if point.name:
        beside = (6, 4)
        axes.annotate(point.name, place, beside, textcoords="offset points", fontsize=SMALL)


def _mark_style(axes: Axes, mark: Mark) -> End:
    """Marks a method in `style_plot`, with a thin line through its variants: where it stands."""
    color, marker = CURVE_STYLES[mark.style % len(CURVE_STYLES)]
    if mark.varied:
        axes.plot(*zip(*mark.varied, strict=True), color=color, lw=1, marker=".", markersize=4)
        words: dict[str, Any] = {"fontsize": SMALL, "color": legible(color)}
        axes.annotate(mark.first, mark.varied[0], (4, -9), textcoords="offset points", **words)
    axes.scatter(mark.leakage, mark.kept, 45, color, marker=marker, zorder=3)
    return End(mark.name, mark.leakage, mark.kept, color)
