"""How well a model redraws images: those it was trained on, and held-out ones.

A held-out image has no content code yet. `fit` finds one by gradient descent on the code alone;
`classify` does so under every class, and takes the class that redraws the image best.

Codes are looked for where the learned ones lie. Bojanowski et al. (2018, "Optimizing the Latent
Space of Generative Networks") keep codes in a ball; here it is the ball of the Gaussian fitted to
the learned codes whose radius is their root mean square length, so there is nothing to tune. Free
codes wander off to where *any* class's code draws nearly any digit: for a model of 2,000 images and
400 held-out ones, the share classified rightly then fell from 82 % after 20 steps to 66 % after
100; in the ball it went from 83 % to 80 %.

What did not pay: several random starts, as the best of four runs redraws no better than one run of
twice as many steps.
"""

import math

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from glo_core.generator import Generator, as_blocks
from glo_core.latents import fitted_gaussian
from glo_core.losses import WEIGHTS
from glo_core.model import Glo

# Gradient steps a code. More of them redraw a little better and classify no better.
FIT_STEPS, CLASSIFY_STEPS = 100, 20
# Adam's rate, in standard deviations of the learned codes, and how fast it forgets: the defaults
# remember longer than so few steps last.
RATE, BETAS = 0.3, (0.8, 0.9)
# Codes are fitted this many at a time, which stay in the processor's caches.
BATCH = 250
# A smaller mean squared error counts as this one, so that a perfect picture has 100 dB.
LEAST_L2 = 1e-10
# Wang et al.'s window is 11 pixels wide, a Gaussian of σ = 1.5; and their constants for pixels in
# [0, 1], which keep flat windows from dividing by nothing.
WINDOW, WINDOW_SIGMA = 11, 1.5
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


# --- how alike pictures are ----------------------------------------------------------------------


def errors(drawn: Tensor, images: Tensor) -> dict[str, float]:
    """How far (M, 28, 28) pictures are from the images they redraw, in numbers that JSON can hold.

    l1    mean absolute difference, in [0, 1]
    l2    mean squared difference, in [0, 1]
    psnr  peak signal-to-noise ratio in dB for a peak of 1, each picture's own, averaged over the
          pictures; at most 100, which is perfect
    ssim  mean structural similarity, at most 1, which is perfect; see `ssim`

    All are NaN for no pictures.
    """
    difference = drawn - images
    each_l2 = difference.square().mean((1, 2))
    return {
        "l1": float(difference.abs().mean()),
        "l2": float(each_l2.mean()),
        "psnr": float(-10 * each_l2.clamp(min=LEAST_L2).log10().mean()),
        "ssim": float(ssim(drawn, images).mean()),
    }


def ssim(drawn: Tensor, images: Tensor) -> Tensor:
    """Each picture's mean structural similarity (Wang et al. 2004): (M,) float64 in [-1, 1].

    Compares (M, 28, 28) pictures in [0, 1], window by window, in mean, variance and covariance. A
    window is 11×11 pixels, weighted by a Gaussian of σ = 1.5, and lies wholly within the picture.
    """
    # In float64: a variance is a small difference of large numbers.
    x, y = drawn.double(), images.double()
    # The Gaussian is a product of one along rows and one along columns: two matrix products.
    window = _windows(x.shape[-1])
    mean_x, mean_y, squares, products = (
        window @ z @ window.T for z in (x, y, x * x + y * y, x * y)
    )
    of_means, of_squares = mean_x * mean_y, mean_x**2 + mean_y**2
    alike = (2 * of_means + SSIM_C1) / (of_squares + SSIM_C1)
    alike *= (2 * (products - of_means) + SSIM_C2) / (squares - of_squares + SSIM_C2)
    return alike.mean((1, 2))


def _windows(side: int) -> Tensor:
    """Every place of the window along one side, as the rows of a (side - 10, side) matrix."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.softmax(-(offsets**2) / (2 * WINDOW_SIGMA**2), 0)
    windows = torch.zeros(side - WINDOW + 1, side, dtype=torch.float64)
    for place, row in enumerate(windows):
        row[place : place + WINDOW] = weights
    return windows


# --- codes of new images -------------------------------------------------------------------------


@torch.enable_grad()
def fit(glo: Glo, images: Tensor, labels: Tensor, steps: int = FIT_STEPS) -> Tensor:
    """Content codes with which the model redraws new images: (M, content_dim) float32.

    `images` is (M, 28, 28) in [0, 1], `labels` (M,) int64, the class whose code each is drawn with.
    The codes start at the mean of the learned ones and follow the recipe's own loss (L1 for the
    Laplacian pyramid); the model stays as it is. No code is less typical of the learned ones than
    they are themselves in the root mean square. Nothing is random. Raises IndexError for a class
    there is not.
    """
    mean, factor = fitted_gaussian(glo.content_table)
    radius = math.sqrt(len(mean))  # of draws from N(0, 1), the root mean square length
    by_l1, by_l2 = _loss_weights(glo)
    network = Generator([glo.network]).eval().requires_grad_(False)
    batches = zip(glo.class_table[labels].split(BATCH), as_blocks(images).split(BATCH), strict=True)
    fitted = []
    for class_codes, blocks in batches:
        # In the Gaussian's own units: equally wide in every direction, with the mean at 0.
        codes = torch.zeros(len(blocks), len(mean), requires_grad=True)
        adam = Adam([codes], lr=RATE, betas=BETAS)
        schedule = CosineAnnealingLR(adam, steps)
        for _ in range(steps):
            drawn = network(torch.cat([class_codes, mean + codes @ factor.T], 1)[None])
            difference = drawn.detach() - blocks
            gradient = (by_l1 * difference.sign() + 2 * by_l2 * difference) / blocks[0].numel()
            (codes.grad,) = torch.autograd.grad(drawn, codes, gradient)
            adam.step()
            schedule.step()
            codes.data.renorm_(2, 0, radius)  # back into the ball
        fitted.append(mean + codes.detach() @ factor.T)
    return torch.cat(fitted)


def classify(glo: Glo, images: Tensor, steps: int = CLASSIFY_STEPS) -> tuple[Tensor, Tensor]:
    """The class under which the model redraws each of (M, 28, 28) images best.

    Returns the classes (M,) int64 and the remaining losses (M, C) float32, the recipe's own, under
    every class. A model without class codes draws alike under all of them: its answer is chance.
    """
    classes = len(glo.class_table)
    labels = torch.arange(classes).repeat_interleave(len(images))
    repeated = images.repeat(classes, 1, 1)
    drawn = glo.decode(labels, fit(glo, repeated, labels, steps))
    by_l1, by_l2 = _loss_weights(glo)
    difference = (drawn - repeated).flatten(1)
    losses = by_l1 * difference.abs().mean(1) + by_l2 * difference.square().mean(1)
    losses = losses.view(classes, -1).T
    return losses.argmin(1), losses


def _loss_weights(glo: Glo) -> tuple[float, float]:
    """The weights of L1 and L2 in the recipe's loss; L1 alone for a loss made of neither."""
    return WEIGHTS.get(glo.recipe.loss, WEIGHTS["l1"])
