"""The two latent tables: what is done to codes, and which optimizer learns them.

A model holds a class table (C, class_dim), one code shared by each class, and a content table
(N, content_dim), one code for each image. K models side by side stack theirs: (K, C, class_dim).
"""

import torch
from torch import Tensor, nn
from torch.optim import Adam

# Keeps the covariance positive definite when a model has fewer images than content dimensions.
JITTER = 1e-6


def noisy(content: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """Content codes (K, B, content_dim) with each image's own noise, scaled by each model's σ.

    `sigma` is (K,) float32, where 1e-100 *is* 0; `noise` is drawn from N(0, 1), one number for
    every number of every code.
    """
    return content + sigma[:, None, None] * noise


def fitted_gaussian(content: Tensor) -> tuple[Tensor, Tensor]:
    """The full Gaussian of content tables (..., N, D): mean (..., D), Cholesky factor (..., D, D).

    `mean + factor @ e` with e from N(0, 1) is a draw from it.
    """
    mean = content.mean(-2)
    centred = content - mean[..., None, :]
    covariance = centred.mT @ centred / max(content.shape[-2] - 1, 1)
    eye = torch.eye(content.shape[-1], device=content.device)
    return mean, torch.linalg.cholesky(covariance + JITTER * eye)


def optimizers(
    network: nn.Module, class_table: nn.Parameter, content_table: nn.Parameter, rate: float
) -> list[Adam]:
    """The exercise's three Adams: one for the network, one for each table.

    Adam works number by number, so one Adam over K stacked models equals K separate ones.
    """
    groups: list[list[nn.Parameter]] = [
        list(network.parameters()),
        [class_table],
        [content_table],
    ]
    return [Adam(group, lr=rate, fused=True) for group in groups]
