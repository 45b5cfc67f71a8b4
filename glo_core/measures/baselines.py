"""Two conversions without any network, to tell what one is worth.

Each is a function from training images to a `style_kept.Convert`.
"""

from typing import Any

import torch
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.latents import content_starts, principal_components
from glo_core.measures.raw import of_rates
from glo_core.measures.style_kept import Convert, convert_all, kept
from glo_core.recipe import Recipe

# Of 2 to 25 components and blurs of 0 to 8 pixels, these keep most of the style of 2,000 digits: a
# concordance of 0.80, against 0.36 with 25 components of images that are not blurred. The mean of
# the nearest few images keeps no more.
NEAREST = Recipe(content_start="whitened", content_blur=4.0, content_dim=3)
# Principal components that images are transported in. Twice as many keep no more style.
COMPONENTS = 100
# A smaller variance, in squared grey levels, is none.
LEAST_VARIANCE = 1e-9


def measure_baseline(convert: Convert, digits: Digits, judge: nn.Sequential) -> dict[str, Any]:
    """What models are measured by: conversion accuracy, and how much style is kept.

    Both are of the same images (see `style_kept.converted_images`).
    """
    found = convert_all(convert, digits, judge)
    return {
        "conversion": of_rates(found.succeeded.mean(1), found.succeeded.shape[1]),
        "style_concordance": kept(found, digits),
    }


def nearest(digits: Digits) -> Convert:
    """Takes the nearest real image of the target class, where classes are laid over each other.

    Nearness is that of the codes that a model of `content_start="whitened"` starts from: a few
    principal components of blurred images, with mean 0 and covariance I within every class.
    """
    draws = torch.empty(1, len(digits), NEAREST.content_dim)
    (codes,) = content_starts(draws, digits.images, digits.labels, NEAREST)

    def convert(images: Tensor, to: Tensor) -> Tensor:
        found = torch.empty_like(images)
        for target in to.unique():
            candidates = torch.nonzero(digits.labels == target)[:, 0]
            rows = to == target
            distances = torch.cdist(codes[images[rows]], codes[candidates])
            found[rows] = candidates[distances.argmin(1)]
        return digits.images[found]

    return convert


def transport(digits: Digits) -> Convert:
    """Moves pixels as the optimal transport from the source class's Gaussian to the target's does.

    Of all maps between two Gaussians it moves images least in squared distance: an image x becomes
    m_t + A(x - m_s) with A = S_s^-½·(S_s^½·S_t·S_s^½)^½·S_s^-½ (Dowson & Landau 1982, "The Fréchet
    distance between multivariate normal distributions"; Peyré & Cuturi 2019, "Computational optimal
    transport", Remark 2.31). The covariances S are those of COMPONENTS principal components that
    all classes have in common, and pixels are clipped to [0, 1].
    """
    rows, labels = digits.images.flatten(1), digits.labels
    classes = range(len(digits.class_names))
    means = torch.stack([rows[labels == label].double().mean(0) for label in classes])
    axes, scores = principal_components(rows, labels, COMPONENTS)
    covariances = [torch.cov(scores[labels == label].T) for label in classes]

    def convert(images: Tensor, to: Tensor) -> Tensor:
        found = torch.empty(len(images), rows.shape[1], dtype=scores.dtype)
        pairs = torch.stack([labels[images], to], 1)
        for source, target in pairs.unique(dim=0).tolist():
            some = (pairs == torch.tensor([source, target])).all(1)
            moved = scores[images[some]] @ optimal_map(covariances[source], covariances[target])
            found[some] = means[target] + moved @ axes
        return found.clamp(0, 1).float().view(-1, *digits.images.shape[1:])

    return convert


BASELINES = {"nearest": nearest, "transport": transport}


def optimal_map(source: Tensor, target: Tensor) -> Tensor:
    """The symmetric matrix A that moves one centred Gaussian to another, from covariances (D, D).

    Directions in which the source does not vary are mapped to 0.
    """
    values, vectors = torch.linalg.eigh(source)
    scales = values.clamp(min=0).sqrt()
    inverse = torch.where(values > LEAST_VARIANCE, 1 / scales.clamp(min=LEAST_VARIANCE), 0)
    root, back = ((vectors * each) @ vectors.T for each in (scales, inverse))
    between, axes = torch.linalg.eigh(root @ target @ root)
    found: Tensor = back @ (axes * between.clamp(min=0).sqrt()) @ axes.T @ back
    return found
