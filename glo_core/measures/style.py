"""Handwriting style in numbers, and how much of it a conversion keeps.

The features are those of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu & Glocker 2019, JMLR 20:178):
they depend on how a pen is held and pressed, and not on which digit it writes.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn.functional import interpolate

from glo_core.measures.judge import predictions
from glo_core.measures.subject import Subject

FEATURES = ("slant", "thickness", "width", "height", "area")

# Twice as fine tells thickness much better than the plain pixels do (r = 0.99 against 0.96 with
# four times as fine, Morpho-MNIST's choice, at a fifth of its time).
SCALE = 2
# The proportion of ink beyond each side of the box around a digit: stray ends, and the steps of
# slanted edges. Morpho-MNIST has half as much, on a grid with finer steps.
TRIMMED = 0.02
# Images of each class whose conversions are measured.
PER_CLASS = 30
# Images that are measured together: more at a time fall out of the cache, and take longer.
CHUNK = 128
# Resamples behind an interval.
DRAWS = 1000


class Kept(NamedTuple):
    """A correlation with its 95 % interval, and the same for random pairs; all in [-1, 1]."""

    value: float
    low: float
    high: float
    random: float


def measure(subject: Subject) -> dict[str, Any]:
    """How much of its source's style a conversion keeps, by feature (see `kept`).

    Only conversions that the judge classifies as their target count: one that still is its source
    has kept all of its style, and converted nothing.
    """
    classes, labels = len(subject.digits.class_names), subject.digits.labels
    members = [torch.nonzero(labels == label)[:PER_CLASS, 0] for label in range(classes)]
    images = torch.cat(members)
    sources = style(subject.digits.images[images])
    row, target = np.divmod(np.arange(len(images) * classes), classes)
    others = labels[images].numpy()[row] != target
    row, target = row[others], target[others]
    conversions = subject.glo.convert(images[row], torch.from_numpy(target))
    converted = style(conversions)
    converted[predictions(subject.judge, conversions).numpy() != target] = np.nan
    return {"style": kept(sources, labels[images].numpy(), converted, row, target)}


# --- the style of an image ----------------------------------------------------------------------


def style(images: Tensor) -> NDArray[np.float64]:
    """The FEATURES of (M, H, W) float32 images, light ink on dark ground: (M, 5) float64.

    * slant: the angle of the horizontal shear, in degrees in (-90, 90); upright is 0, and positive
      leans to the right.
    * thickness: twice the mean distance from the stroke's middle line to its edge, in pixels.
    * width, height: of the parallelogram around the digit that has the digit's slant and level top
      and bottom, in pixels. 2 % of the ink may stick out on each side.
    * area: of the ink, in square pixels.

    Ink is what has half of its image's greatest value or more: a fainter copy has the same style.
    An image without any light has no style: its row is NaN.
    """
    found = np.full((len(images), len(FEATURES)), np.nan)
    seen = np.flatnonzero(images.amax((1, 2)).numpy() > 0)
    for start in range(0, len(seen), CHUNK):
        chunk = seen[start : start + CHUNK]
        ink = _ink(images[chunk])
        found[chunk] = np.stack([_slant(ink), _thickness(ink), *_box(ink), _area(ink)], 1)
    return found


def _ink(images: Tensor) -> NDArray[np.bool_]:
    """Where the ink is, on a finer grid: (M, SCALE·H, SCALE·W) bool."""
    fine = interpolate(images[:, None], scale_factor=SCALE, mode="bilinear")[:, 0]
    return (fine >= fine.amax((1, 2), keepdim=True) / 2).numpy()


def _area(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = ink.sum((1, 2)) / SCALE**2
    return area


def _shear(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the ink moves to the right for each step down, by least squares."""
    y, x = np.indices(ink.shape[1:]).reshape(2, -1).astype(np.float64)
    terms = np.stack([np.ones_like(x), x, y, x * y, y * y], 1)
    moments = ink.reshape(len(ink), -1).astype(np.float64) @ terms
    mean_x, mean_y, mean_xy, mean_yy = (moments[:, 1:] / moments[:, :1]).T
    # The finer grid draws every spot on two rows or more, so that the divisor is never 0.
    shear: NDArray[np.float64] = (mean_xy - mean_x * mean_y) / (mean_yy - mean_y**2)
    return shear


def _slant(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.degrees(np.arctan(-_shear(ink)))


def _thickness(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    # One tall mosaic spares a loop over the images. The blank margin keeps neighbours apart, and
    # is background to ink at an image's border.
    tiles = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    mosaic = tiles.reshape(-1, tiles.shape[2])
    middle = skeletonize(mosaic).reshape(len(ink), -1)
    radii = distance_transform_edt(mosaic).reshape(len(ink), -1)
    thickness: NDArray[np.float64] = 2 * (radii * middle).sum(1) / middle.sum(1) / SCALE
    return thickness


def _box(ink: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    image, y, x = ink.nonzero()
    upright = x - _shear(ink)[image] * y
    return _extent(image, upright), _extent(image, y.astype(np.float64))


def _extent(image: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The length that holds each image's ink but for TRIMMED at both ends, pixels included."""
    ordered = at[np.lexsort((at, image))]
    count = np.bincount(image)
    first, trimmed = count.cumsum() - count, np.floor(TRIMMED * count).astype(int)
    low, high = ordered[first + trimmed], ordered[first + count - 1 - trimmed]
    extent: NDArray[np.float64] = (high - low + 1) / SCALE
    return extent


# --- what a conversion keeps ---------------------------------------------------------------------


def kept(
    sources: NDArray[np.float64],
    labels: NDArray[np.int64],
    converted: NDArray[np.float64],
    images: NDArray[np.int64],
    targets: NDArray[np.int64],
    seed: int = 0,
) -> dict[str, Kept]:
    """How far the style of conversions follows that of their sources, by feature.

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
        name: _kept(sources[:, k], labels, converted[:, k], images, targets, seed)
        for k, name in enumerate(FEATURES)
    }


def _kept(
    sources: NDArray[np.float64],
    labels: NDArray[np.int64],
    converted: NDArray[np.float64],
    images: NDArray[np.int64],
    targets: NDArray[np.int64],
    seed: int,
) -> Kept:
    rng = np.random.default_rng(seed)
    rows = np.isfinite(sources[images]) & np.isfinite(converted)
    if not rows.any():
        return Kept(0.0, 0.0, 0.0, 0.0)
    present, image = np.unique(images[rows], return_inverse=True)
    sources, labels = sources[present], labels[present]

    # Subtract the mean of each (source class, target class) pair: it belongs to the classes, not to
    # the writer.
    pairs = labels[image] * (int(targets.max()) + 1) + targets[rows]
    after = _within(converted[rows], pairs)
    before = _within(sources[image], labels[image])
    other = _within(sources[_others(labels, rng)][image], labels[image])
    products = np.stack([before * after, before**2, after**2])
    of_image = np.array([np.bincount(image, product) for product in products], np.float64)
    resamples = rng.multinomial(len(present), np.full(len(present), 1 / len(present)), DRAWS)
    resampled: NDArray[np.float64] = of_image @ resamples.T
    low, high = np.quantile(_correlation(resampled), (0.025, 0.975))
    random = np.stack([other * after, other**2, after**2])
    value, chance = (float(_correlation(some.sum(1))) for some in (products, random))
    return Kept(value, float(low), float(high), chance)


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


def _correlation(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the sums of xy, xx and yy, where x and y have mean 0; 0 if one of them is 0 throughout.

    (3, ...) makes (...).
    """
    both, x, y = sums
    scale = np.sqrt(x * y)
    r: NDArray[np.float64] = np.divide(both, scale, out=np.zeros_like(scale), where=scale > 0)
    return r
