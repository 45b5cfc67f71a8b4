"""Handwriting style in numbers.

The features are those of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu & Glocker 2019, JMLR 20:178):
they depend on how a pen is held and pressed, and not on which digit it writes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn.functional import interpolate

FEATURES = ("slant", "thickness", "width", "height", "area")

# Twice as fine tells thickness much better than the plain pixels do (r = 0.99 against 0.96 with
# four times as fine, Morpho-MNIST's choice, at a fifth of its time).
SCALE = 2
# The proportion of ink beyond each side of the box around a digit: stray ends, and the steps of
# slanted edges. Morpho-MNIST has half as much, on a grid with finer steps.
TRIMMED = 0.02
# Images that are measured together: more at a time fall out of the cache, and take longer.
CHUNK = 128


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
