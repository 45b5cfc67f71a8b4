"""Whether two methods differ by more than other images and other seeds would make them differ."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def p_value(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    draws: int = 2000,
    seed: int = 0,
) -> float:
    """The two-sided p-value of the difference between two methods, paired by image and seed.

    Images are drawn with replacement, the same for both methods and all seeds (paired bootstrap;
    Efron & Tibshirani 1993). Of seeds there are too few for that: equal methods with three seeds
    favour the same one in every seed in a quarter of cases, and then no resample would tell them to
    be equal. So to each draw's difference comes Student's t with S - 1 degrees of freedom, scaled
    to the standard error of the seeds' differences. With one seed, the p-value is for other images
    alone.

    Args:
        statistic: From (..., M, *rest) values of M images to (...) numbers, such as their mean. It
            must be a function of the mean over images: the same if that is given as one image's.
        one: (S, M, *rest), the values of one method with S seeds.
        other: The same of the other method, or (1, M, *rest) of one that has no seeds.
        draws: How many resamples; the p-value is at least one over their number.
        seed: Of the draws.

    Returns:
        In [1 / draws, 1]: twice the proportion of draws on the rarer side of 0.
    """
    rng = np.random.default_rng(seed)
    of_seeds = statistic(one) - statistic(other)  # (S,)
    count = one.shape[1]
    images = rng.integers(count, size=(draws, count))
    # How often each draw has each image: sums of resampled values are a product with these, and
    # exact where values are whole numbers, so that equal sums stay equal.
    images += count * np.arange(draws)[:, None]
    times = np.bincount(images.ravel(), minlength=draws * count).reshape(draws, count)
    sums = (np.tensordot(times.astype(np.float64), each, (1, 1)) for each in (one, other))
    ours, theirs = (statistic(each[:, :, None] / count) for each in sums)  # (draws, S)
    differences = (ours - theirs).mean(1)
    if len(of_seeds) > 1:
        error = of_seeds.std(ddof=1) / np.sqrt(len(of_seeds))
        differences += error * rng.standard_t(len(of_seeds) - 1, draws)
    rarer = min((differences <= 0).mean(), (differences >= 0).mean())
    return float(np.clip(2 * rarer, 1 / draws, 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that any false finding stays rare (Holm 1979)."""
    # Here, since it imports pandas, which takes most of a second.
    from statsmodels.stats.multitest import multipletests

    adjusted: list[float] = multipletests(p_values, method="holm")[1].tolist() if p_values else []
    return adjusted
