"""Proportions and their intervals: how sure a measured proportion is."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student


class Proportion(NamedTuple):
    """A proportion of cases with its 95 % interval, all in [0, 1]."""

    value: float
    low: float
    high: float


def proportion(hits: NDArray[np.bool_]) -> Proportion:
    """The proportion of True, with its Wilson interval (Wilson 1927).

    Args:
        hits: (M,) independent cases, or (M, T): T cases that share something, such as the
            conversions of one image, which share its code. T of these tell less than T images
            would, so the interval counts as many independent cases as explain how the rows'
            proportions vary: at least M, at most M·T.

    Raises:
        ValueError: There is no case at all.
    """
    # Here, since it imports pandas, which takes most of a second.
    from statsmodels.stats.proportion import proportion_confint

    if not hits.size:
        raise ValueError("hits is empty: a proportion needs at least one case")
    value, count = float(hits.mean()), float(len(hits))
    if hits.ndim == 2 and len(hits) > 1:
        variance = float(hits.mean(1).var(ddof=1)) / len(hits)
        if variance > 0:
            count = min(max(value * (1 - value) / variance, len(hits)), hits.size)
    low, high = proportion_confint(value * count, count, method="wilson")
    return Proportion(value, max(0.0, float(low)), min(1.0, float(high)))


def corrected_interval(scores: NDArray[np.float64], test_per_train: float) -> Proportion:
    """The mean of cross-validation scores, with a 95 % interval that allows for the folds' overlap.

    Any two folds share most of their training images, so that their scores vary less than those of
    separate data sets would. The corrected resampled t interval makes up for it: variance
    (1/J + `test_per_train`) s², with s² that of the scores and J - 1 degrees of freedom (Nadeau &
    Bengio 2003, "Inference for the Generalization Error"; Bouckaert & Frank 2004 for repeated
    folds). The interval is clipped to [0, 1], and has no width where all scores are equal.

    Args:
        scores: (J,), one a fold.
        test_per_train: Images tested per image trained on.

    Raises:
        ValueError: There are fewer than two scores.
    """
    count = len(scores)
    if count < 2:
        raise ValueError(f"{count} scores: an interval needs at least 2")
    value = float(scores.mean())
    error = math.sqrt((1 / count + test_per_train) * float(scores.var(ddof=1)))
    reach = float(student.ppf(0.975, count - 1)) * error
    return Proportion(value, max(0.0, value - reach), min(1.0, value + reach))
