"""Distributions that content codes from scratch are drawn from, fitted to the learned codes.

A prior is fitted to the content codes of all classes together. If content codes hold no class
information, nothing is lost by that.
"""

import warnings
from typing import Literal, get_args

import torch
from torch import Tensor

from glo_core.latents import JITTER, fitted_gaussian

Prior = Literal["normal", "diagonal", "gaussian", "mixture"]
PRIORS: tuple[Prior, ...] = get_args(Prior)

# Of EM; three times as many fit held-out codes of most models no better.
COMPONENTS, ITERATIONS = 10, 30
# Fitted to fewer codes than this for each dimension, a full covariance follows their noise.
CODES_PER_DIMENSION = 2
# Added to a component's variances, as a part of each dimension's variance, so that no component
# shrinks onto a few codes.
WIDENING = 1e-3


def draw(content_table: Tensor, prior: Prior, count: int, seed: int = 0) -> Tensor:
    """Draws random content codes from a prior.

    Args:
        content_table: (N, D) float32, the learned codes; N may be smaller than D.
        prior: Each of these can follow the codes more closely than the one before.
            "normal": N(0, 1), which the codes started from but need not have kept.
            "diagonal": a Gaussian with the codes' means and variances, every dimension on its own.
            "gaussian": a Gaussian with their full covariance.
            "mixture": up to COMPONENTS Gaussians with full covariances, fitted by EM (Dempster,
            Laird & Rubin 1977). Few codes get fewer components, and below 4·D codes one.
        count: How many codes, at least 1.
        seed: Of the draws alone, not of the fit. All priors scale and shift the same noise, so that
            draws of one seed differ between priors by the prior only.

    Returns:
        (count, D) float32, the same bits for the same seed.

    Raises:
        ValueError: There is no such prior.
    """
    if prior not in PRIORS:
        raise ValueError(f"prior = {prior!r}: allowed are {PRIORS}")
    # float32 cannot factorize the covariance of a few widely spread codes.
    weights, means, factors = _components(content_table.double(), prior)
    stream = torch.Generator().manual_seed(seed)
    draws = torch.randn(count, means.shape[1], generator=stream).double()
    chosen = torch.multinomial(weights, count, replacement=True, generator=stream)
    for k, (mean, factor) in enumerate(zip(means, factors, strict=True)):
        draws[chosen == k] = mean + draws[chosen == k] @ factor.T
    return draws.float()


def _components(codes: Tensor, prior: Prior) -> tuple[Tensor, Tensor, Tensor]:
    """Every prior as a mixture of K Gaussians: weights (K,), means (K, D), factors (K, D, D)."""
    count, dim = codes.shape
    components = min(COMPONENTS, count // (CODES_PER_DIMENSION * dim))
    if prior == "mixture" and components > 1:
        return _mixture(codes, components)
    mean, factor = fitted_gaussian(codes)
    if prior == "normal":
        mean, factor = torch.zeros_like(mean), torch.eye(dim).double()
    elif prior == "diagonal":
        factor = factor.norm(dim=1).diag()  # a row's length is the standard deviation
    return torch.ones(1).double(), mean[None], factor[None]


def _mixture(codes: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor]:
    # Here, since scikit-learn takes as long to import as PyTorch.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    # "k-means++" rather than "kmeans": the threads of the latter add up in any order.
    mixture = GaussianMixture(
        components,
        reg_covar=WIDENING,
        max_iter=ITERATIONS,
        init_params="k-means++",
        random_state=0,
    )
    scale = codes.std(0).clamp(min=JITTER**0.5)
    with warnings.catch_warnings():
        # EM has a fixed budget: codes without clusters leave it nothing to converge to.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit((codes / scale).numpy())
    weights, means, covariances = map(
        torch.from_numpy, (mixture.weights_, mixture.means_, mixture.covariances_)
    )
    return weights, means * scale, torch.linalg.cholesky(covariances) * scale[:, None]
