"""Loss curves as SVG, made anew several times a second while models are trained."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 800, 230
# Where the axes begin and end, from the upper left corner.
LEFT, RIGHT, TOP, BOTTOM = 64, 775, 12, 190


class Curve(NamedTuple):
    """The losses of one model, after each epoch that is done, with its name and colour."""

    name: str
    color: str
    losses: Sequence[float]


def loss_curves(curves: Sequence[Curve], epochs: int) -> str:
    """Losses on a logarithmic axis against epochs 1 to `epochs`, with a name at each curve's end.

    A loss that is not finite, or 0, is left out.
    """
    points = [
        [(k, loss) for k, loss in enumerate(curve.losses, 1) if 0 < loss < math.inf]
        for curve in curves
    ]
    losses = [loss for each in points for _, loss in each] or [0.1]
    low, high = min(losses) / 1.15, max(losses) * 1.15

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / max(epochs - 1, 1) * (RIGHT - LEFT)

    def y(loss: float) -> float:
        return BOTTOM - math.log(loss / low) / math.log(high / low) * (BOTTOM - TOP)

    across = [tick for tick in MaxNLocator(8, integer=True).tick_values(1, epochs) if tick >= 1]
    # Few tenths of a power of ten lie within a narrow range
    ticks = MaxNLocator(5) if high < 4 * low else LogLocator(subs=(1, 2, 3, 5))
    parts = [_vertical(x(tick), f"{tick:.0f}") for tick in across if tick <= epochs]
    parts += [
        _horizontal(y(tick), f"{tick:g}")
        for tick in ticks.tick_values(low, high)
        if low <= tick <= high
    ]
    for curve, each in zip(curves, points, strict=True):
        parts.append(_line(curve, [(x(epoch), y(loss)) for epoch, loss in each]))
    middle = (LEFT + RIGHT) / 2
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="training loss by epoch"'
        f' style="width:100%;max-width:900px" font-size="13" fill="currentColor">'
        f'{"".join(parts)}<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">epoch</text>'
        f'<text transform="translate(14 {(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        "training loss</text></svg>"
    )


def _vertical(x: float, name: str) -> str:
    return (
        f'<path d="M{x:.1f} {TOP}V{BOTTOM}" stroke="currentColor" opacity=".15"/>'
        f'<text x="{x:.1f}" y="{BOTTOM + 16}" text-anchor="middle">{name}</text>'
    )


def _horizontal(y: float, name: str) -> str:
    return (
        f'<path d="M{LEFT} {y:.1f}H{RIGHT}" stroke="currentColor" opacity=".15"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
    )


def _line(curve: Curve, places: Sequence[tuple[float, float]]) -> str:
    """The curve with a dot and its name where it ends; nothing without a place."""
    if not places:
        return ""
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    return (
        f'<polyline points="{line}" fill="none" stroke="{curve.color}" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{curve.color}"/>'
        f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{curve.color}">{escape(curve.name)}</text>'
    )
