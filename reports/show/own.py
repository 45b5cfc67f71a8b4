"""A board for an image of the reader's own: drawn or loaded, it is converted to every class.

The script beside it frames a picture as the training images are, fits content codes to it, and
converts it. What it needs to know of the training images is measured here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from glo_core.data import Digits
from glo_core.model import Glo
from reports.show.live import Shown, deflated, in_halves, numbers, pictures, scripted, sizes
from reports.show.mosaics import mosaic
from reports.show.page import base64_of

# The grey level from which a pixel belongs to the box around the ink, as in `drawing.js`.
INK = 0.1


class Framing(NamedTuple):
    """How images lie in their 28×28 pixels.

    Fields:
        side: The longer side of the box around the ink, in pixels: the median.
        mass: Whether it is the centre of mass that lies at one place, rather than the box's.
        middle: Where that centre lies in the mean: pixels from the left border and the upper one.
    """

    side: int
    mass: bool
    middle: tuple[float, float]


def framing(images: Tensor) -> Framing:
    """How (N, 28, 28) images are framed, as far as they hold any ink.

    MNIST's have a longer side of 20 pixels, and their centre of mass in the middle.
    """
    images = images[images.amax((1, 2)) > INK]
    # Of every image, along x and y: where the ink begins and ends, and its centre of mass
    lit = torch.stack([(images > INK).any(1), (images > INK).any(2)], 1).float()
    first, last = lit.argmax(2), 28 - lit.flip(2).argmax(2)
    profile = torch.stack([images.sum(1), images.sum(2)], 1)
    mass = profile @ (torch.arange(28) + 0.5) / profile.sum(2)
    box = (first + last) / 2
    centres = min(mass, box, key=lambda each: float(each.std(0).sum()))
    side = int((last - first).amax(1).median())
    x, y = centres.mean(0).tolist()
    return Framing(side, centres is mass, (round(x, 2), round(y, 2)))


def own_board(glo: Glo, digits: Digits, unseen: Digits, noun: str, pen: float) -> str:
    """The board as HTML, with the model that fits and converts; the rest is as in `own_data`."""
    parts = numbers(Shown(glo, ""), torch.arange(0))
    halves = base64_of(deflated(in_halves(parts, "the board's model")))
    model = {"models": [sizes(parts)], "halves": halves}
    return scripted("glo-own", model | own_data(digits, unseen, noun, pen))


def own_data(digits: Digits, unseen: Digits, noun: str, pen: float) -> dict[str, Any]:
    """What the board has to know besides its model.

    Args:
        digits: The images that the model was trained on.
        unseen: Images that it was not trained on, which readers can take instead of drawing.
        noun: What one image shows, such as "digit".
        pen: How thick strokes of the training images are, in pixels.
    """
    framed = framing(digits.images)._asdict()
    return {"noun": noun, "pen": pen, "framing": framed, **pictures(unseen)}


def still(glo: Glo, images: Tensor, codes: Tensor, names: Sequence[str]) -> Image.Image:
    """For paper: a row for each image (M, 28, 28), which begins with it.

    Behind it stands what its fitted content code, of `codes` (M, D), is with every class code.
    """
    classes = torch.arange(len(names))
    rows = [
        torch.cat([image[None], glo.decode(classes, code.expand(len(names), -1))])
        for image, code in zip(images, codes, strict=True)
    ]
    return mosaic(torch.stack(rows), columns=["image", *names])
