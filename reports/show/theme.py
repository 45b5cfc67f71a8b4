"""The theme of every plot: matplotlib's settings, letters and colours."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgb
from matplotlib.figure import Figure

# First what matplotlib itself would have: a figure is the same whatever its reader's own settings,
# which matplotlib reads from files and the environment, are.
THEME: dict[Any, Any] = {
    **{name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"},
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "text.parse_math": False,  # a name may hold a $, and ours hold no formulas
    "svg.hashsalt": "glo",  # the same figure gives the same bytes
    "svg.fonttype": "path",
}
# The colours of Okabe and Ito, which colour-blind readers can tell apart, each with a marker.
LOSS_STYLES = {"L1": ("#0072B2", "o"), "L2": ("#D55E00", "s"), "L1+L2": ("#009E73", "^")}
OTHER_STYLES = (("#000000", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))
# The colour map of σ, and how far up it is used: its brightest part would not show on white.
SIGMA_COLORS, SIGMA_BRIGHTEST = "viridis", 0.93
# The colour map of proportions is another one, so that the colours of σ always mean σ.
PROPORTION_COLORS = "Blues"
# The size of the smallest letters in points; on the printed page they are at least 7 points large.
SMALL = 7.5
# The contrast that WCAG asks for between letters and their background.
LEAST_CONTRAST = 4.5


def new_figure(height: float = 2.9, width: float = 5.2) -> tuple[Figure, Axes]:
    """A figure of a size in inches. It belongs to no window and needs no closing."""
    figure = Figure((width, height), layout="constrained")
    return figure, figure.add_subplot()


def sigma_colors(count: int) -> Colormap:
    """A colour for each of `count` noise levels in rising order."""
    return ListedColormap(mpl.colormaps[SIGMA_COLORS](np.linspace(0, SIGMA_BRIGHTEST, count)))


def contrast(one: Any, other: Any) -> float:
    """WCAG's contrast of two colours, from 1 for the same colour to 21 for black on white."""
    dark, light = sorted(_luminance(to_rgb(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def legible(color: Any) -> tuple[float, float, float]:
    """The colour, made darker until letters of it can be read on white."""
    red, green, blue = to_rgb(color)
    while contrast((red, green, blue), "w") < LEAST_CONTRAST:
        red, green, blue = 0.97 * red, 0.97 * green, 0.97 * blue
    return red, green, blue


def _luminance(rgb: Sequence[float]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
