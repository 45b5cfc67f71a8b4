"""Whether the style of conversions follows that of their sources: a correlation, by feature."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glo_core.measures.style import FEATURES

# Resamples behind an interval.
DRAWS = 1000


class Correlation(NamedTuple):
    """A correlation with its 95 % interval, and the same for random pairs; all in [-1, 1]."""

    value: float
    low: float
    high: float
    random: float


def correlations(
    sources: NDArray[np.float64],
    labels: NDArray[np.int64],
    converted: NDArray[np.float64],
    images: NDArray[np.int64],
    targets: NDArray[np.int64],
    seed: int = 0,
) -> dict[str, Correlation]:
    """How far the style of conversions follows that of their sources, by feature.

    It is blind to size: a conversion with a tenth of its source's slant follows it as well as one
    with all of it. How much is kept is what `concordance` says.

    `sources` (N, 5) holds the `style` of N images, of classes `labels` (N,). `converted` (P, 5) is
    that of P conversions: row p converts image `images[p]`, in 0..N-1, to class `targets[p]`.

    The value is Pearson's correlation, after the mean of its source class is subtracted from each
    source and the mean of its pair of classes, source and target, from each conversion: 1 if the
    source determines the conversion but for what is common to the classes, 0 if it predicts no more
    than its class does. It is 0 for a feature that does not vary. The interval resamples images,
    not pairs, as conversions of one image share its code. `random` pairs each conversion with
    another source of the class instead: the value by chance. Pairs with a NaN are left out, feature
    by feature.
    """
    return {
        name: _correlated(sources[:, k], labels, converted[:, k], images, targets, seed)
        for k, name in enumerate(FEATURES)
    }


def _correlated(
    sources: NDArray[np.float64],
    labels: NDArray[np.int64],
    converted: NDArray[np.float64],
    images: NDArray[np.int64],
    targets: NDArray[np.int64],
    seed: int,
) -> Correlation:
    rows = np.isfinite(sources[images]) & np.isfinite(converted)
    if not rows.any():
        return Correlation(0.0, 0.0, 0.0, 0.0)
    present, image = np.unique(images[rows], return_inverse=True)
    sources, labels = sources[present], labels[present]
    others, resamples = _drawn(labels.tobytes(), seed)

    # Subtract the mean of each (source class, target class) pair: it belongs to the classes, not to
    # the writer.
    pairs = labels[image] * (int(targets.max()) + 1) + targets[rows]
    after = _within(converted[rows], pairs)
    before = _within(sources[image], labels[image])
    other = _within(sources[others][image], labels[image])
    products = np.stack([before * after, before**2, after**2])
    of_image = np.array([np.bincount(image, product) for product in products], np.float64)
    resampled: NDArray[np.float64] = of_image @ resamples
    low, high = np.quantile(_pearson(resampled), (0.025, 0.975))
    random = np.stack([other * after, other**2, after**2])
    value, chance = (float(_pearson(some.sum(1))) for some in (products, random))
    return Correlation(value, float(low), float(high), chance)


# Draws take longer than all else, and most features of most models have the same images.
@lru_cache(4)
def _drawn(labels: bytes, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `_others` of N images, and how often each is in a resample: (N, DRAWS).

    Takes the images' int64 labels as bytes, so that draws are found again.
    """
    rng, classes = np.random.default_rng(seed), np.frombuffer(labels, np.int64)
    others, count = _others(classes, rng), len(classes)
    resamples = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    return others, resamples.T.astype(np.float64)


def _within(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values less their group's mean."""
    means = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    # Rounded, so that a group of equal values is 0 throughout instead of noise that may correlate.
    return (values - means[groups]).round(9)


def _others(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each image the index of another one of its class (its own if there is no other)."""
    others = np.empty_like(labels)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        others[members] = np.roll(members, 1)
    return others


def _pearson(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the sums of xy, xx and yy, where x and y have mean 0; 0 if one of them is 0 throughout.

    (3, ...) makes (...).
    """
    both, x, y = sums
    scale = np.sqrt(x * y)
    r: NDArray[np.float64] = np.divide(both, scale, out=np.zeros_like(scale), where=scale > 0)
    return r
