"""Which ground images have: ink is light on a dark ground here, as in MNIST and for measures."""

import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from glo_core.files.errors import listed, printable

log = logging.getLogger(__name__)

# What `source` says of images that were turned over.
TURNED = "dark on light, turned over to light on dark"

# A border is plain if half of its pixels are this near to each other, of 255: photographs are not.
_PLAIN = 51
# Images turn over if this proportion of them is of dark ink on a plain light border.
_MOST = 0.75
# Both grounds are there if this proportion of the images has the rarer one.
_SOME = 0.1
# Ink differs that many times as much from the border as anything does on the other side: at 1,
# photographs would count as either.
_CLEAR = 1.5


def border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outermost pixels of (..., H, W) images: (..., P)."""
    sides = [pixels[..., 0, :], pixels[..., -1, :], pixels[..., 1:-1, 0], pixels[..., 1:-1, -1]]
    return np.concatenate(sides, axis=-1)


def is_light(pixels: NDArray[np.uint8]) -> bool:
    """Whether (N, H, W) images, N >= 1, are of dark ink on light paper, as their borders tell."""
    plain, paper, *_ = _borders(pixels)
    return _are_most(plain & paper)


def turn_over(
    pixels: NDArray[np.uint8], where: object, parts: Mapping[str, NDArray[np.bool_]]
) -> tuple[NDArray[np.uint8], bool]:
    """The images of one data set as light ink on a dark ground.

    Either all are turned over, 255 - pixels, or none, so that images stay alike; it logs which. It
    warns of two grounds, and of what may be dark ink but may be photographs as well.

    Args:
        pixels: (N, H, W), N >= 1.
        where: The file or folder that holds the images.
        parts: Which images are of a class or a split, (N,), by what warnings call it.

    Returns:
        The images, and whether they were turned over.
    """
    plain, paper, dark_ink, light_ink = _borders(pixels)
    turned = _are_most(plain & paper)
    if turned:
        log.info("%s: the images are %s", printable(where), TURNED)
    done = "all are turned over" if turned else "they are taken as they are"
    on_lighter, on_darker = plain & dark_ink, plain & light_ink
    rarer = on_darker if on_lighter.sum() > on_darker.sum() else on_lighter
    # A class or a split on a ground of its own may be a small part of the whole.
    other = [name for name, inside in parts.items() if rarer[inside].sum() * 2 > inside.sum()]
    if _are_most(dark_ink) and not turned:
        log.warning(
            "%s: %d of %d images are darker within than at their borders, as dark ink on paper is, "
            "but only %d of the borders are plain and light; %s. If this is ink, leave a margin of "
            "light, evenly lit paper around it, or turn the images over, to light on dark",
            *(printable(where), dark_ink.sum(), len(pixels), (plain & paper).sum(), done),
        )
    elif other or rarer.mean() >= _SOME:
        log.warning(
            "%s: of %d images, %d are of dark ink on a lighter ground and %d of light ink on a "
            "darker one%s; %s, and models learn the grounds, too",
            *(printable(where), len(pixels), on_lighter.sum(), on_darker.sum()),
            f" (unlike the others: {listed(other)})" if other else "",
            done,
        )
    return (255 - pixels, True) if turned else (pixels, False)


def _are_most(chosen: NDArray[np.bool_]) -> bool:
    return bool(chosen.mean() >= _MOST)


def _borders(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], ...]:
    """Which of (N, H, W) images have a plain border, light paper, dark ink, and light ink: (N,).

    Ink is what differs most from the border's middle, however light that is: there is chalk on
    light boards, and grey paper.
    """
    lower, middle, upper = np.percentile(border(pixels), [25, 50, 75], axis=1)
    darker, lighter = middle - pixels.min((1, 2)), pixels.max((1, 2)) - middle
    paper = (middle >= 128) & (darker >= lighter)
    return upper - lower <= _PLAIN, paper, darker > _CLEAR * lighter, lighter > _CLEAR * darker
