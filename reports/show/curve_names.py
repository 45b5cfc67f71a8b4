"""Names at the ends of curves, which stand in place of a legend."""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from reports.show.theme import SMALL, legible

# Names stand at this place, as a proportion of the axes' width, and are broken into short lines.
BESIDE, LINE_LENGTH = 1.04, 15
# Each name takes this many times its height, so that there is some space between names.
SPACED = 1.25


class End(NamedTuple):
    """Where a curve ends, in the units of its axes, and its name and colour."""

    name: str
    x: float
    y: float
    color: str


def name_ends(figure: Figure, axes: Axes, ends: Sequence[End]) -> None:
    """Writes names right of the axes, at the heights of the ends but moved so as not to overlap.

    A thin line leads from each end to its name, so that no reader depends on colours.
    """
    ends = sorted(ends, key=lambda end: end.y)
    names = [_annotation(axes, end) for end in ends]
    figure.draw_without_rendering()  # text has a height only after the layout
    box = axes.get_window_extent()
    heights = [SPACED * Text.get_window_extent(name).height / box.height for name in names]
    pixels = [axes.transData.transform((end.x, end.y))[1] for end in ends]
    wanted = [float((y - box.y0) / box.height) for y in pixels]
    for name, place in zip(names, _apart(wanted, heights), strict=True):
        name.set_position((BESIDE, place))


def _annotation(axes: Axes, end: End) -> Annotation:
    return axes.annotate(
        textwrap.fill(end.name, LINE_LENGTH),
        (end.x, end.y),
        (BESIDE, 0.5),
        textcoords="axes fraction",
        annotation_clip=False,
        verticalalignment="center",
        fontsize=SMALL,
        color=legible(end.color),
        arrowprops={
            "arrowstyle": "-",
            "color": end.color,
            "linewidth": 0.6,
            "shrinkA": 1,
            "shrinkB": 0,
            "relpos": (0, 0.5),
        },
    )


# In one column, moving names up or down leaves no overlap; the library adjustText may leave some.
def _apart(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The middles of names with these heights, from below, moved until no two names overlap.

    Names stay between 0 and 1 if there is room. Two arrangements without overlaps are found, one by
    moving names up and one by moving them down, and each name stands in the middle between its two
    places; there, names do not overlap either.
    """
    up = _pushed_up(places, heights)
    down = _pushed_up([1 - place for place in reversed(places)], heights[::-1])
    return [(low + 1 - high) / 2 for low, high in zip(up, reversed(down), strict=True)]


def _pushed_up(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Moves each name up until it is above the one below it, then all back down below 1."""
    pushed = list(places)
    gaps = [(below + above) / 2 for below, above in pairwise(heights)]
    pushed[0] = max(pushed[0], heights[0] / 2)
    for k, gap in enumerate(gaps):
        pushed[k + 1] = max(pushed[k + 1], pushed[k] + gap)
    pushed[-1] = min(pushed[-1], 1 - heights[-1] / 2)
    for k in reversed(range(len(gaps))):
        pushed[k] = min(pushed[k], pushed[k + 1] - gaps[k])
    return pushed
