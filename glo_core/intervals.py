"""Shares and their intervals: how sure a measured share is."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student


class Share(NamedTuple):
    """A share of cases with its 95 % interval, all in [0, 1]."""

    value: float
    low: float
    high: float


def share(hits: NDArray[np.bool_]) -> Share:
    """The share of True among (M,) independent cases, or (M, T): T cases that have much in common.

    With its Wilson interval (Wilson 1927).

    The conversions of one image share its code, so T of them tell less than T images would. The
    interval counts as many independent cases as explain how the rows' shares scatter: M at least,
    M·T at most. Raises ValueError for no case at all.
    """
    if not hits.size:
        raise ValueError("hits is empty: a share needs at least one case")
    value, count = float(hits.mean()), float(len(hits))
    if hits.ndim == 2 and len(hits) > 1:
        scatter = float(hits.mean(1).var(ddof=1)) / len(hits)
        if scatter > 0:
            count = min(max(value * (1 - value) / scatter, len(hits)), hits.size)
    z = NormalDist().inv_cdf(0.975)
    centre = (value + z**2 / (2 * count)) / (1 + z**2 / count)
    spread = z / (1 + z**2 / count) * math.sqrt(value * (1 - value) / count + (z / count / 2) ** 2)
    return Share(value, max(0.0, centre - spread), min(1.0, centre + spread))


def corrected_interval(scores: NDArray[np.float64], test_per_train: float) -> Share:
    """The mean of (J,) scores of folds with a 95 % interval that knows they are not independent.

    Any two folds share most of their training images, so that their scores vary less than those of
    J separate data sets would. The corrected resampled t interval makes up for it: variance
    (1/J + `test_per_train`) s², with s² that of the scores and J - 1 degrees of freedom (Nadeau &
    Bengio 2003, Inference for the Generalization Error; Bouckaert & Frank 2004 for repeated folds).
    `test_per_train` is the images tested per image trained on. The interval is clipped to [0, 1],
    and has no width where all scores are equal.

    Raises ValueError for fewer than two scores.
    """
    count = len(scores)
    if count < 2:
        raise ValueError(f"{count} scores: an interval needs at least 2")
    value = float(scores.mean())
    error = math.sqrt((1 / count + test_per_train) * float(scores.var(ddof=1)))
    reach = float(student.ppf(0.975, count - 1)) * error
    return Share(value, max(0.0, value - reach), min(1.0, value + reach))
