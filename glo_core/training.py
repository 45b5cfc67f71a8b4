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
from torch.optim.lr_scheduler import LambdaLR

from glo_core.classifier import train_classifier
from glo_core.data import Digits
from glo_core.encoders import variational, with_encoder
from glo_core.generator import Generator, as_blocks, as_pictures, seeded_plain
from glo_core.latents import content_starts, fitted_gaussian, noisy, optimizers, table
from glo_core.losses import (
    laplacian_pyramid,
    loss_and_gradient,
    pyramid_loss_and_gradient,
    weights,
)
from glo_core.model import Glo, History, panel
from glo_core.recipe import Recipe
from glo_core.streams import Streams

# How many models at most share one grouped network; wider ones were not faster.
WIDTH = 10
# How long the classifier of the swap term learns.
READER_STEPS = 1000


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
        if group[0].encoder == "variational":
            trained = [variational(recipe, digits, on_epoch) for recipe in group]
        else:
            trained = _train_group(group, digits, pick_device(device), on_epoch)
        if group[0].encoder == "second-stage":
            trained = [with_encoder(glo, digits) for glo in trained]
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
        draws = self.streams.normal(self.images, shared.content_dim)
        starts = content_starts(draws, digits.images, shared)
        self.content_table = table(starts, shared.content_adam).to(device)  # (K·N, content_dim)
        self.adams = optimizers(self.network, self.class_table, self.content_table, shared)
        steps = shared.epochs * math.ceil(self.images / shared.batch_size)
        self.schedules = [
            LambdaLR(adam, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
            for adam in self.adams
            if shared.schedule == "cosine"
        ]
        self.recipe = shared
        self.sigma = torch.tensor([recipe.sigma for recipe in recipes], device=device).float()
        if shared.loss == "laplacian":
            pixels = as_pictures(torch.eye(28 * 28).view(-1, 49, 16))
            self.pyramid = laplacian_pyramid(pixels).to(device)
        else:
            self.loss_weights = weights([recipe.loss for recipe in recipes]).to(device)
        if shared.swap:
            self.reader = train_classifier(digits, steps=READER_STEPS).to(device)
        self.labels = digits.labels.to(device)
        self.model = torch.arange(self.models, device=device)[:, None]

    def step(
        self, index: Tensor, noise: Tensor, images: Tensor, swaps: Tensor | None = None
    ) -> Tensor:
        """One batch for every model: forward, backward, and optimizers.

        `index` (K, B) int64 says which images; `noise` (K, B, content_dim) is drawn from N(0, 1);
        `images` (K, B, 49, 16) are the images' blocks; `swaps` (K, B), from 1 to C - 1, is how far
        an image's class is from the one that the swap term draws. Returns the losses, (K,).
        """
        recipe, labels, batch = self.recipe, self.labels[index], index.shape[1]
        content = self.content_table(index + self.model * self.images)
        disturbed = noisy(content, self.sigma, noise)
        if swaps is not None:
            targets = (labels + swaps) % self.classes
            labels = torch.cat([labels, targets], 1)
            disturbed = disturbed.repeat(1, 2, 1)
        classes = self.class_table(labels + self.model * self.classes)
        drawn = self.network(torch.cat([classes, disturbed], 2))
        redrawn = drawn.detach()[:, :batch]
        if recipe.loss == "laplacian":
            loss, gradient = pyramid_loss_and_gradient(redrawn, images, self.pyramid)
        else:
            loss, gradient = loss_and_gradient(redrawn, images, self.loss_weights)
        if swaps is not None:
            unread = self._unread(drawn.detach()[:, batch:], targets)
            gradient = torch.cat([gradient, recipe.swap * unread], 1)
        # Every optimizer forgets the last batch: gradients left in a table would pile up.
        for part in [self.network] if recipe.stale_gradients else self.adams:
            part.zero_grad()
        roots, gradients = [drawn], [gradient]
        if recipe.content_decay:
            roots += [content]
            gradients += [content.detach() * (2 * recipe.content_decay / batch)]
        torch.autograd.backward(roots, gradients)
        for adam in self.adams:
            adam.step()
        for schedule in self.schedules:
            schedule.step()
        if recipe.content_ball:
            self.content_table.weight.data.renorm_(2, 0, 1)
        return loss

    def _unread(self, drawn: Tensor, targets: Tensor) -> Tensor:
        """The gradient, by the pictures, of the reader's cross-entropy: that of `drawn`'s shape."""
        pictures = drawn.requires_grad_()
        logits = self.reader(as_pictures(pictures).flatten(0, 1)[:, None])
        unread = F.cross_entropy(logits, targets.flatten(), reduction="sum") / targets.shape[1]
        (gradient,) = torch.autograd.grad(unread, pictures)
        return gradient

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
    shown = panel(digits.labels).to(device).expand(models, -1)  # (K, P)
    losses, panels, scratches = [], [], []

    for epoch in range(shared.epochs):
        group.network.train()
        order = group.streams.permutations(images).to(device)  # (K, N)
        if shared.fixed_order:
            order = torch.arange(images, device=device).expand_as(order)
        noise = group.streams.normal(images, shared.content_dim).to(device)  # (K, N, content_dim)
        swaps = None
        if shared.swap:
            swaps = 1 + group.streams.integers(group.classes - 1, images).to(device)  # (K, N)
        total = torch.zeros(models, device=device)
        for start in range(0, images, shared.batch_size):
            batch = slice(start, start + shared.batch_size)
            index = order[:, batch]  # (K, B)
            # Whole rows of a table are copied four times as fast as `blocks[index]`.
            targets = F.embedding(index, blocks.flatten(1)).unflatten(2, blocks.shape[1:])
            own = noise[:, start : start + 1] if shared.one_noise else noise[:, batch]
            swapped = None if swaps is None else swaps[:, batch]
            total += group.step(index, own, targets, swapped) * index.shape[1]
        losses.append((total / images).cpu())
        group.network.eval()
        mean, factor = fitted_gaussian(content_table)
        drawn = scratch_draw if shared.normal_prior else mean[..., None] + factor @ scratch_draw
        drawn = drawn.mT.expand(-1, group.classes, -1)  # (K, C, content_dim)
        count = shown.shape[1]
        if shared.last_images:
            shown = order[:, -count:]
        content = content_table[group.model, shown]
        if shared.last_images:
            content = noisy(content, group.sigma, noise[:, -count:])
        class_codes = torch.cat([class_table[group.model, group.labels[shown]], class_table], 1)
        pictures = _pictures(group.network, class_codes, torch.cat([content, drawn], 1))
        panels.append(pictures[:, :count])
        scratches.append(pictures[:, count:])
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
                indices=shown[k].cpu().clone(),
                moved=moved[k],
                seconds=seconds,
                threads=torch.get_num_threads(),
            ),
        )
        for k, (recipe, trained) in enumerate(zip(recipes, group.network.unstacked(), strict=True))
    ]


@torch.inference_mode()
def _pictures(network: Generator, class_codes: Tensor, content_codes: Tensor) -> Tensor:
    """(K, M, class_dim) and (K, M, content_dim) codes as (K, M, 28, 28) uint8 grey levels."""
    drawn = as_pictures(network(torch.cat([class_codes, content_codes], 2)))
    return (drawn * 255).round().byte().cpu()
