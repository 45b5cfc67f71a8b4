"""The training loop: recipes and digits in, trained models out.

Recipes of one shape are trained side by side as one grouped network (see `generator`). Each keeps
its own loss, σ, order of images and noise, and gets no gradient from its neighbours.

What was tried for speed and did not pay: several threads a group, as several groups at once with
one thread each are half as fast again; networks wider than 10, which gained nothing or lost, and
narrower than 5, which pay more for Python than for arithmetic; the convolutions of five models at a
time, to stay in the processor's caches; convolutions as matrix products, slower than oneDNN's;
leave to compute in bfloat16, of which oneDNN made no use; telling the allocator to keep freed
memory, or to use huge pages.
"""

import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glo_core.data import Digits
from glo_core.generator import Generator, as_blocks, as_pictures, seeded_plain
from glo_core.latents import fitted_gaussian, noisy, optimizers, table
from glo_core.losses import loss_and_gradient, weights
from glo_core.model import Glo, History
from glo_core.recipe import Recipe
from glo_core.streams import Streams

# How many models at most share one grouped network; wider ones were not faster.
WIDTH = 10
# The images redrawn after every epoch are picked at random, by a seed of their own.
PANEL_SEED, PANEL_PER_CLASS = 0, 2


class DeviceError(ValueError):
    """A device that was asked for and is not there."""


# Called after every epoch with the number of models side by side, the epochs done, the mean loss.
OnEpoch = Callable[[int, int, float], None]


def side_by_side(recipes: list[Recipe], at_once: int = 1) -> list[list[Recipe]]:
    """Cuts recipes into even groups of one shape, at most WIDTH wide, keeping their order.

    With `at_once` groups trained at the same time, the groups of a shape are a multiple of that.
    """
    shapes: dict[tuple[float | str, ...], list[Recipe]] = {}
    for recipe in recipes:
        shapes.setdefault(recipe.shape, []).append(recipe)
    groups = []
    for alike in shapes.values():
        rounds = math.ceil(len(alike) / WIDTH / at_once)
        width = math.ceil(len(alike) / (rounds * at_once))
        groups += [alike[start : start + width] for start in range(0, len(alike), width)]
    return groups


def pick_device(name: str) -> torch.device:
    """`cpu`, `cuda`, or `auto`: a GPU if PyTorch finds one. Raises DeviceError without one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device = 'cuda': PyTorch finds no GPU here; use 'auto' or 'cpu'")
    return torch.device(name)


def train(
    recipes: list[Recipe], digits: Digits, on_epoch: OnEpoch | None = None, device: str = "auto"
) -> list[Glo]:
    """Trains every recipe on the digits; the models come back in the recipes' order.

    Raises ValueError for no digits at all, and DeviceError.
    """
    if not len(digits):
        raise ValueError("digits holds no images: training needs at least one")
    models: dict[Recipe, Glo] = {}
    for group in side_by_side(recipes):
        trained = _train_group(group, digits, pick_device(device), on_epoch)
        models.update(zip(group, trained, strict=True))
    return [models[recipe] for recipe in recipes]


class Group:
    """Models of one shape side by side: their networks, tables and optimizers, and one step."""

    def __init__(self, recipes: list[Recipe], digits: Digits, device: torch.device):
        shared = recipes[0]
        self.models, self.images, self.classes = len(recipes), len(digits), len(digits.class_names)
        # Every random number of a model comes from the stream of its own seed, in this order.
        self.streams = Streams([recipe.seed for recipe in recipes])
        code_dim = shared.class_dim + shared.content_dim
        plains = [seeded_plain(code_dim, seed) for seed in self.streams.seeds()]
        self.network = Generator(plains).to(device)
        class_starts = self.streams.normal(self.classes, shared.class_dim)
        self.class_table = table(class_starts).to(device)  # (K·C, class_dim)
        content_starts = self.streams.normal(self.images, shared.content_dim)
        self.content_table = table(content_starts, shared.content_adam).to(device)  # (K·N, ...)
        self.adams = optimizers(
            self.network,
            self.class_table,
            self.content_table,
            shared.learning_rate,
            shared.content_adam,
        )
        self.sigma = torch.tensor([recipe.sigma for recipe in recipes], device=device).float()
        self.loss_weights = weights([recipe.loss for recipe in recipes]).to(device)
        self.labels = digits.labels.to(device)
        self.model = torch.arange(self.models, device=device)[:, None]

    def step(self, index: Tensor, noise: Tensor, images: Tensor) -> Tensor:
        """One batch for every model: forward, backward, and optimizers.

        `index` (K, B) int64 says which images; `noise` (K, B, content_dim) is drawn from N(0, 1);
        `images` (K, B, 49, 16) are the images' blocks. Returns the losses, (K,).
        """
        classes = self.class_table(self.labels[index] + self.model * self.classes)
        content = self.content_table(index + self.model * self.images)
        codes = torch.cat([classes, noisy(content, self.sigma, noise)], 2)
        drawn = self.network(codes)
        loss, gradient = loss_and_gradient(drawn.detach(), images, self.loss_weights)
        # Every optimizer forgets the last batch: gradients left in a table would pile up.
        for adam in self.adams:
            adam.zero_grad()
        drawn.backward(gradient)
        for adam in self.adams:
            adam.step()
        return loss

    def tables(self) -> tuple[Tensor, Tensor]:
        """The class tables (K, C, class_dim) and the content tables (K, N, content_dim)."""
        class_table, content_table = self.class_table.weight, self.content_table.weight
        return (
            class_table.detach().view(self.models, self.classes, -1),
            content_table.detach().view(self.models, self.images, -1),
        )


def _train_group(
    recipes: list[Recipe], digits: Digits, device: torch.device, on_epoch: OnEpoch | None
) -> list[Glo]:
    started = time.perf_counter()
    shared, models, images = recipes[0], len(recipes), len(digits)
    group = Group(recipes, digits, device)
    class_table, content_table = group.tables()
    content_start = content_table.clone()
    scratch_draw = group.streams.normal(shared.content_dim, 1).to(device)  # (K, content_dim, 1)
    blocks = as_blocks(digits.images).contiguous().to(device)  # (N, 49, 16)
    shown = panel(digits.labels)
    losses, panels, scratches = [], [], []

    for epoch in range(shared.epochs):
        group.network.train()
        order = group.streams.permutations(images).to(device)  # (K, N)
        noise = group.streams.normal(images, shared.content_dim).to(device)  # (K, N, content_dim)
        total = torch.zeros(models, device=device)
        for start in range(0, images, shared.batch_size):
            batch = slice(start, start + shared.batch_size)
            index = order[:, batch]  # (K, B)
            # Whole rows of a table are copied four times as fast as `blocks[index]`.
            targets = F.embedding(index, blocks.flatten(1)).unflatten(2, blocks.shape[1:])
            total += group.step(index, noise[:, batch], targets) * index.shape[1]
        losses.append((total / images).cpu())
        group.network.eval()
        mean, factor = fitted_gaussian(content_table)
        drawn = (mean[..., None] + factor @ scratch_draw).mT  # (K, 1, content_dim)
        class_codes = torch.cat([class_table[:, group.labels[shown]], class_table], 1)
        content_codes = torch.cat([content_table[:, shown], drawn.expand(-1, group.classes, -1)], 1)
        pictures = _pictures(group.network, class_codes, content_codes)
        panels.append(pictures[:, : len(shown)])
        scratches.append(pictures[:, len(shown) :])
        if on_epoch:
            on_epoch(models, epoch + 1, losses[-1].mean().item())

    distance = (content_table - content_start).norm(dim=2).mean(1)  # (K,)
    moved = (distance / content_start.norm(dim=2).mean(1)).tolist()
    seconds = (time.perf_counter() - started) / models
    return [
        Glo(
            recipe=recipe,
            network=trained,
            class_table=class_table[k].cpu().clone(),
            content_table=content_table[k].cpu().clone(),
            labels=digits.labels,
            history=History(
                losses=torch.stack([epoch_losses[k] for epoch_losses in losses]),
                panel=torch.stack([pictures[k] for pictures in panels]),
                scratch=torch.stack([pictures[k] for pictures in scratches]),
                indices=shown,
                moved=moved[k],
                seconds=seconds,
                threads=torch.get_num_threads(),
            ),
        )
        for k, (recipe, trained) in enumerate(zip(recipes, group.network.unstacked(), strict=True))
    ]


def panel(labels: Tensor) -> Tensor:
    """The training images that are redrawn after every epoch, picked at random by PANEL_SEED.

    Returns the indices of PANEL_PER_CLASS images a class, class by class, (P,) int64.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(PANEL_SEED))
    of_class = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([images[:PANEL_PER_CLASS] for images in of_class])


@torch.inference_mode()
def _pictures(network: Generator, class_codes: Tensor, content_codes: Tensor) -> Tensor:
    """(K, M, class_dim) and (K, M, content_dim) codes as (K, M, 28, 28) uint8 grey levels."""
    drawn = as_pictures(network(torch.cat([class_codes, content_codes], 2)))
    return (drawn * 255).round().byte().cpu()
