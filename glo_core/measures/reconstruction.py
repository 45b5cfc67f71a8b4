"""How close reconstructions are to their images."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glo_core.measures.raw import of_images
from glo_core.measures.subject import Subject

# A smaller mean squared error counts as this one, so that a perfect image has 100 dB.
LEAST_L2 = 1e-10
# Wang et al.'s window is 11 pixels wide, a Gaussian of σ = 1.5; and their constants for pixels in
# [0, 1], which keep flat windows from dividing by nothing.
WINDOW, WINDOW_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


def measure(subject: Subject) -> dict[str, Any]:
    """Each image's errors, fidelity, and sharpness and variety as ratios to the real images'.

    `fidelity` compares the L1 and L2 errors with the least that images can have which depend on the
    class alone: 1 is perfect, 0 no better than that, and L1 and L2 count equally.
    """
    generated, images, labels = (
        subject.reconstructions,
        subject.seen.images,
        subject.seen.labels,
    )
    found = errors(generated, images)
    medians, means = (class_images(images, labels, of) for of in (median, torch.mean))
    least_l1 = float((medians - images).abs().mean())
    least_l2 = float((means - images).square().mean())
    return {
        **{f"reconstruction_{name}": of_images(each) for name, each in found.items()},
        "fidelity": 1 - float(found["l1"].mean() / least_l1 + found["l2"].mean() / least_l2) / 2,
        "sharpness": sharpness(generated) / sharpness(images),
        "variety": variety(generated, labels) / variety(images, labels),
    }


def errors(generated: Tensor, images: Tensor) -> dict[str, Tensor]:
    """How far each of (M, 28, 28) generated images is from its real one, finite numbers all.

    Returns:
        (M,) float64 of each:

        l1: mean absolute difference, in [0, 1]
        l2: mean squared difference, in [0, 1]
        psnr: peak signal-to-noise ratio in dB for a peak of 1; at most 100, which is perfect
        ssim: mean structural similarity, at most 1, which is perfect (see `ssim`)
    """
    difference = (generated - images).double()
    l2 = difference.square().mean((1, 2))
    return {
        "l1": difference.abs().mean((1, 2)),
        "l2": l2,
        "psnr": -10 * l2.clamp(min=LEAST_L2).log10(),
        "ssim": ssim(generated, images),
    }


def ssim(generated: Tensor, images: Tensor) -> Tensor:
    """Each image's mean structural similarity (Wang et al. 2004): (M,) float64 in [-1, 1].

    Compares (M, 28, 28) images in [0, 1], window by window, in mean, variance and covariance. A
    window is 11×11 pixels, weighted by a Gaussian of σ = 1.5, and lies wholly within the image.
    scikit-image's function gives the same numbers in eight times the time.
    """
    # In float64: a variance is a small difference of large numbers.
    x, y = generated.double(), images.double()
    # The Gaussian is a product of one along rows and one along columns: two matrix products.
    window = _windows(x.shape[-1])
    mean_x, mean_y, squares, products = (
        window @ z @ window.T for z in (x, y, x * x + y * y, x * y)
    )
    of_means, of_squares = mean_x * mean_y, mean_x**2 + mean_y**2
    similarity = (2 * of_means + SSIM_C1) / (of_squares + SSIM_C1)
    similarity *= (2 * (products - of_means) + SSIM_C2) / (squares - of_squares + SSIM_C2)
    return similarity.mean((1, 2))


def _windows(side: int) -> Tensor:
    """Every place of the window along one side, as the rows of a (side - 10, side) matrix."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.softmax(-(offsets**2) / (2 * WINDOW_SIGMA**2), 0)
    windows = torch.zeros(side - WINDOW + 1, side, dtype=torch.float64)
    for place, row in enumerate(windows):
        row[place : place + WINDOW] = weights
    return windows


def sharpness(images: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels, in grey levels' range: low is blurred."""
    down = (images[:, 1:] - images[:, :-1]).abs().mean()
    right = (images[:, :, 1:] - images[:, :, :-1]).abs().mean()
    return float(down + right) / 2


def variety(images: Tensor, labels: Tensor) -> float:
    """Mean variance of a pixel within a class: 0 when all images of a class are equal."""
    return float((images - class_images(images, labels, torch.mean)).square().mean())


def class_images(images: Tensor, labels: Tensor, of: Callable[[Tensor, int], Tensor]) -> Tensor:
    """One image for each class, pixel by pixel, in the place of each of its images: (N, 28, 28).

    Of all images that depend on the class alone, the mean (`of=torch.mean`) has the least squared
    error, and the median (`of=median`) the least absolute error.
    """
    classes, of_image = labels.unique(return_inverse=True)
    return torch.stack([of(images[labels == label], 0) for label in classes])[of_image]


def median(images: Tensor, dim: int) -> Tensor:
    """The median along a dimension."""
    return images.median(dim).values
