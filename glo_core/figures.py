"""The report's still pictures: mosaics of digits, and curves over σ or epochs.

A mosaic is a PIL image of whole pixels; a plot is a matplotlib figure, kept as vectors. Digits are
drawn as dark ink on white, as on paper. σ has one palette and one axis everywhere: the noise levels
stand at equal distances in rising order, so that 0, 1e-100 and 1000 can be read apart.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from glo_core.generator import plain

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "legend.frameon": False,
    "svg.hashsalt": "glo",  # the same figure gives the same bytes
    "svg.fonttype": "path",
}
# Okabe and Ito's colours, which the colour-blind can tell apart, with a marker of their own each.
LOSS_NAMES = {"l1": "L1", "l2": "L2", "l1+l2": "L1+L2", "laplacian": "Laplacian"}
PROBE_NAMES = {"linear": "linear", "knn": "kNN", "mlp": "MLP"}
LOSS_STYLES = {"L1": ("#0072B2", "o"), "L2": ("#D55E00", "s"), "L1+L2": ("#009E73", "^")}
OTHER_STYLES = (("#000000", "D"), ("#CC79A7", "v"), ("#E69F00", "P"))
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def sigma_name(sigma: float) -> str:
    """A noise level as people write it: 0, 10⁻¹⁰⁰, 0.1, 1000."""
    if sigma == 0 or sigma >= 0.01:
        return f"{sigma:g}"
    mantissa, exponent = f"{sigma:e}".split("e")
    factor = "" if float(mantissa) == 1 else f"{float(mantissa):g}·"
    return f"{factor}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


class Point(NamedTuple):
    """One model in `frontier_plot`: its measures, and how it is marked."""

    sigma: float
    error: float
    conversion: float
    leakage: float
    marker: str
    filled: bool
    name: str = ""


# --- mosaics -------------------------------------------------------------------------------------


def mosaic(
    images: Tensor, rows: Sequence[str] = (), columns: Sequence[str] = (), scale: int = 2
) -> Image.Image:
    """Pictures in a grid, with names beside the rows and above the columns.

    `images` is (R, C, 28, 28), float in [0, 1] or uint8; each pixel becomes scale×scale pixels.
    """
    if images.dtype != torch.uint8:
        images = (images * 255).round().byte()
    height, width = images.shape[:2]
    cell, gap, size = 28 * scale, scale, 8 * scale
    font = _font(size)
    left = max((int(font.getlength(name)) for name in rows), default=-size) + size
    top = round(1.7 * size) if columns else 0
    canvas = Image.new(
        "L", (left + width * (cell + gap) - gap, top + height * (cell + gap) - gap), 255
    )
    draw = ImageDraw.Draw(canvas)
    for r in range(height):
        y = top + r * (cell + gap)
        if rows:
            draw.text((left - size // 2, y + cell / 2), rows[r], 0, font, anchor="rm")
        for c in range(width):
            ink = Image.fromarray(255 - images[r, c].numpy())
            canvas.paste(
                ink.resize((cell, cell), Image.Resampling.NEAREST), (left + c * (cell + gap), y)
            )
    for c, name in enumerate(_fitted(name, cell, font) for name in columns):
        draw.text((left + c * (cell + gap) + cell / 2, top / 2), name, 0, font, anchor="mm")
    return canvas


def stack(pictures: Sequence[Image.Image], names: Sequence[str], columns: int) -> Image.Image:
    """Equally large pictures in rows of `columns`, each with its name below: a film strip."""
    width, height = pictures[0].size
    size = max(columns * width // 57, 13)  # about 8 points where the strip is as wide as a page
    font, gap, band = _font(size), size, 2 * size
    rows = -(-len(pictures) // columns)
    canvas = Image.new(
        "L", (columns * (width + gap) - gap, rows * (height + band + gap) - gap), 255
    )
    draw = ImageDraw.Draw(canvas)
    for k, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        x, y = k % columns * (width + gap), k // columns * (height + band + gap)
        canvas.paste(picture, (x, y))
        draw.text((x + width / 2, y + height + band / 2), name, 0, font, anchor="mm")
    return canvas


def _fitted(name: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """The name, cut short where it is wider than `width` pixels."""
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(f"{name}…") > width:
        name = name[:-1]
    return f"{name}…"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


# --- plots ---------------------------------------------------------------------------------------


def new_figure(height: float = 2.9, width: float = 5.2) -> tuple[Figure, Axes]:
    """A figure of the house's style, in inches. It belongs to no window and needs no closing."""
    with mpl.rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        return figure, figure.add_subplot()


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
        above.tick_params(axis="x", rotation=60, labelsize=7)
        above.set_xlabel("σ over the spread of the content codes", fontsize=8)


def against_sigma(
    sigmas: Sequence[float],
    curves: Mapping[str, ArrayLike],
    ylabel: str,
    lines: Mapping[str, float] | None = None,
    ratios: Sequence[float] | None = None,
) -> Figure:
    """Measures against σ. A curve is (S,), or (S, 3) with the ends of its interval.

    `lines` are levels to compare with, drawn across and named; `ratios` as in `sigma_axis`.
    """
    figure, axes = new_figure(2.9 if ratios is None else 3.5)
    for k, (name, values) in enumerate(curves.items()):
        color, marker = LOSS_STYLES.get(name, OTHER_STYLES[k % len(OTHER_STYLES)])
        values = np.asarray(values)
        middle = values if values.ndim == 1 else values[:, 0]
        axes.plot(middle, color=color, marker=marker, markersize=4, label=name)
        if values.ndim == 2:
            axes.fill_between(
                range(len(middle)), values[:, 1], values[:, 2], color=color, alpha=0.2, lw=0
            )
    for (name, level), dashes in zip((lines or {}).items(), ("--", ":", "-."), strict=False):
        axes.axhline(level, color="0.35", lw=1, ls=dashes, label=name)
    sigma_axis(axes, sigmas, ratios)
    axes.set_ylabel(ylabel)
    axes.legend(loc="best", fontsize=8)
    return figure


def loss_curves(sigmas: Sequence[float], losses: NDArray[np.float64], ylabel: str) -> Figure:
    """Training loss per epoch, (S, seeds, E), a curve for each σ with its colour on a bar of all σ.

    A curve is the mean over seeds, in a band from the least to the largest.
    """
    figure, axes = new_figure(3.3)
    colors = mpl.colormaps["viridis"].resampled(len(sigmas))
    epochs = np.arange(1, losses.shape[2] + 1)
    for k, curves in enumerate(losses):
        marker = "." if len(epochs) == 1 else ""
        axes.plot(epochs, curves.mean(0), color=colors(k), lw=1.2, marker=marker)
        axes.fill_between(epochs, curves.min(0), curves.max(0), color=colors(k), alpha=0.25, lw=0)
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    _sigma_bar(figure, [axes], sigmas)
    return figure


def frontier_plot(
    sigmas: Sequence[float], points: Sequence[Point], target: tuple[float, float, float]
) -> Figure:
    """Models by reconstruction error, conversion and leakage: what is gained and paid at once.

    `target` are the bounds of the three: at most, at least, at most. The corners that lie within
    are shaded.
    """
    with mpl.rc_context(STYLE):
        figure = Figure((6.6, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
    colors = mpl.colormaps["viridis"].resampled(len(sigmas))
    for point in points:
        color = colors(sigmas.index(point.sigma)) if point.sigma in sigmas else "#D55E00"
        face = color if point.filled else "none"
        for axes, value in ((left, point.conversion), (right, point.leakage)):
            size = 90 if point.name else 26
            style = {"marker": point.marker, "s": size, "facecolors": face, "edgecolors": color}
            axes.scatter(point.error, value, **style)
            if point.name:
                axes.annotate(
                    point.name,
                    (point.error, value),
                    xytext=(6, 4),
                    textcoords="offset points",
                    fontsize=7,
                )
    worst = max(point.error for point in points)
    shade = {"color": "0.88", "lw": 0, "zorder": 0}  # behind the models
    left.fill_between([0, target[0]], target[1], 1.01, **shade)
    right.fill_between([0, target[0]], 0, target[2], **shade)
    left.set_ylabel("conversions read as their target")
    right.set_ylabel("class read by the MLP probe")
    for axes in (left, right):
        axes.set_xlabel("reconstruction error L1")
        axes.set_xlim(min(point.error for point in points) * 0.8, worst * 1.05)
    _sigma_bar(figure, [left, right], sigmas)
    return figure


def _sigma_bar(figure: Figure, axes: list[Axes], sigmas: Sequence[float]) -> None:
    """The bar of σ's colours, each level one step."""
    colors = mpl.colormaps["viridis"].resampled(len(sigmas))
    norm = mpl.colors.BoundaryNorm(np.arange(len(sigmas) + 1) - 0.5, len(sigmas))
    bar = figure.colorbar(
        mpl.cm.ScalarMappable(norm, colors), ax=axes, ticks=range(len(sigmas)), aspect=30
    )
    bar.ax.set_yticklabels([sigma_name(sigma) for sigma in sigmas], fontsize=7)
    bar.ax.set_title("σ", fontsize=9)
    bar.ax.tick_params(length=0)


def against_epochs(curves: Mapping[str, ArrayLike], ylabel: str) -> Figure:
    """Measures (E,) after each epoch."""
    figure, axes = new_figure(2.5)
    for k, (name, values) in enumerate(curves.items()):
        color, marker = LOSS_STYLES.get(name, OTHER_STYLES[k % len(OTHER_STYLES)])
        values = np.asarray(values)
        axes.plot(
            np.arange(1, len(values) + 1), values, color=color, marker=marker, ms=3, label=name
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=8)
    return figure


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
    axes.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        color = "w" if value < 0.6 else "k"
        axes.text(c, r, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure


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
        axes.text(x, y - 0.82, shape, ha="center", va="center", fontsize=7.5)
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
    axes.text(x, y, text, ha="center", va="center", fontsize=7)
