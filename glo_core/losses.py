"""The reconstruction losses: L1, L2, the sum of both, and L1 on a Laplacian pyramid."""

from collections.abc import Callable, Sequence
from functools import partial

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

# From generated and real images, both (K, 784, B) pixels in [0, 1], to K losses.
Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(names: Sequence[LossName], device: torch.device) -> Loss:
    """One loss function for K models side by side: each gets its own loss, averaged over its batch.

    Raises:
        ValueError: Only some of the losses are "laplacian", which has no weights to mix.
    """
    if set(names) == {"laplacian"}:
        pixels = torch.eye(28 * 28).view(-1, 28, 28)
        return partial(pyramid_loss, pyramid=laplacian_pyramid(pixels).to(device))
    if "laplacian" in names:
        raise ValueError(f"losses = {list(names)}: 'laplacian' is trained beside itself alone")
    return partial(weighted_loss, weights=weights_of(names).to(device))


def weights_of(names: Sequence[LossName]) -> Tensor:
    """The losses' weights, (2, K) float32: the row of L1, then the row of L2."""
    return torch.tensor([WEIGHTS[name] for name in names]).T


def weighted_loss(generated: Tensor, images: Tensor, weights: Tensor) -> Tensor:
    """L1 and L2 as means over batch and pixels, weighted by (2, K) `weights`: (K,) losses."""
    difference = generated - images
    total = weights.new_zeros(1)
    for weight, of_difference in zip(weights, (torch.abs, torch.square), strict=True):
        if weight.any():  # what no model has is not computed
            total = total + weight * of_difference(difference).mean((1, 2))
    return total


def pyramid_loss(generated: Tensor, images: Tensor, pyramid: Tensor) -> Tensor:
    """The mean absolute difference of each pyramid level, summed over the levels: (K,) losses.

    `pyramid` is `laplacian_pyramid` of all images of one bright pixel, (784, P). This is the Lap1
    loss of Ling & Okada (2006) that Bojanowski et al. (2018) use, over the number of pixels.
    """
    # The pyramid is linear, so it is applied to the difference once.
    difference = pyramid.T @ (generated - images)
    return difference.abs().sum((1, 2)) / generated.shape[2]


def laplacian_pyramid(images: Tensor) -> Tensor:
    """What each level adds to the coarser ones, over the level's number of pixels.

    (M, 28, 28) makes (M, 28² + 14² + 7²). A level is what is lost by blurring with a binomial
    window, keeping every other pixel, and enlarging the result again (Burt & Adelson 1983).
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
