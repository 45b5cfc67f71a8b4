"""Content codes of images that a model was not trained on.

Such an image has no content code yet. `fit` finds one by gradient descent on the code alone;
`classify` does so under every class, and takes the class with the best reconstruction.

Codes are looked for where the learned ones lie. Bojanowski et al. (2018, "Optimizing the Latent
Space of Generative Networks") keep codes in a ball; here it is the ball of the Gaussian fitted to
the learned codes whose radius is their root mean square length, so there is nothing to tune. Free
codes move to where *any* class's code generates nearly any image: for a model of 2,000 images and
400 held-out ones, the accuracy then fell from 82 % after 20 steps to 66 % after 100; in the ball it
went from 83 % to 80 %.

What did not pay: several random starts, as the best of four runs reconstructs no better than one
run of twice as many steps.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam

from glo_core.latents import fitted_gaussian
from glo_core.losses import WEIGHTS, weighted_loss
from glo_core.model import BATCH, CHUNK, Glo
from glo_core.stacked import as_pixels

# Gradient steps a code. More of them reconstruct a little better and classify no better.
FIT_STEPS, CLASSIFY_STEPS = 100, 20
# Adam's rate at the first step, from where it falls along a cosine, in standard deviations of the
# learned codes; and its decay of moments: the defaults average over more steps than there are.
RATE, BETAS = 0.3, (0.8, 0.9)


@torch.enable_grad()
def fit(
    glo: Glo, images: Tensor, labels: Tensor, steps: int = FIT_STEPS, start: Tensor | None = None
) -> Tensor:
    """Fits content codes to new images. Nothing is random, and the model stays as it is.

    Args:
        glo: The model. The codes follow its recipe's own loss (L1 for the Laplacian pyramid).
        images: (M, 28, 28) in [0, 1].
        labels: (M,) int64, the class whose code each is generated with.
        steps: Gradient steps.
        start: Where the codes start, (M, content_dim); None for the mean of the learned ones.

    Returns:
        (M, content_dim) float32. No code is less typical of the learned ones than they are
        themselves in the root mean square.

    Raises:
        IndexError: There is no such class.
    """
    mean, factor = fitted_gaussian(glo.content_table)
    radius = math.sqrt(len(mean))  # of draws from N(0, 1), the root mean square length
    starts = mean.expand(len(images), -1) if start is None else start
    # In the Gaussian's own units: equally wide in every direction, with the mean at 0.
    own = torch.linalg.solve_triangular(factor, (starts - mean).T, upper=False).T
    network = glo.stacked()  # as the model generates
    fitted = []
    for some in torch.arange(len(images)).split(CHUNK * BATCH):
        # The last batch is filled up with blank images.
        missing = -len(some) % BATCH
        pixels = as_pixels(_in_batches(F.pad(images[some], (0, 0, 0, 0, 0, missing)))).contiguous()
        class_codes = _in_batches(F.pad(glo.class_table[labels[some]], (0, 0, 0, missing)))
        codes = F.pad(own[some], (0, 0, 0, missing)).requires_grad_()
        adam = Adam([codes], betas=BETAS, fused=True)
        for step in range(steps):
            adam.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
            content = _in_batches(mean + codes @ factor.T)
            generated = network(torch.cat([class_codes, content], 2))
            adam.zero_grad()
            # The sum over images, so that a code's gradient does not depend on the others
            (BATCH * weighted_loss(generated, pixels, _weights(glo)).sum()).backward()
            adam.step()
            codes.data.renorm_(2, 0, radius)  # back into the ball
        fitted.append(mean + codes.detach()[: len(some)] @ factor.T)
    return torch.cat(fitted)


def classify(glo: Glo, images: Tensor, steps: int = CLASSIFY_STEPS) -> tuple[Tensor, Tensor]:
    """Classifies images by the class under which the model reconstructs them best.

    A model without class codes generates alike under all of them: its answer is chance.

    Args:
        glo: The model.
        images: (M, 28, 28) in [0, 1].
        steps: Gradient steps a code.

    Returns:
        The classes (M,) int64, and the remaining losses (M, C) float32 under every class.
    """
    classes = len(glo.class_table)
    labels = torch.arange(classes).repeat_interleave(len(images))
    repeated = images.repeat(classes, 1, 1)
    generated = glo.decode(labels, fit(glo, repeated, labels, steps))
    # One image in the place of one model: each has a loss of its own
    one_each = as_pixels(generated[:, None]), as_pixels(repeated[:, None])
    each = weighted_loss(*one_each, _weights(glo))
    losses = each.view(classes, -1).T
    return losses.argmin(1), losses


def _in_batches(rows: Tensor) -> Tensor:
    """(n·BATCH, ...) as (n, BATCH, ...)."""
    return rows.view(len(rows) // BATCH, BATCH, *rows.shape[1:])


def _weights(glo: Glo) -> Tensor:
    """The recipe's weights of L1 and L2, (2, 1); L1 alone for a loss made of neither."""
    return torch.tensor(WEIGHTS.get(glo.recipe.loss, WEIGHTS["l1"]))[:, None]
