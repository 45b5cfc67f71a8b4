"""Models of one shape side by side: networks, tables and optimizers, and one step of training.

Each keeps its own loss, σ, order of images and noise, and gets no gradient from its neighbours.

What was tried for speed and did not pay: networks narrower than 3, which pay more for Python than
for arithmetic; leave to compute in bfloat16, of which oneDNN made no use; telling the allocator to
keep freed memory, or to use huge pages.
"""

import copy
import itertools
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from glo_core.classifier import logits, one_thread, shared_classifier
from glo_core.data import Digits
from glo_core.generator import seeded_plain
from glo_core.latents import content_starts, noisy, optimizers, table, whitened
from glo_core.losses import loss_of
from glo_core.model import Glo, History
from glo_core.priors import Prior
from glo_core.recipe import Recipe
from glo_core.recorder import panel
from glo_core.stacked import StackedGenerator, as_images
from glo_core.streams import Streams

# Steps that the classifier of the swap term is trained for.
SWAP_STEPS = 1000
# How many steps are made to tell the time of one, after a first one, which is slower.
TIMED_STEPS = 8


class Draws(NamedTuple):
    """The random numbers of one epoch, for K models and N images, in the order of training.

    Fields:
        order: (K, N) int64, the images in the order in which they are met.
        noise: (K, N, content_dim) from N(0, 1).
        shifts: (K, N) int64 from 1 to C - 1, added to an image's class for the swap term's class;
            None without a swap term.
    """

    order: Tensor
    noise: Tensor
    shifts: Tensor | None


class Batch(NamedTuple):
    """What one step needs: B images for each of K models.

    Fields:
        indices: (K, B) int64, which images.
        noise: (K, B, content_dim) from N(0, 1).
        images: (K, 784, B), the images last in memory (see `stacked.as_pixels`).
        shifts: (K, B) int64, as in `Draws`.
    """

    indices: Tensor
    noise: Tensor
    images: Tensor
    shifts: Tensor | None = None


class Hooks:
    """Where a caller can step in. The methods here are what training does if nobody does.

    `prior` is where the random code that is decoded after every epoch comes from.
    """

    prior: Prior = "gaussian"

    def draws(self, draws: Draws, recipe: Recipe) -> Draws:
        """The random numbers of an epoch that is about to begin."""
        return draws

    def zero_gradients(self, group: "Group") -> None:
        """Before each backward pass: gradients left in any parameter would pile up."""
        for adam in group.adams:
            adam.zero_grad()

    def panel(self, group: "Group", draws: Draws) -> tuple[Tensor, Tensor]:
        """What is reconstructed after an epoch: images (K, P), and their codes (K, P, D)."""
        images = group.panel.expand(group.models, -1)
        return images, group.tables()[1][group.model, images]


class Group:
    """K models of one shape side by side: their networks, tables and optimizers, and one step."""

    def __init__(
        self,
        recipes: list[Recipe],
        digits: Digits,
        device: torch.device,
        hooks: Hooks | None = None,
    ):
        if not len(digits):
            raise ValueError("digits holds no images: training needs at least one")
        self.recipe = recipe = recipes[0]
        self.hooks = hooks or Hooks()
        self.models, self.images, self.classes = len(recipes), len(digits), len(digits.class_names)
        # Every random number of a model comes from the stream of its own seed, in this order.
        self.streams = Streams([recipe.seed for recipe in recipes])
        code_dim = recipe.class_dim + recipe.content_dim
        plains = [seeded_plain(code_dim, seed) for seed in self.streams.seeds()]
        self.network = StackedGenerator(plains).to(device)
        class_starts = self.streams.normal(self.classes, recipe.class_dim)
        self.class_table = table(class_starts).to(device)  # (K·C, class_dim)
        draws = self.streams.normal(self.images, recipe.content_dim)
        starts = content_starts(draws, digits.images, digits.labels, recipe)
        self.content_table = table(starts, recipe.content_adam).to(device)  # (K·N, content_dim)
        self.adams = optimizers(self.network, self.class_table, self.content_table, recipe)
        steps = recipe.epochs * math.ceil(self.images / recipe.batch_size)
        self.schedules = [
            LambdaLR(adam, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
            for adam in self.adams
            if recipe.schedule == "cosine"
        ]
        self.sigma = torch.tensor([recipe.sigma for recipe in recipes], device=device).float()
        self.loss = loss_of([recipe.loss for recipe in recipes], device)
        if recipe.swap:
            shared = shared_classifier(digits, SWAP_STEPS)
            self.classifier = copy.deepcopy(shared).to(device)
        self.rows = digits.images.flatten(1).to(device)  # (N, 784)
        self.labels = digits.labels.to(device)
        self.panel = panel(digits.labels).to(device)
        self.model = torch.arange(self.models, device=device)[:, None]

    def draws(self) -> Draws:
        """The random numbers of the next epoch."""
        recipe, device = self.recipe, self.labels.device
        order = self.streams.permutations(self.images).to(device)
        noise = self.streams.normal(self.images, recipe.content_dim).to(device)
        if not recipe.swap:
            return Draws(order, noise, None)
        return Draws(
            order, noise, 1 + self.streams.integers(self.classes - 1, self.images).to(device)
        )

    def batches(self, draws: Draws) -> Iterator[Batch]:
        """The batches of an epoch."""
        for start in range(0, self.images, self.recipe.batch_size):
            some = slice(start, start + self.recipe.batch_size)
            index = draws.order[:, some]
            # Whole rows of a table are copied four times as fast as `rows[index]`.
            images = F.embedding(index, self.rows).mT.contiguous()
            shifts = None if draws.shifts is None else draws.shifts[:, some]
            yield Batch(index, draws.noise[:, some], images, shifts)

    def step(self, batch: Batch) -> Tensor:
        """One batch for every model: forward, backward, optimizers. Returns the losses, (K,)."""
        recipe, size = self.recipe, batch.indices.shape[1]
        labels = self.labels[batch.indices]  # (K, B)
        rows = batch.indices + self.model * self.images
        content = self.content_table(rows)  # (K, B, content_dim)
        codes = noisy(content, self.sigma, batch.noise)
        if batch.shifts is not None:  # a second image from every code, of another class
            targets = (labels + batch.shifts) % self.classes
            labels, codes = torch.cat([labels, targets], 1), codes.repeat(1, 2, 1)
        if recipe.class_dim:
            class_codes = self.class_table(labels + self.model * self.classes)
        else:  # on a GPU, PyTorch fails to look codes without numbers up
            class_codes = codes[..., :0]
        generated = self.network(torch.cat([class_codes, codes], 2))  # (K, 784, B or 2·B)
        generated, *converted = generated.split(size, 2) if recipe.swap else [generated]

        losses = self.loss(generated, batch.images)  # (K,)
        objective = losses.sum()  # models share no parameter, so each gets its own gradient
        if recipe.swap:
            objective = objective + recipe.swap * self._swap_loss(converted[0], targets)
        if recipe.content_decay:
            objective = objective + recipe.content_decay * content.square().sum() / size

        self.hooks.zero_gradients(self)
        objective.backward()
        for adam in self.adams:
            adam.step()
        for schedule in self.schedules:
            schedule.step()
        if recipe.content_ball:
            self._into_ball(rows)
        return losses.detach()

    def after_epoch(self) -> None:
        """What a recipe does to the codes between two epochs."""
        recipe, content = self.recipe, self.content_table.weight.data
        if recipe.content_whitening:
            codes = content.view(self.models, self.images, -1)
            content.copy_(recipe.content_scale * whitened(codes, self.labels).flatten(0, 1))

    def _into_ball(self, rows: Tensor) -> None:
        """Shortens the codes that a step has moved, those of the batch at `rows` among them."""
        codes = self.content_table.weight.data
        if self.recipe.content_adam == "sparse":
            torch.embedding_renorm_(codes, rows, 1, 2)
        else:
            codes.renorm_(2, 0, 1)

    def _swap_loss(self, generated: Tensor, targets: Tensor) -> Tensor:
        """The classifier's cross-entropy on (K, 784, B) images, each model's mean, summed."""
        if generated.device.type == "cpu":
            found = logits(self.classifier, generated).flatten(0, 1)
        else:
            found = self.classifier(as_images(generated).flatten(0, 1)[:, None])
        return F.cross_entropy(found, targets.flatten(), reduction="sum") / targets.shape[1]

    def trained(self, recipes: list[Recipe], digits: Digits, histories: list[History]) -> list[Glo]:
        """The models as they are now, each with storage of its own."""
        class_table, content_table = self.tables()
        networks = self.network.unstacked()
        return [
            Glo(
                recipe=recipe,
                network=networks[k],
                class_table=class_table[k].cpu().clone(),
                content_table=content_table[k].cpu().clone(),
                labels=digits.labels,
                history=histories[k],
                prior=self.hooks.prior,
            )
            for k, recipe in enumerate(recipes)
        ]

    def generate(self, class_codes: Tensor, content: Tensor) -> Tensor:
        """(K, M, class_dim) and (K, M, content_dim) codes to (K, M, 28, 28) images."""
        return as_images(self.network(torch.cat([class_codes, content], 2)))

    def numbers(self) -> list[Tensor]:
        """All that training changes, each (K, ...)."""
        return [*self.network.numbers(), *self.tables()]

    def tables(self) -> tuple[Tensor, Tensor]:
        """The class tables (K, C, class_dim) and the content tables (K, N, content_dim)."""
        class_table, content_table = self.class_table.weight, self.content_table.weight
        return (
            class_table.detach().view(self.models, self.classes, -1),
            content_table.detach().view(self.models, self.images, -1),
        )


def step_seconds(recipes: list[Recipe], digits: Digits) -> float:
    """Seconds a step of one of these models of one shape takes, side by side, by one thread."""
    with one_thread():
        group = Group(recipes, digits, torch.device("cpu"))
        batches = itertools.cycle(itertools.islice(group.batches(group.draws()), TIMED_STEPS))
        group.step(next(batches))
        started = time.perf_counter()
        for _ in range(TIMED_STEPS):
            group.step(next(batches))
        return (time.perf_counter() - started) / TIMED_STEPS / group.models
