"""How good a sample of drawn digits is as a whole: next to real digits, and to the training images.

* **Features** are what a classifier makes of pictures, a row of numbers each. `frechet` and
  `density_coverage` compare drawn with real pictures there, where near means alike to the
  classifier. Both want real pictures that the model was not trained on.
* **Memorising** shows in the pixels: a drawn picture that copies one training image is near to that
  one, and no nearer than any other picture to the rest.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Features = Tensor | NDArray[np.floating]

# The share of fresh real images that count as memorised, by definition.
FALSE_ALARMS = 0.05
# A real feature's ball reaches to this many-th nearest other.
NEIGHBOURS = 5
# Pictures whose distances to all training images are held at once.
CHUNK = 1000


# --- features ------------------------------------------------------------------------------------


def frechet(real: Features, drawn: Features) -> float:
    """The squared Fréchet distance between Gaussians fitted to features (M, F) and (M', F).

    It is |μ - μ'|² + tr(S + S' - 2·(S·S')^½), in squared units of the features: 0 for the same mean
    and covariance, without upper bound (Dowson & Landau 1982; Heusel et al. 2017, "GANs trained by
    a two time-scale update rule converge to a local Nash equilibrium"). It grows as samples shrink,
    so compare only what was measured with equal counts. Features may be constant or redundant.
    """
    (mean, root), (other_mean, other_root) = map(_mean_and_root, (real, drawn))
    # The trace of (S·S')^½ is the sum of the singular values of S^½·S'^½: real, and never negative.
    overlap = torch.linalg.svdvals(root @ other_root).sum()
    spread = root.square().sum() + other_root.square().sum() - 2 * overlap
    return max(0.0, float((mean - other_mean).square().sum() + spread))


def density_coverage(real: Features, drawn: Features, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, "Reliable fidelity and diversity metrics").

    Around each of M real features (M, F) lies a ball that reaches to its k-th nearest other real
    one. Density, fidelity, is how many balls a drawn one of (M', F) lies in on average, over k: 0
    or more, about 1 for fresh real pictures. Coverage, diversity, is the share of balls, in [0, 1],
    that hold a drawn one: of as many fresh real pictures, about 1 - 2⁻ᵏ.

    Raises ValueError unless 1 <= k < M.
    """
    real, drawn = _rows(real), _rows(drawn)
    if not 1 <= k < len(real):
        raise ValueError(
            f"k = {k!r}: allowed are 1 to {len(real) - 1}, less than the real features"
        )
    among_real = torch.cdist(real, real).fill_diagonal_(torch.inf)
    inside = torch.cdist(real, drawn) <= among_real.kthvalue(k, 1).values[:, None]
    return float(inside.sum(0).double().mean()) / k, float(inside.any(1).double().mean())


# --- memorising ----------------------------------------------------------------------------------


def nearest(drawn: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest training image of each picture: indices (M,) int64, distances (M,) float32.

    `drawn` is (M, 28, 28), `training` (N, 28, 28), both float32. A distance is the root mean square
    difference of the pixels, in grey levels' range: 0 for a copy, at most 1.
    """
    indices, distances = _neighbours(drawn, training, 1)
    return indices[:, 0], distances[:, 0]


def memorised(drawn: Tensor, training: Tensor, held_out: Tensor) -> float:
    """The share of drawn pictures, in [0, 1], that keep closer to one image than real ones do.

    All are pictures (count, 28, 28) float32; `held_out` are real images that the model was not
    trained on, and `training` holds at least two. A picture counts if its distance to the nearest
    training image, over that to the second nearest, is below the FALSE_ALARMS quantile of the same
    ratio for the held-out images. So fresh real images give about FALSE_ALARMS, and copies 1.

    Holding drawn against held-out pictures is the three-sample test of Meehan, Chaudhuri & Dasgupta
    (2020), "A non-parametric test to detect data-copying in generative models". The ratio to the
    second nearest is that of Yoon et al. (2023), "Diffusion probabilistic models generalize when
    they fail to memorize". The bare distance would take a digit one, of which all are near to each
    other, for a copy, and a blurred copy for none.

    Raises ValueError for fewer than two training images.
    """
    if len(training) < 2:
        raise ValueError(f"training holds {len(training)} images: a second nearest takes two")
    usual = _closeness(held_out, training).quantile(FALSE_ALARMS)
    return float((_closeness(drawn, training) < usual).double().mean())


def _closeness(pictures: Tensor, training: Tensor) -> Tensor:
    """Distance to the nearest over that to the second nearest training image: (M,) in [0, 1]."""
    first, second = _neighbours(pictures, training, 2)[1].unbind(1)
    # Copies of an image that is in the training set twice are copies: 0/0 is 0 here.
    return first / second.clamp(min=torch.finfo().tiny)


def _neighbours(pictures: Tensor, training: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest training images, nearest first: indices (M, k), rms distances (M, k)."""
    rows = training.flatten(1)
    chunks = pictures.flatten(1).split(CHUNK)
    indices = torch.cat([torch.cdist(c, rows).topk(k, largest=False).indices for c in chunks])
    # cdist is fast but loses small distances to rounding, so those that matter are taken anew.
    apart = [(pictures - training[index]).square().mean((1, 2)).sqrt() for index in indices.T]
    distances, order = torch.stack(apart, 1).sort(1)
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
