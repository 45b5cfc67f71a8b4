"""The losses: L1, L2, the sum of both, and L1 on a Laplacian pyramid."""

import torch
import torch.nn.functional as F
from torch import Tensor

from glo_core.recipe import LossName

# The weight of the mean absolute and of the mean squared difference in each loss of the exercise.
WEIGHTS: dict[LossName, tuple[float, float]] = {
    "l1": (1.0, 0.0),
    "l2": (0.0, 1.0),
    "l1+l2": (1.0, 1.0),
}
# Levels of the Laplacian pyramid: 28×28, 14×14 and what is left, 7×7.
LEVELS = 3


def weights(names: list[LossName]) -> Tensor:
    """The losses' weights as a (2, K) float32 tensor: the row of L1, then the row of L2."""
    return torch.tensor([WEIGHTS[name] for name in names]).T


def loss_and_gradient(pictures: Tensor, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Each model's own loss, averaged over its batch and over pixels, and its gradient.

    `pictures` and `images` are (K, B, 49, 16) in [0, 1], `weights` is (2, K). Returns the losses
    (K,), and the gradient by the pictures (K, B, 49, 16). Written by hand, it saves a twentieth of
    a training step over autograd.
    """
    difference = pictures - images
    l1 = difference.abs().mean((1, 2, 3))
    l2 = difference.square().mean((1, 2, 3))
    by_l1, by_l2 = (weights / pictures[0].numel())[..., None, None, None]
    gradient = torch.addcmul(difference.sign() * by_l1, difference, 2 * by_l2)
    return weights[0] * l1 + weights[1] * l2, gradient


def pyramid_loss_and_gradient(
    pictures: Tensor, images: Tensor, pyramid: Tensor
) -> tuple[Tensor, Tensor]:
    """The mean absolute difference of each pyramid level, summed over levels, and its gradient.

    Shapes are those of `loss_and_gradient`; `pyramid` is `laplacian_pyramid` of all pictures of one
    bright pixel, in the pictures' order of pixels (784, P). That is the Lap1 loss of Ling & Okada
    (2006) which Bojanowski et al. (2018) use, over the number of pixels.
    """
    difference = (pictures - images).flatten(2) @ pyramid  # linear: of the difference, or apart
    batch = pictures.shape[1]
    return difference.abs().sum((1, 2)) / batch, ((difference.sign() @ pyramid.T) / batch).view_as(
        pictures
    )


def laplacian_pyramid(images: Tensor) -> Tensor:
    """What each level adds to the coarser ones, over the level's number of pixels.

    (M, 28, 28) makes (M, 28² + 14² + 7²). A level is what is lost by blurring with a binomial
    window, keeping every other pixel, and blurring them up again (Burt & Adelson 1983).
    """
    taps = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    window = torch.outer(taps, taps)[None, None]
    level, levels = images[:, None], []
    for _ in range(LEVELS - 1):
        coarse = F.conv2d(F.pad(level, 4 * (2,), "reflect"), window, stride=2)
        up = F.interpolate(coarse, size=level.shape[2:], mode="bilinear", align_corners=False)
        levels.append(level - up)
        level = coarse
    return torch.cat([part.flatten(1) / part[0].numel() for part in [*levels, level]], 1)
