"""Which ground images have: ink is light on a dark ground here, as in MNIST and for measures."""

import logging

import numpy as np
from numpy.typing import NDArray

from glo_core.files.errors import printable

log = logging.getLogger(__name__)

# What `source` says of images that were turned over.
TURNED = "dark on light, turned over to light on dark"

# A border is plain if half of its pixels are this near to each other, of 255: photographs are not.
_PLAIN = 51
# Images turn over if this proportion of them has a plain light border.
_MOST = 0.75
# Both grounds are there if this proportion of the images has each.
_SOME = 0.1
# So many images tell which ground all have.
_ENOUGH = 5000


def border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outermost pixels of (..., H, W) images: (..., P)."""
    sides = [pixels[..., 0, :], pixels[..., -1, :], pixels[..., 1:-1, 0], pixels[..., 1:-1, -1]]
    return np.concatenate(sides, axis=-1)


def is_light(pixels: NDArray[np.uint8]) -> bool:
    """Whether (N, H, W) images are of dark ink on light paper, as far as their borders tell."""
    return _proportions(pixels)[0] >= _MOST


def turn_over(pixels: NDArray[np.uint8], where: object) -> tuple[NDArray[np.uint8], bool]:
    """The (N, H, W) images of one data set as light ink on a dark ground.

    Either all are turned over, 255 - pixels, or none, so that images stay alike; it logs which.

    Returns:
        The images, and whether they were turned over.
    """
    light, dark = _proportions(pixels)
    turned = light >= _MOST
    if turned:
        log.info("%s: the images are %s", printable(where), TURNED)
    if min(light, dark) >= _SOME:
        log.warning(
            "%s: %.0f %% of the images are on a light ground and %.0f %% on a dark one; %s, and "
            "models learn the grounds, too",
            printable(where),
            100 * light,
            100 * dark,
            "all are turned over" if turned else "they are taken as they are",
        )
    return (255 - pixels, True) if turned else (pixels, False)


def _proportions(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """How many of (N, H, W) images have a plain light border, and a plain dark one.

    Chalk on a light board has neither: what differs most from its border is lighter still.
    """
    if not len(pixels):
        return 0.0, 0.0
    some = pixels[:: 1 + len(pixels) // _ENOUGH]
    lower, middle, upper = np.percentile(border(some), [25, 50, 75], axis=1)
    plain, light = upper - lower <= _PLAIN, middle >= 128
    dark_ink = middle - some.min((1, 2)) >= some.max((1, 2)) - middle
    return float(np.mean(plain & light & dark_ink)), float(np.mean(plain & ~light))
