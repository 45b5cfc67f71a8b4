"""Plots: curves over σ or epochs, the frontier, heat maps, as matplotlib figures of vectors.

σ has one palette and one axis everywhere: the noise levels stand at equal distances in rising
order, so that 0, 1e-100 and 1000 can be told apart. Curves are named at their ends rather than in a
legend.
"""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from glo_core.generator import plain
from reports.show.names import sigma_name

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "svg.hashsalt": "glo",  # the same figure gives the same bytes
    "svg.fonttype": "path",
}
# Okabe and Ito's colours, which the colour-blind can tell apart, with a marker of their own each.
LOSS_STYLES = {"L1": ("#0072B2", "o"), "L2": ("#D55E00", "s"), "L1+L2": ("#009E73", "^")}
OTHER_STYLES = (("#000000", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))
# The map of σ's colours and the part of it that shows on white; and the map of shares and scores,
# another one, so that σ's colours always mean σ.
SIGMA_COLORS, SIGMA_BRIGHTEST = "viridis", 0.93
SHARE_COLORS = "Blues"
# The smallest letters, in points: at the width of the page they are printed with 7 at least.
SMALL = 7.5
# Of letters on their ground, as WCAG asks for.
CONTRAST = 4.5


class Point(NamedTuple):
    """One model in `frontier_plot`: its measures, and how it is marked."""

    sigma: float
    error: float
    conversion: float
    leakage: float
    marker: str
    filled: bool
    name: str = ""


def new_figure(height: float = 2.9, width: float = 5.2) -> tuple[Figure, Axes]:
    """A figure in inches. It belongs to no window and needs no closing."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.add_subplot()


def contrast(one: Any, other: Any) -> float:
    """WCAG's contrast of two colours, from 1, the same, to 21, black on white."""
    dark, light = sorted(_luminance(to_rgb(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: Sequence[float]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _ink(color: Any) -> tuple[float, float, float]:
    """The colour, made darker where letters of it could not be read on white."""
    red, green, blue = to_rgb(color)
    while contrast((red, green, blue), "w") < CONTRAST:
        red, green, blue = 0.97 * red, 0.97 * green, 0.97 * blue
    return red, green, blue


def sigma_colors(count: int) -> Colormap:
    """A colour for each of `count` noise levels in rising order."""
    return ListedColormap(mpl.colormaps[SIGMA_COLORS](np.linspace(0, SIGMA_BRIGHTEST, count)))


class _End(NamedTuple):
    """Where a curve ends, in the units of its axes, and how it is named there."""

    name: str
    x: float
    y: float
    color: str


def _draw(axes: Axes, first: int, curves: Mapping[str, ArrayLike]) -> list[_End]:
    """Draws curves (M,), or (M, 3) with the ends of their intervals, at x = `first` and on."""
    ends = []
    for k, (name, values) in enumerate(curves.items()):
        color, marker = LOSS_STYLES.get(name, OTHER_STYLES[k % len(OTHER_STYLES)])
        values = np.asarray(values)
        middle = values if values.ndim == 1 else values[:, 0]
        x = range(first, first + len(middle))
        axes.plot(x, middle, color=color, marker=marker, markersize=3.5)
        if values.ndim == 2:
            edge = 0 if len(x) > 1 else 2  # a band over one point has no width but its edge's
            axes.fill_between(x, values[:, 1], values[:, 2], color=color, alpha=0.2, lw=edge)
        ends.append(_End(name, x[-1], float(middle[-1]), color))
    return ends


def _name_ends(figure: Figure, axes: Axes, ends: Sequence[_End]) -> None:
    """Names curves right of the axes, at the height of their ends, but pushed apart.

    A thin line leads from each end to its name, so that names can be told apart without colours.
    """
    ends = sorted(ends, key=lambda end: end.y)
    beside = 1.04
    names = [
        axes.annotate(
            textwrap.fill(end.name, 15),
            (end.x, end.y),
            (beside, 0.5),
            textcoords="axes fraction",
            annotation_clip=False,
            verticalalignment="center",
            fontsize=SMALL,
            color=_ink(end.color),
            arrowprops={
                "arrowstyle": "-",
                "color": end.color,
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )
        for end in ends
    ]
    figure.draw_without_rendering()  # only when laid out, a name has a height
    box = axes.get_window_extent()
    heights = [1.25 * Text.get_window_extent(name).height / box.height for name in names]
    wanted = [
        float((axes.transData.transform((end.x, end.y))[1] - box.y0) / box.height) for end in ends
    ]
    for name, place in zip(names, _apart(wanted, heights), strict=True):
        name.set_position((beside, place))


def _apart(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The middles of things of some heights, rising, moved so that they keep clear of each other.

    They stay between 0 and 1 if there is room. Half way between clear and clear is clear too.
    """
    up = _pushed_up(places, heights)
    down = _pushed_up([1 - place for place in reversed(places)], heights[::-1])
    return [(low + 1 - high) / 2 for low, high in zip(up, reversed(down), strict=True)]


def _pushed_up(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Each pushed above the one below it; then, from the top, back to below 1."""
    pushed = list(places)
    gaps = [(below + above) / 2 for below, above in pairwise(heights)]
    pushed[0] = max(pushed[0], heights[0] / 2)
    for k, gap in enumerate(gaps):
        pushed[k + 1] = max(pushed[k + 1], pushed[k] + gap)
    pushed[-1] = min(pushed[-1], 1 - heights[-1] / 2)
    for k in reversed(range(len(gaps))):
        pushed[k] = min(pushed[k], pushed[k + 1] - gaps[k])
    return pushed


def _epoch_axis(axes: Axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _in_percent(axes: Axes) -> None:
    """Shares on the vertical axis as numbers from 0 to 100; the axis's name holds the %."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))


def places(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Where points of a plot stand in its picture: (x, y) from its upper left corner, 0 to 1."""
    with mpl.rc_context(STYLE):
        figure.draw_without_rendering()
    across, up = (axes.transData.transform(points) / figure.bbox.size).T
    return list(zip(across.tolist(), (1 - up).tolist(), strict=True))


def sigma_axis(axes: Axes, sigmas: Sequence[float], ratios: Sequence[float] | None = None) -> None:
    """The ordinal σ axis: every noise level is a tick, at equal distances.

    `ratios`, σ over the spread of the content codes, stand above, as σ alone means nothing.
    """
    axes.set_xticks(range(len(sigmas)), [sigma_name(sigma) for sigma in sigmas])
    if len(sigmas) > 8:
        axes.tick_params(axis="x", rotation=60, labelsize=8)
    axes.set_xlabel("noise level σ (each level one step)")
    if ratios is not None:
        above = axes.secondary_xaxis("top")
        above.set_xticks(range(len(sigmas)), [sigma_name(float(f"{r:.2g}")) for r in ratios])
        above.tick_params(axis="x", rotation=60, labelsize=SMALL)
        above.set_xlabel("σ over the spread of the content codes", fontsize=8)


@mpl.rc_context(STYLE)
def against_sigma(
    sigmas: Sequence[float],
    curves: Mapping[str, ArrayLike],
    ylabel: str,
    lines: Mapping[str, float] | None = None,
    ratios: Sequence[float] | None = None,
    *,
    percent: bool = False,
) -> Figure:
    """Measures against σ. A curve is (S,), or (S, 3) with the ends of its interval.

    `lines` are levels to compare with, drawn across and named; `ratios` as in `sigma_axis`. Shares
    can be shown in percent.
    """
    figure, axes = new_figure(2.9 if ratios is None else 3.5)
    ends = _draw(axes, 0, curves)
    for level, dashes in zip((lines or {}).values(), ("--", ":", "-."), strict=False):
        axes.axhline(level, color="0.35", lw=1, ls=dashes)
    sigma_axis(axes, sigmas, ratios)
    axes.set_ylabel(ylabel)
    if percent:
        _in_percent(axes)
    right = axes.get_xlim()[1]
    ends += [_End(name, right, level, "0.35") for name, level in (lines or {}).items()]
    _name_ends(figure, axes, ends)
    return figure


@mpl.rc_context(STYLE)
def loss_curves(sigmas: Sequence[float], losses: NDArray[np.float64], ylabel: str) -> Figure:
    """Training loss per epoch, (S, seeds, E), a curve for each σ with its colour on a bar of all σ.

    A curve is the mean over seeds, in a band from the least to the largest.
    """
    figure, axes = new_figure(3.3)
    colors = sigma_colors(len(sigmas))
    epochs = np.arange(1, losses.shape[2] + 1)
    for k, curves in enumerate(losses):
        marker = "." if len(epochs) == 1 else ""
        axes.plot(epochs, curves.mean(0), color=colors(k), lw=1.2, marker=marker)
        axes.fill_between(epochs, curves.min(0), curves.max(0), color=colors(k), alpha=0.25, lw=0)
    _epoch_axis(axes)
    axes.set_ylabel(ylabel)
    _sigma_bar(figure, [axes], sigmas)
    return figure


@mpl.rc_context(STYLE)
def frontier_plot(
    sigmas: Sequence[float], points: Sequence[Point], target: tuple[float, float, float]
) -> Figure:
    """Models by reconstruction error, conversion and leakage: what is gained and paid at once.

    `target` are the bounds of the three: at most, at least, at most. The corners that lie within
    are shaded.
    """
    figure = Figure((5.6, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    colors = sigma_colors(len(sigmas))
    rim = [withStroke(linewidth=2, foreground="0.2")]  # so that the brightest can be seen on white
    for point in points:
        color = colors(sigmas.index(point.sigma)) if point.sigma in sigmas else "#D55E00"
        face = color if point.filled else "none"
        for axes, value in ((left, point.conversion), (right, point.leakage)):
            size = 90 if point.name else 26
            style = {"marker": point.marker, "s": size, "facecolors": face, "edgecolors": color}
            axes.scatter(point.error, value, linewidths=1, path_effects=rim, **style)
            if point.name:
                axes.annotate(
                    point.name,
                    (point.error, value),
                    xytext=(6, 4),
                    textcoords="offset points",
                    fontsize=SMALL,
                )
    worst = max(point.error for point in points)
    shade = {"color": "0.88", "lw": 0, "zorder": 0}  # behind the models
    left.fill_between([0, target[0]], target[1], 1.01, **shade)
    right.fill_between([0, target[0]], 0, target[2], **shade)
    left.set_ylabel("conversions read\nas their target (%)")
    right.set_ylabel("class read by\nthe MLP probe (%)")
    for axes in (left, right):
        _in_percent(axes)
        axes.set_xlabel("reconstruction error\n(L1, grey levels 0–1)")
        axes.set_xlim(min(point.error for point in points) * 0.8, worst * 1.05)
    _sigma_bar(figure, [left, right], sigmas)
    return figure


def _sigma_bar(figure: Figure, axes: list[Axes], sigmas: Sequence[float]) -> None:
    """The bar of σ's colours, each level one step."""
    colors = sigma_colors(len(sigmas))
    norm = mpl.colors.BoundaryNorm(np.arange(len(sigmas) + 1) - 0.5, len(sigmas))
    bar = figure.colorbar(
        mpl.cm.ScalarMappable(norm, colors), ax=axes, ticks=range(len(sigmas)), aspect=30
    )
    bar.ax.set_yticklabels([sigma_name(sigma) for sigma in sigmas], fontsize=SMALL)
    bar.ax.set_title("σ", fontsize=9)
    bar.ax.tick_params(length=0)


@mpl.rc_context(STYLE)
def against_epochs(curves: Mapping[str, ArrayLike], ylabel: str) -> Figure:
    """Measures (E,) after each epoch."""
    figure, axes = new_figure(2.5)
    ends = _draw(axes, 1, curves)
    _epoch_axis(axes)
    axes.set_ylabel(ylabel)
    _name_ends(figure, axes, ends)
    return figure


@mpl.rc_context(STYLE)
def heat_map(
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    ylabel: str,
    xlabel: str,
) -> Figure:
    """Numbers in [0, 1] as coloured cells, (R, C), with each number written in its cell."""
    figure, axes = new_figure(0.8 + 0.21 * len(rows), 3.6)
    axes.grid(False)
    colors = mpl.colormaps[SHARE_COLORS]
    edges = (np.arange(size + 1) - 0.5 for size in (len(columns), len(rows)))
    axes.pcolormesh(*edges, values, cmap=colors, vmin=0, vmax=1)
    axes.invert_yaxis()
    for (r, c), value in np.ndenumerate(values):
        color = max("wk", key=lambda ink: contrast(ink, colors(float(value))))
        axes.text(c, r, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure


@mpl.rc_context(STYLE)
def network_drawing(class_dim: int, content_dim: int) -> Figure:
    """The generator as boxes, with the shapes that the real network gives for one picture."""
    short = {
        "Linear": "linear",
        "Unflatten": "reshape",
        "Upsample": "upsample\n×2",
        "ConvTranspose2d": "transposed\nconv 5×5",
        "BatchNorm2d": "BatchNorm",
        "Sigmoid": "sigmoid",
    }
    steps: list[tuple[str, str]] = []  # what is done, and the shape that it gives
    shown = torch.zeros(1, class_dim + content_dim)
    for layer in plain(class_dim + content_dim).eval():
        shown = layer(shown)
        name = short.get(type(layer).__name__, type(layer).__name__)
        if name in ("ReLU", "BatchNorm", "sigmoid"):  # these keep the shape: no box of their own
            steps[-1] = (f"{steps[-1][0]}\n{name}", steps[-1][1])
        else:
            steps.append((name, "×".join(str(size) for size in shown.shape[1:])))

    figure, axes = new_figure(2.9)
    axes.axis("off")
    axes.set_xlim(-0.5, 4.5)
    axes.set_ylim(-3.1, 1.1)
    _box(axes, 0, 0.55, f"class code\n{class_dim}", "#F6E7C1", 0.7)
    _box(axes, 0, -0.55, f"content code\n{content_dim} + noise", "#F6E7C1", 0.7)
    places = [(float(k), 0.0) for k in range(1, 5)]
    places += [(float(k), -2.2) for k in range(len(steps) - 4)]
    for (x, y), (name, shape) in zip(places, steps, strict=True):
        _box(axes, x, y, name, "#DCE9F5", 1.3)
        axes.text(x, y - 0.82, shape, ha="center", va="center", fontsize=SMALL)
    starts: list[tuple[float, float]] = [(0.0, 0.55), (0.0, -0.55), *places[:3], *places[4:-1]]
    ends = [places[0], places[0], *places[1:4], *places[5:]]
    for (x, y), (to_x, to_y) in zip(starts, ends, strict=True):
        _arrow(axes, (x + 0.43, y), (to_x - 0.43, to_y))
    axes.plot([4, 4, 0], [-1.0, -1.25, -1.25], color="0.3", lw=1)
    _arrow(axes, (0, -1.25), (0, -1.55))
    return figure


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="->", mutation_scale=8, color="0.3", shrinkA=0, shrinkB=0
        )
    )


def _box(axes: Axes, x: float, y: float, text: str, color: str, height: float) -> None:
    axes.add_patch(
        Rectangle(
            (x - 0.43, y - height / 2), 0.86, height, facecolor=color, edgecolor="0.3", lw=0.8
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=SMALL)
