"""Heat maps: tables of proportions as coloured cells with their numbers."""

from collections.abc import Sequence
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports import fonts
from reports.show.theme import PROPORTION_COLORS, THEME, contrast, new_figure

# The mean width of a letter of 8 points, in inches, and how many a heat map's name may have.
LETTER, LONGEST = 0.067, 16


@mpl.rc_context(THEME)
def heat_map(
    values: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    ylabel: str,
    xlabel: str,
) -> Figure:
    """Numbers (R, C) in [0, 1] as coloured cells, with each number written in its cell.

    Where a name is wider than its column, all names of columns are written upwards.
    """
    families = fonts.families("".join([*rows, *columns]))
    rows, columns = list(map(_label, rows)), list(map(_label, columns))
    width, name_width = max(2.8, 0.27 * len(columns)), LETTER * max(map(_letters, columns))
    upwards = name_width > width / len(columns)
    beside = LETTER * max(0, max(map(_letters, rows)) - 5)  # 0.8 inches have room for five letters
    figure, axes = new_figure(0.8 + 0.21 * len(rows) + upwards * name_width, 0.8 + width + beside)
    axes.grid(False)
    colors = mpl.colormaps[PROPORTION_COLORS]
    edges = (np.arange(size + 1) - 0.5 for size in (len(columns), len(rows)))
    axes.pcolormesh(*edges, values, cmap=colors, vmin=0, vmax=1)
    axes.invert_yaxis()
    for (r, c), value in np.ndenumerate(values):
        color = max("wk", key=lambda ink: contrast(ink, colors(float(value))))
        axes.text(c, r, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(columns)), columns, rotation=90 if upwards else 0, family=families)
    axes.set_yticks(range(len(rows)), rows, family=families)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure


def _label(name: str) -> str:
    """A name beside or below a heat map's cells, cut short if it is long."""
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return fonts.drawable(short, fonts.OWN, *fonts.further(short))


def _letters(name: str) -> int:
    """How many letters of mean width a name is as wide as: those of East Asia are wider."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in name)
