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


def proportion(rates: NDArray[np.floating] | NDArray[np.bool_], cases: int = 1) -> Proportion:
    """The mean of M independent rates, with its Wilson interval (Wilson 1927).

    Args:
        rates: (M,) in [0, 1]: hits, which are 0 or 1, or each the proportion of hits among `cases`
            that share something.
        cases: How many cases stand behind each rate, such as the conversions of one image, which
            share its code. These tell less than as many images would, so the interval counts as
            many independent cases as explain how the rates vary: at least M, at most M·cases.

    Raises:
        ValueError: There is no rate at all.
    """
    # Here, since it imports pandas, which takes most of a second.
    from statsmodels.stats.proportion import proportion_confint

    if not len(rates):
        raise ValueError("rates is empty: a proportion needs at least one")
    value, count = float(rates.mean()), float(len(rates))
    if cases > 1 and len(rates) > 1:
        variance = float(rates.var(ddof=1)) / len(rates)
        if variance > 0:
            count = min(max(value * (1 - value) / variance, count), count * cases)
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
