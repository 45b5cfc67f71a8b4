"""The forms in which measures hand over numbers that have intervals, as JSON can hold them.

A mean over images is kept as one value for each image, a mean over random draws as one for each
draw: intervals and tests need them, and whoever reads the results makes these.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Significant digits. Rounding to five moves no mean by more than a part in twenty thousand.
DIGITS = 5


def of_images(values: Tensor | NDArray[np.floating]) -> dict[str, list[float]]:
    """One value for each of M images, (M,)."""
    return {"images": [float(f"{value:.{DIGITS}g}") for value in values.tolist()]}


def of_rates(rates: Tensor | NDArray[np.floating], cases: int) -> dict[str, Any]:
    """Of each of M images, (M,), the proportion of its `cases` that are of some kind."""
    return {"rates": of_images(rates)["images"], "cases": cases}


def of_draws(values: Iterable[float]) -> dict[str, list[float]]:
    """One value for each of K random draws."""
    return {"draws": [float(f"{value:.{DIGITS}g}") for value in values]}
