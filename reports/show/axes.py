"""The axes that plots have in common: σ, epochs, percent, and the bar of σ's colours.

All plots over σ have one axis: the noise levels stand at equal distances in rising order, so that
0, 1e-100 and 1000 can be told apart.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from reports.show.names import sigma_name
from reports.show.theme import SMALL, sigma_colors


def sigma_axis(axes: Axes, sigmas: Sequence[float], ratios: Sequence[float] | None = None) -> None:
    """The axis of σ: every noise level is a tick, at equal distances.

    `ratios`, σ over the spread of the content codes, stand above, because a σ means little without
    the codes that it is added to.
    """
    axes.set_xticks(range(len(sigmas)), [sigma_name(sigma) for sigma in sigmas])
    if len(sigmas) > 8:
        axes.tick_params(axis="x", rotation=60, labelsize=8)
    axes.set_xlabel("noise level σ (each level one step)")
    if ratios is not None:
        above = axes.secondary_xaxis("top")
        known = [k for k, ratio in enumerate(ratios) if np.isfinite(ratio)]  # others are gaps
        above.set_xticks(known, [sigma_name(float(f"{ratios[k]:.2g}")) for k in known])
        above.tick_params(axis="x", rotation=60, labelsize=SMALL)
        above.set_xlabel("σ over the spread of the content codes", fontsize=8)


def epoch_axis(axes: Axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def in_percent(axes: Axes) -> None:
    """Writes proportions on the vertical axis as 0 to 100; the axis's label holds the %."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))


def sigma_bar(figure: Figure, axes: list[Axes], sigmas: Sequence[float]) -> None:
    """A bar with the colour of each σ."""
    colors = sigma_colors(len(sigmas))
    norm = mpl.colors.BoundaryNorm(np.arange(len(sigmas) + 1) - 0.5, len(sigmas))
    bar = figure.colorbar(
        mpl.cm.ScalarMappable(norm, colors), ax=axes, ticks=range(len(sigmas)), aspect=30
    )
    bar.ax.set_yticklabels([sigma_name(sigma) for sigma in sigmas], fontsize=SMALL)
    bar.ax.set_title("σ", fontsize=9)
    bar.ax.tick_params(length=0)


def gap(axes: Axes, place: float) -> None:
    """Says at a place of the axis of σ why there is nothing."""
    axes.axvspan(place - 0.4, place + 0.4, color="0.94", lw=0, zorder=0)
    words: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL, "color": "0.35"}
    transform = axes.get_xaxis_transform()
    axes.text(place, 0.5, "diverged", rotation=90, transform=transform, **words)


def with_gaps(values: ArrayLike, there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values (S, ...) at the places that are there, with NaN at the others."""
    values = np.asarray(values, np.float64)
    spread = np.full((len(there), *values.shape[1:]), np.nan)
    spread[there] = values
    return spread
