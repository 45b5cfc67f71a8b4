"""Handwritten digits of another kind than MNIST's, by other writers."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from glo_core.data import SIDE, Digits

# Grey levels that become 0 and 1 in enlarged strokes. Of several pairs, a judge trained on MNIST
# classifies most of these digits with this one: 87 %.
STROKE = (0.3, 0.8)


def other_kind(digits: Digits) -> Digits | None:
    """Real digits of another kind: scikit-learn's 1,797 of 8x8 pixels, by 43 other writers.

    They are the test set of Alpaydin & Kaynak (1998, "Optical Recognition of Handwritten Digits",
    UCI Machine Learning Repository), and ship with scikit-learn. As MNIST's images are, each is
    enlarged into a box of 20x20 pixels, which is put into 28x28 so that its centre of mass is in
    the middle.

    Returns:
        The digits; None if `digits` are not MNIST's, and of no kind that these could be beside.
    """
    from sklearn.datasets import load_digits  # here, since it takes a second to import

    if not digits.mnist:
        return None
    small, labels = load_digits(return_X_y=True)
    coarse = torch.tensor(small, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    smooth = interpolate(coarse, size=(20, 20), mode="bicubic")[:, 0]
    # Enlarged strokes are soft and wide: with more contrast they look like those of a pen.
    faint, full = STROKE
    boxes = ((smooth - faint) / (full - faint)).clamp(0, 1)
    images = torch.stack([_centred(box) for box in boxes])
    source = f"the {len(images):,} digits of 8x8 pixels shipped in scikit-learn"
    return Digits(images, torch.tensor(labels, dtype=torch.int64), digits.class_names, source)


def _centred(box: Tensor) -> Tensor:
    """An image (28, 28) with a smaller one in it, whose centre of mass is as near as can be to 14.

    That is where it is in MNIST's images, counted in pixels from 0.
    """
    height, width = box.shape
    mass = box.sum()
    y = float((box.sum(1) * torch.arange(height)).sum() / mass)
    x = float((box.sum(0) * torch.arange(width)).sum() / mass)
    top = min(max(round(SIDE / 2 - y), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - x), 0), SIDE - width)
    image = torch.zeros(SIDE, SIDE)
    image[top : top + height, left : left + width] = box
    return image
