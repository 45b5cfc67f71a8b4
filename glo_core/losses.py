"""The losses the exercise compares: L1, L2, and the sum of both."""

import torch
from torch import Tensor

from glo_core.recipe import LossName

# The weight of the mean absolute and of the mean squared difference in each loss.
WEIGHTS: dict[LossName, tuple[float, float]] = {
    "l1": (1.0, 0.0),
    "l2": (0.0, 1.0),
    "l1+l2": (1.0, 1.0),
}


def weights(names: list[LossName]) -> Tensor:
    """The losses' weights as a (2, K) float32 tensor: the row of L1, then the row of L2."""
    return torch.tensor([WEIGHTS[name] for name in names]).T


def reconstruction_loss(pictures: Tensor, images: Tensor, weights: Tensor) -> Tensor:
    """Each model's own loss, averaged over its batch and over pixels.

    `pictures` and `images` are (K, B, …) in [0, 1], in any order of pixels; `weights` is (2, K).
    Returns (K,).
    """
    difference = pictures - images
    pixels = tuple(range(1, difference.dim()))
    l1 = difference.abs().mean(pixels)
    l2 = difference.square().mean(pixels)
    return weights[0] * l1 + weights[1] * l2
