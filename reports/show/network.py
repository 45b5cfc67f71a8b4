"""A drawing of the generator's layers, with the shapes that the real layers give."""

from typing import Any

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from glo_core.generator import plain
from reports.show.theme import SMALL, THEME, new_figure

# What each kind of layer is called.
LAYER_NAMES = {
    "Linear": "linear",
    "Unflatten": "reshape",
    "Upsample": "upsample\n×2",
    "ConvTranspose2d": "transposed\nconv 5×5",
    "BatchNorm2d": "BatchNorm",
    "Sigmoid": "sigmoid",
}
# These layers keep the shape and are written into the box of the layer before them.
SHAPE_KEEPING = ("ReLU", "BatchNorm", "sigmoid")
CODE_COLOR, LAYER_COLOR, LINE_COLOR = "#F6E7C1", "#DCE9F5", "0.3"
# Half the width of a box, and how many boxes stand in the upper of the two rows.
HALF_WIDTH, IN_UPPER_ROW = 0.43, 4


@mpl.rc_context(THEME)
def network_drawing(class_dim: int, content_dim: int) -> Figure:
    """The generator's layers as boxes in two rows, each with the shape of its output below it."""
    layers = _layers(class_dim + content_dim)
    figure, axes = new_figure(2.9)
    axes.axis("off")
    axes.set_xlim(-0.5, 4.5)
    axes.set_ylim(-3.1, 1.1)
    _box(axes, 0, 0.55, f"class code\n{class_dim}", CODE_COLOR, 0.7)
    _box(axes, 0, -0.55, f"content code\n{content_dim} + noise", CODE_COLOR, 0.7)
    upper = [(float(k), 0.0) for k in range(1, IN_UPPER_ROW + 1)]
    lower = [(float(k), -2.2) for k in range(len(layers) - IN_UPPER_ROW)]
    for (x, y), (name, shape) in zip(upper + lower, layers, strict=True):
        _box(axes, x, y, name, LAYER_COLOR, 1.3)
        axes.text(x, y - 0.82, shape, ha="center", va="center", fontsize=SMALL)
    starts = [(0.0, 0.55), (0.0, -0.55), *upper[:-1], *lower[:-1]]
    ends = [upper[0], *upper, *lower[1:]]
    for (x, y), (to_x, to_y) in zip(starts, ends, strict=True):
        _arrow(axes, (x + HALF_WIDTH, y), (to_x - HALF_WIDTH, to_y))
    # From the end of the upper row to the start of the lower one.
    axes.plot([4, 4, 0], [-1.0, -1.25, -1.25], color=LINE_COLOR, lw=1)
    _arrow(axes, (0, -1.25), (0, -1.55))
    return figure


def _layers(code_dim: int) -> list[tuple[str, str]]:
    """What each box says, and the shape that the real layers give for one image."""
    layers: list[tuple[str, str]] = []
    output = torch.zeros(1, code_dim)
    for layer in plain(code_dim).eval():
        output = layer(output)
        kind = type(layer).__name__
        name = LAYER_NAMES.get(kind, kind)
        if name in SHAPE_KEEPING:
            layers[-1] = (f"{layers[-1][0]}\n{name}", layers[-1][1])
        else:
            layers.append((name, "×".join(str(size) for size in output.shape[1:])))
    return layers


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    shape: dict[str, Any] = {"arrowstyle": "->", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(start, end, color=LINE_COLOR, **shape))


def _box(axes: Axes, x: float, y: float, text: str, color: str, height: float) -> None:
    corner = (x - HALF_WIDTH, y - height / 2)
    look: dict[str, Any] = {"facecolor": color, "edgecolor": LINE_COLOR, "lw": 0.8}
    axes.add_patch(Rectangle(corner, 2 * HALF_WIDTH, height, **look))
    axes.text(x, y, text, ha="center", va="center", fontsize=SMALL)
