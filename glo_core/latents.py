"""The two latent tables: what is done to codes, and which optimizer learns them.

A model holds a class table (C, class_dim), one code shared by each class, and a content table
(N, content_dim), one code for each image. K models side by side have one table (K·N, content_dim).
"""

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, SparseAdam

from glo_core.recipe import ContentAdam, Recipe

# Keeps the covariance positive definite when a model has fewer images than content dimensions.
JITTER = 1e-6
# Images that are held in float64 at a time.
CHUNK = 4000


def noisy(content: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """Content codes (K, B, content_dim) with each image's own noise, scaled by each model's σ.

    `sigma` is (K,) float32, where 1e-100 *is* 0; `noise` is drawn from N(0, 1), one number for
    every number of every code.
    """
    return content + sigma[:, None, None] * noise


def fitted_gaussian(content: Tensor) -> tuple[Tensor, Tensor]:
    """The full Gaussian of content tables (..., N, D): mean (..., D) and a factor (..., D, D).

    `mean + factor @ e` with e from N(0, 1) is a draw from it. The factor is Cholesky's, or where
    rounding leaves the covariance of widely spread codes without one, that of its eigenvectors.
    """
    mean = content.mean(-2)
    covariance = _covariance(content - mean[..., None, :])
    eye = torch.eye(content.shape[-1])
    factor, failed = torch.linalg.cholesky_ex(covariance + JITTER * eye)
    if failed.any():
        values, vectors = torch.linalg.eigh(covariance)
        others = vectors * values.clamp(min=JITTER).sqrt()[..., None, :]
        factor = torch.where(failed[..., None, None] > 0, others, factor)
    return mean, factor.to(content.device)


def _covariance(centred: Tensor) -> Tensor:
    """That of (..., N, D) codes with mean 0: (..., D, D), on the processor to be factorized there.

    PyTorch's factorizations on a GPU fail when two threads call them for the first time.
    """
    return (centred.mT @ centred / max(centred.shape[-2] - 1, 1)).cpu()


def content_starts(draws: Tensor, images: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    """Where content codes start, (K, N, content_dim), with numbers of a root mean square.

    Args:
        draws: (K, N, content_dim) from N(0, 1).
        images: (N, 28, 28), of classes `labels` (N,).
        recipe: Whose `content_start` it is. "normal" takes the draws. "pca" takes the images'
            principal components, the same for every model. "whitened" takes those of what differs
            from the class's mean image, and gives every class the same covariance: so a direction
            means alike in all classes, and mean and covariance tell nothing of the class. The more
            images are blurred before, the coarser the shapes that codes start from.

    Raises:
        ValueError: Codes have more numbers than images have principal components.
    """
    if recipe.content_start == "normal":
        return recipe.content_scale * draws
    rows = _blurred(images, recipe.content_blur).flatten(1)
    together = labels if recipe.content_start == "whitened" else torch.zeros_like(labels)
    _, scores = principal_components(rows, together, recipe.content_dim)
    if scores.shape[1] < recipe.content_dim:
        raise ValueError(
            f"content_dim = {recipe.content_dim}: {len(rows)} images have {scores.shape[1]} "
            "principal components"
        )
    if recipe.content_start == "whitened":
        scores = whitened(scores, labels)
    starts: Tensor = recipe.content_scale * scores / scores.square().mean().sqrt()
    return starts.float().expand_as(draws)


def principal_components(rows: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The principal components of what differs from the mean of the rows with the same label.

    The axes are eigenvectors of the covariance: a singular value decomposition of the rows finds
    the same, and for 60,000 images takes minutes and gigabytes. Of an axis and its opposite, it is
    the one whose largest number is positive.

    Args:
        rows: (N, P) float.
        labels: (N,) int64; all the same for the usual components.
        count: How many are wanted. There are at most N, and at most P.

    Returns:
        float64, the components that vary most first: orthonormal axes (count, P), and each row's
        scores on them (N, count).
    """
    classes, of_row = labels.unique(return_inverse=True)
    parts = torch.arange(len(rows)).split(CHUNK)
    # In float64: blurred images differ little in all but a few directions.
    means = torch.zeros(len(classes), rows.shape[1], dtype=torch.float64)
    for some in parts:
        means.index_add_(0, of_row[some], rows[some].double())
    means /= of_row.bincount()[:, None]

    def differences(some: Tensor) -> Tensor:
        return rows[some].double() - means[of_row[some]]

    covariance = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for each in map(differences, parts):
        covariance.addmm_(each.T, each)
    axes = torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, : min(count, len(rows))].T
    axes = axes * axes.gather(1, axes.abs().argmax(1)[:, None]).sign()
    return axes, torch.cat([differences(some) @ axes.T for some in parts])


def _blurred(images: Tensor, sigma: float) -> Tensor:
    # Here, as most recipes do not need it
    from scipy.ndimage import gaussian_filter

    return (
        torch.from_numpy(gaussian_filter(images.numpy(), sigma, axes=(1, 2))) if sigma else images
    )


def whitened(content: Tensor, labels: Tensor) -> Tensor:
    """Content codes (..., N, D) with mean 0 and covariance I within each class of `labels` (N,).

    Of all maps that do so, each class gets the one that moves its codes least (zero-phase
    whitening; Kessy, Lewin & Strimmer 2018), so that directions keep their meaning. Codes stay 0
    in directions in which a class of few codes does not vary.
    """
    found = torch.empty_like(content)
    for label in labels.unique():
        codes = content[..., labels == label, :]
        centred = codes - codes.mean(-2, keepdim=True)
        # NaN in a table that has diverged would make eigh fail for all tables
        factors = torch.linalg.eigh(_covariance(centred).nan_to_num(0, 0, 0))
        values, vectors = (each.to(content.device) for each in factors)
        inverse = values.clamp(min=JITTER).rsqrt()
        found[..., labels == label, :] = centred @ (vectors * inverse[..., None, :]) @ vectors.mT
    return found


def table(starts: Tensor, content_adam: ContentAdam = "dense") -> nn.Embedding:
    """The learned table of K models' codes that start at (K, rows, dim): (K·rows, dim).

    With `content_adam="sparse"` its gradient holds the rows of the batch alone.
    """
    made: nn.Embedding = nn.Embedding.from_pretrained(
        starts.flatten(0, 1), freeze=False, sparse=content_adam == "sparse"
    )
    return made


def optimizers(
    network: nn.Module,
    class_table: nn.Module,
    content_table: nn.Module,
    recipe: Recipe,
) -> list[Optimizer]:
    """The exercise's three Adams, for the network and for each table.

    Adam works number by number, so one Adam over all that is dense, of K stacked models, equals K
    times three.

    Each step of the exercise's Adam moves *every* content code, those of images that are not in the
    batch by their momentum, and so costs as much as there are images. With `content_adam="sparse"`
    an image's code and its moments rest until the image's next turn: PyTorch's `SparseAdam`.
    """
    # A table of no numbers, of models without class codes, has nothing to learn.
    classes = [codes for codes in class_table.parameters() if codes.numel()]
    groups = [{"params": list(network.parameters()), "lr": recipe.learning_rate}]
    groups += [{"params": codes, "lr": recipe.latent_rate} for codes in classes]
    content = {"params": list(content_table.parameters()), "lr": recipe.latent_rate}
    if recipe.content_adam == "sparse":
        return [Adam(groups, fused=True), SparseAdam([content])]
    return [Adam([*groups, content], fused=True)]
