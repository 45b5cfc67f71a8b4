"""Handwriting style in numbers.

The features are those of Morpho-MNIST (Castro, Tan, Kainz, Konukoglu & Glocker 2019, JMLR 20:178):
they depend on how a pen is held and pressed, and not on which digit it writes.
"""

import numpy as np
from numpy.typing import NDArray
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
        image, y, x = _places(ink)
        area = np.bincount(image)
        shear = _shear(area, x, y)
        upright = _sorted(image, x - shear[image] * y)
        found[chunk] = np.stack(
            [
                np.degrees(np.arctan(-shear)),
                _thickness(ink),
                _extent(area, upright),
                _extent(area, y),  # in order already
                area / SCALE**2,
            ],
            1,
        )
    return found


def _ink(images: Tensor) -> NDArray[np.bool_]:
    """Where the ink is, on a finer grid: (M, SCALE·H, SCALE·W) bool."""
    fine = interpolate(images[:, None], scale_factor=SCALE, mode="bilinear")[:, 0]
    return (fine >= fine.amax((1, 2), keepdim=True) / 2).numpy()


def _places(ink: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Where (M, H, W) ink is: of each pixel the image, the row and the column, (P,) each.

    It is `ink.nonzero()`, in a third of the time.
    """
    pixels = np.flatnonzero(ink)
    rows = pixels // ink.shape[2]
    image = np.repeat(np.arange(len(ink)), np.count_nonzero(ink, (1, 2)))
    return image, rows - image * ink.shape[1], pixels - rows * ink.shape[2]


def _shear(
    area: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far each image's ink moves to the right for each step down, by least squares: (M,)."""
    first = area.cumsum() - area
    moments = np.stack([np.add.reduceat(each, first) for each in (x, y, x * y, y * y)])
    mean_x, mean_y, mean_xy, mean_yy = moments / area
    # The finer grid draws every spot on two rows or more, so that the divisor is never 0.
    shear: NDArray[np.float64] = (mean_xy - mean_x * mean_y) / (mean_yy - mean_y**2)
    return shear


def _thickness(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    # One tall mosaic spares a loop over the images, and only the part where any has ink takes time.
    # The blank margin keeps neighbours apart, and is background to ink at an image's border.
    rows, columns = (np.flatnonzero(ink.any(axes)) for axes in ((0, 2), (0, 1)))
    tiles = np.pad(
        ink[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], ((0, 0), (1, 1), (1, 1))
    )
    middle = _places(skeletonize(tiles.reshape(-1, tiles.shape[2])).reshape(tiles.shape))
    sums = np.bincount(middle[0], _radii(tiles, middle))
    thickness: NDArray[np.float64] = 2 * sums / np.bincount(middle[0]) / SCALE
    return thickness


def _radii(tiles: NDArray[np.bool_], places: tuple[NDArray[np.int64], ...]) -> NDArray[np.float64]:
    """How far the nearest background is from some places: (P,).

    SciPy's transform finds it for every pixel, in ten times the time.

    Args:
        tiles: (M, H, W), background along all borders.
        places: Of each place the image, the row and the column, (P,) each.
    """
    image, y, x = places
    # In each column, the distance to the nearest background above or below
    above, below = np.zeros((2, *tiles.shape), np.int16)
    for row in range(1, tiles.shape[1]):
        above[:, row] = (above[:, row - 1] + 1) * tiles[:, row]
        below[:, -row - 1] = (below[:, -row] + 1) * tiles[:, -row - 1]
    squares = np.minimum(above, below) ** 2
    nearest = squares[places]
    aside = 1
    while aside**2 < nearest.max():
        for column in (x - aside, x + aside):
            inside = column.clip(0, tiles.shape[2] - 1)
            nearest = np.minimum(nearest, aside**2 + squares[image, y, inside])
        aside += 1
    radii: NDArray[np.float64] = np.sqrt(nearest, dtype=np.float64)
    return radii


def _sorted(image: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of images that follow each other, (P,), in rising order within each image."""
    counts = np.bincount(image)
    taken = np.arange(counts.max()) < counts[:, None]
    rows = np.full(taken.shape, np.inf)
    rows[taken] = at
    rows.sort(1)
    ordered: NDArray[np.float64] = rows[taken]
    return ordered


def _extent(
    counts: NDArray[np.int64], ordered: NDArray[np.float64] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """The length that holds each image's ink but for TRIMMED at both ends, pixels included.

    `ordered` are the places of one image's ink after the other's, each in rising order; `counts`
    tells of how many pixels it is.
    """
    first, trimmed = counts.cumsum() - counts, np.floor(TRIMMED * counts).astype(int)
    low, high = ordered[first + trimmed], ordered[first + counts - 1 - trimmed]
    extent: NDArray[np.float64] = (high - low + 1) / SCALE
    return extent
