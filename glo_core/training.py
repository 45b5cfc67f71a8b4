"""The training loop: recipes and digits in, trained models out.

Recipes of one shape are trained side by side as one grouped network (see `generator`). Each keeps
its own loss, σ, order of images and noise, and gets no gradient from its neighbours.
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.generator import Generator, seeded_plain
from glo_core.latents import fitted_gaussian, noisy, optimizers
from glo_core.losses import reconstruction_loss, weights
from glo_core.model import Glo, History
from glo_core.recipe import Recipe
from glo_core.streams import Streams

# How many models at most share one grouped network; wider ones were not faster.
WIDTH = 10
# The images redrawn after every epoch are picked at random, by a seed of their own.
PANEL_SEED, PANEL_PER_CLASS = 0, 2

# Called after every epoch with the number of models side by side, the epochs done, the mean loss.
OnEpoch = Callable[[int, int, float], None]


def side_by_side(recipes: list[Recipe]) -> list[list[Recipe]]:
    """Cuts recipes into groups of one shape, even and at most WIDTH wide, keeping their order."""
    shapes: dict[tuple[float, ...], list[Recipe]] = {}
    for recipe in recipes:
        shapes.setdefault(recipe.shape, []).append(recipe)
    groups = []
    for alike in shapes.values():
        width = math.ceil(len(alike) / math.ceil(len(alike) / WIDTH))
        groups += [alike[start : start + width] for start in range(0, len(alike), width)]
    return groups


def train(recipes: list[Recipe], digits: Digits, on_epoch: OnEpoch | None = None) -> list[Glo]:
    """Trains every recipe on the digits; the models come back in the recipes' order.

    Raises ValueError for no digits at all.
    """
    if not len(digits):
        raise ValueError("digits holds no images: training needs at least one")
    models: dict[Recipe, Glo] = {}
    for group in side_by_side(recipes):
        models.update(zip(group, _train_group(group, digits, on_epoch), strict=True))
    return [models[recipe] for recipe in recipes]


def _train_group(recipes: list[Recipe], digits: Digits, on_epoch: OnEpoch | None) -> list[Glo]:
    started = time.perf_counter()
    shared, models, images = recipes[0], len(recipes), len(digits)
    classes = len(digits.class_names)

    # Every random number of a model comes from the stream of its own seed, in this order.
    streams = Streams([recipe.seed for recipe in recipes])
    code_dim = shared.class_dim + shared.content_dim
    network = Generator([seeded_plain(code_dim, seed) for seed in streams.seeds()])
    class_table = nn.Parameter(streams.normal(classes, shared.class_dim))  # (K, C, class_dim)
    content_table = nn.Parameter(streams.normal(images, shared.content_dim))  # (K, N, content_dim)
    content_start = content_table.detach().clone()
    scratch_draw = streams.normal(shared.content_dim, 1)  # (K, content_dim, 1)
    adams = optimizers(network, class_table, content_table, shared.learning_rate)

    sigma = torch.tensor([recipe.sigma for recipe in recipes], dtype=torch.float32)
    loss_weights = weights([recipe.loss for recipe in recipes])
    each_model = torch.arange(models)[:, None]
    panel_indices = panel(digits.labels)
    losses, panels, scratches = [], [], []

    for epoch in range(shared.epochs):
        network.train()
        order = streams.permutations(images)  # (K, N)
        noise = streams.normal(images, shared.content_dim)  # (K, N, content_dim)
        total = torch.zeros(models)
        for start in range(0, images, shared.batch_size):
            batch = slice(start, start + shared.batch_size)
            index = order[:, batch]  # (K, B)
            content = noisy(content_table[each_model, index], sigma, noise[:, batch])
            codes = torch.cat([class_table[each_model, digits.labels[index]], content], 2)
            loss = reconstruction_loss(network(codes), digits.images[index], loss_weights)  # (K,)
            # All three optimizers forget the last batch: gradients left in a table would pile up.
            for adam in adams:
                adam.zero_grad()
            loss.sum().backward()  # the sum gives every model the gradient of its own loss alone
            for adam in adams:
                adam.step()
            total += loss.detach() * index.shape[1]
        losses.append(total / images)
        with torch.inference_mode():
            network.eval()
            mean, factor = fitted_gaussian(content_table)
            drawn = (mean[..., None] + factor @ scratch_draw).mT  # (K, 1, content_dim)
            panels.append(
                _pictures(
                    network,
                    class_table[:, digits.labels[panel_indices]],
                    content_table[:, panel_indices],
                )
            )
            scratches.append(_pictures(network, class_table, drawn.expand(-1, classes, -1)))
        if on_epoch:
            on_epoch(models, epoch + 1, losses[-1].mean().item())

    distance = (content_table.detach() - content_start).norm(dim=2).mean(1)  # (K,)
    moved = (distance / content_start.norm(dim=2).mean(1)).tolist()
    seconds = (time.perf_counter() - started) / models
    return [
        Glo(
            recipe=recipe,
            network=trained,
            class_table=class_table[k].detach().clone(),
            content_table=content_table[k].detach().clone(),
            labels=digits.labels,
            history=History(
                losses=torch.stack([epoch_losses[k] for epoch_losses in losses]),
                panel=torch.stack([pictures[k] for pictures in panels]),
                scratch=torch.stack([pictures[k] for pictures in scratches]),
                indices=panel_indices,
                moved=moved[k],
                seconds=seconds,
                threads=torch.get_num_threads(),
            ),
        )
        for k, (recipe, trained) in enumerate(zip(recipes, network.unstacked(), strict=True))
    ]


def panel(labels: Tensor) -> Tensor:
    """The training images that are redrawn after every epoch, picked at random by PANEL_SEED.

    Returns the indices of PANEL_PER_CLASS images a class, class by class, (P,) int64.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(PANEL_SEED))
    of_class = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([images[:PANEL_PER_CLASS] for images in of_class])


def _pictures(network: Generator, class_codes: Tensor, content_codes: Tensor) -> Tensor:
    """(K, M, class_dim) and (K, M, content_dim) codes as (K, M, 28, 28) uint8 grey levels."""
    drawn: Tensor = network(torch.cat([class_codes, content_codes], 2))
    return (drawn * 255).round().byte()
