"""How good images from scratch are: next to real images, and next to the training images.

* **Features** are the inputs of a classifier's last layer, a row of numbers for each image.
  `frechet` and `density_coverage` compare generated with real images there, where near means
  similar to the classifier. Both want real images that the model was not trained on.
* **Memorising** shows in the pixels: a generated image that copies one training image is near to
  that one, and no nearer than any other image to the rest.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.measures.judge import features, predictions
from glo_core.measures.raw import of_draws
from glo_core.measures.subject import Subject
from glo_core.model import Glo
from glo_core.priors import PRIORS, Prior, draw

Features = Tensor | NDArray[np.floating]

# How often images from scratch are drawn.
DRAWS = 3
# The proportion of fresh real images that count as memorised, by definition.
FALSE_ALARMS = 0.05
# A real feature's ball reaches to this many-th nearest other.
NEIGHBOURS = 5
# Images whose distances to all training images are held at once: of 60,000, 60 MB.
CHUNK = 250


class Beside(NamedTuple):
    """What images from scratch are set beside, so that it is computed once for all draws.

    Fields:
        held_out: M held-out images; each draw has as many of the same classes.
        features: (M, F), theirs.
        training: (N, 28, 28), the training images.
        usual: How close fresh images are to training images (see `usual_closeness`).
    """

    held_out: Digits
    features: Tensor
    training: Tensor
    usual: Tensor


def measure(subject: Subject) -> dict[str, Any]:
    """The quality of DRAWS draws of images from scratch with each prior of the content codes."""
    glo, judge = subject.glo, subject.judge
    beside = _beside(judge, subject.digits, subject.unseen)
    return {"samples": {prior: quality(glo, judge, beside, prior) for prior in PRIORS}}


def quality(glo: Glo, judge: nn.Sequential, beside: Beside, prior: Prior) -> dict[str, Any]:
    """Images from scratch beside held-out images: each measure once for each draw."""
    labels = beside.held_out.labels
    codes = draw(glo.content_table, prior, DRAWS * len(labels))
    draws = (glo.decode(labels, some) for some in codes.split(len(labels)))
    return _each([_compared(judge, beside, generated) for generated in draws])


def real_against_real(judge: nn.Sequential, digits: Digits, held_out: Digits) -> dict[str, Any]:
    """What real images reach: as `quality`, of training images in the place of generated ones.

    Each draw has as many of every class as `held_out` has, and no image twice unless its class has
    fewer. That training images would all count as memorised is left out.
    """
    beside = _beside(judge, digits, held_out)
    found = _each(
        [
            _compared(judge, beside, digits.images[_alike(digits.labels, beside, seed)])
            for seed in range(DRAWS)
        ]
    )
    return {name: values for name, values in found.items() if name != "memorised"}


def _beside(judge: nn.Sequential, digits: Digits, held_out: Digits) -> Beside:
    usual = usual_closeness(held_out.images, digits.images)
    return Beside(held_out, features(judge, held_out.images), digits.images, usual)


def _compared(judge: nn.Sequential, beside: Beside, generated: Tensor) -> dict[str, float]:
    of_generated = features(judge, generated)
    density, coverage = density_coverage(beside.features, of_generated)
    legible = predictions(judge, generated) == beside.held_out.labels
    return {
        "frechet": frechet(beside.features, of_generated),
        "density": density,
        "coverage": coverage,
        "memorised": memorised(generated, beside.training, beside.usual),
        "legible": float(legible.double().mean()),
    }


def _each(draws: list[dict[str, float]]) -> dict[str, Any]:
    return {name: of_draws(each[name] for each in draws) for name in draws[0]}


def _alike(labels: Tensor, beside: Beside, seed: int) -> Tensor:
    """Random images of classes `labels`, one for each held-out image and of its class."""
    stream = torch.Generator().manual_seed(seed)
    found = torch.empty_like(beside.held_out.labels)
    for label in beside.held_out.labels.unique():
        wanted = torch.nonzero(beside.held_out.labels == label)[:, 0]
        members = torch.nonzero(labels == label)[:, 0]
        order = members[torch.randperm(len(members), generator=stream)]
        found[wanted] = order[torch.arange(len(wanted)) % len(members)]
    return found


# --- features ------------------------------------------------------------------------------------


def frechet(real: Features, generated: Features) -> float:
    """The squared Fréchet distance between Gaussians fitted to features (M, F) and (M', F).

    It is |μ - μ'|² + tr(S + S' - 2·(S·S')^½), in squared units of the features: 0 for the same mean
    and covariance, without upper bound (Dowson & Landau 1982; Heusel et al. 2017, "GANs trained by
    a two time-scale update rule converge to a local Nash equilibrium"). It grows as samples shrink,
    so compare only what was measured with equal counts. Features may be constant or redundant.
    """
    (mean, root), (other_mean, other_root) = map(_mean_and_root, (real, generated))
    # The trace of (S·S')^½ is the sum of the singular values of S^½·S'^½: real, and never negative.
    overlap = torch.linalg.svdvals(root @ other_root).sum()
    spread = root.square().sum() + other_root.square().sum() - 2 * overlap
    return max(0.0, float((mean - other_mean).square().sum() + spread))


def density_coverage(
    real: Features, generated: Features, k: int = NEIGHBOURS
) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, "Reliable fidelity and diversity metrics").

    The authors' package `prdc` prints at every call and computes with eight threads.

    Around each of M real features (M, F) lies a ball that reaches to its k-th nearest other real
    one. Density measures fidelity: how many balls a generated one of (M', F) lies in on average,
    over k; 0 or more, about 1 for fresh real images. Coverage measures diversity: the proportion of
    balls, in [0, 1], that hold a generated one; about 1 - 2⁻ᵏ for as many fresh real images.

    Raises ValueError unless 1 <= k < M.
    """
    real, generated = _rows(real), _rows(generated)
    if not 1 <= k < len(real):
        raise ValueError(
            f"k = {k!r}: allowed are 1 to {len(real) - 1}, less than the real features"
        )
    among_real = torch.cdist(real, real).fill_diagonal_(torch.inf)
    inside = torch.cdist(real, generated) <= among_real.kthvalue(k, 1).values[:, None]
    return float(inside.sum(0).double().mean()) / k, float(inside.any(1).double().mean())


# --- memorising ----------------------------------------------------------------------------------


def nearest(generated: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest training image of each image: indices (M,) int64, distances (M,) float32.

    `generated` is (M, 28, 28), `training` (N, 28, 28), both float32. A distance is the root mean
    square difference of the pixels, in grey levels' range: 0 for a copy, at most 1.
    """
    indices, distances = _neighbours(generated, training, 1)
    return indices[:, 0], distances[:, 0]


def usual_closeness(held_out: Tensor, training: Tensor) -> Tensor:
    """How close few fresh real images are to one training image: what `memorised` compares with.

    Closeness is the distance to the nearest training image over that to the second nearest; this is
    its FALSE_ALARMS quantile among `held_out` (M, 28, 28), real images that the model was not
    trained on. `training` is (N, 28, 28).

    Raises ValueError for fewer than two training images.
    """
    if len(training) < 2:
        raise ValueError(f"training holds {len(training)} images: a second nearest takes two")
    return _closeness(held_out, training).quantile(FALSE_ALARMS)


def memorised(generated: Tensor, training: Tensor, usual: Tensor) -> float:
    """The proportion of generated images, in [0, 1], that are closer to one image than real ones.

    An image of (M, 28, 28) counts if it is closer to one of the (N, 28, 28) training images than
    `usual_closeness`. So fresh real images give about FALSE_ALARMS, and copies 1.

    To compare generated with held-out images is the three-sample test of Meehan, Chaudhuri &
    Dasgupta (2020), "A non-parametric test to detect data-copying in generative models". The ratio
    to the second nearest is that of Yoon et al. (2023), "Diffusion probabilistic models generalize
    when they fail to memorize". The bare distance would count digits of class 1, which are all near
    to each other, as copies, and would miss blurred copies.
    """
    return float((_closeness(generated, training) < usual).double().mean())


def _closeness(images: Tensor, training: Tensor) -> Tensor:
    """Distance to the nearest over that to the second nearest training image: (M,) in [0, 1]."""
    first, second = _neighbours(images, training, 2)[1].unbind(1)
    # Copies of an image that is in the training set twice are copies: 0/0 is 0 here.
    return first / second.clamp(min=torch.finfo().tiny)


def _neighbours(images: Tensor, training: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest training images, nearest first: indices (M, k), rms distances (M, k)."""
    rows = training.flatten(1)
    lengths = torch.linalg.vecdot(rows, rows)
    # Squared distances, but for the image's own squared length
    squares = (
        torch.addmm(lengths, each, rows.T, alpha=-2) for each in images.flatten(1).split(CHUNK)
    )
    indices = torch.cat([each.topk(k, largest=False).indices for each in squares])
    # So they are fast, but lose small ones to rounding: those of the nearest are computed again.
    exact = [(images - training[index]).square().mean((1, 2)).sqrt() for index in indices.T]
    distances, order = torch.stack(exact, 1).sort(1)
    return indices.gather(1, order), distances


def _mean_and_root(features: Features) -> tuple[Tensor, Tensor]:
    """The mean (F,) of features and the symmetric square root (F, F) of their covariance."""
    rows = _rows(features)
    mean = rows.mean(0)
    covariance = (rows - mean).T @ (rows - mean) / max(len(rows) - 1, 1)
    values, vectors = torch.linalg.eigh(covariance)
    # Rounding makes eigenvalues that are 0 slightly negative.
    return mean, vectors * values.clamp(min=0).sqrt() @ vectors.T


def _rows(features: Features) -> Tensor:
    return torch.as_tensor(features, dtype=torch.float64)
