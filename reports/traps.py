"""Six mistakes that are easily made in the exercise, each made alone or some together.

A mistake hooks into the training loop from outside (`group.Hooks`), or changes how the trained
model generates images.
"""

from dataclasses import dataclass, fields, replace
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from glo_core.data import Digits
from glo_core.group import Draws, Group, Hooks
from glo_core.latents import noisy
from glo_core.model import Glo
from glo_core.priors import Prior
from glo_core.recipe import Recipe
from glo_core.runs.trainers import Trainer, core_versions, register, with_felt_sigma
from glo_core.stacked import StackedGenerator, Statistics
from glo_core.training import Watch, train_group

# Raise it when the numbers of models with a mistake change (see `training.VERSION`).
VERSION = 1

TrapName = Literal[
    "stale_gradients", "one_noise", "train_mode", "fixed_order", "normal_prior", "last_images"
]

# Published solutions of the exercise make these four at once.
HANDED_IN: tuple[TrapName, ...] = ("stale_gradients", "one_noise", "fixed_order", "train_mode")


class TrapRecipe(Recipe):
    """A recipe with one or more mistakes."""

    method: ClassVar[str] = "trap"

    traps: Annotated[tuple[TrapName, ...], Field(min_length=1)]


class StaleGradients(Hooks):
    """Only the network's gradients are zeroed."""

    def zero_gradients(self, group: Group) -> None:
        group.network.zero_grad()


class OneNoise(Hooks):
    """All images of a batch get the noise of its first image."""

    def draws(self, draws: Draws, recipe: Recipe) -> Draws:
        position = torch.arange(draws.noise.shape[1])
        first = draws.noise[:, position - position % recipe.batch_size]
        return super().draws(draws._replace(noise=first), recipe)


class FixedOrder(Hooks):
    """Every epoch meets the images in the same order."""

    def draws(self, draws: Draws, recipe: Recipe) -> Draws:
        images = torch.arange(draws.order.shape[1], device=draws.order.device)
        return super().draws(draws._replace(order=images.expand_as(draws.order)), recipe)


class NormalPrior(Hooks):
    """Content codes from scratch are drawn from N(0, 1)."""

    prior: Prior = "normal"


class LastImages(Hooks):
    """The panel shows the images that happen to come last in the epoch, noise included."""

    def panel(self, group: Group, draws: Draws) -> tuple[Tensor, Tensor]:
        count = len(group.panel)
        images = draws.order[:, -count:]
        content = group.tables()[1][group.model, images]
        return images, noisy(content, group.sigma, draws.noise[:, -count:])


class TrainMode(Hooks):
    """Trains as usual: only the trained model generates in another way (`OwnStatistics`)."""


class OneByOne(StackedGenerator):
    """The generator in train mode, as it generates one image at a time."""

    def statistics(self) -> Statistics:
        return Statistics.IMAGE


class OwnStatistics(Glo):
    """A model that generates in train mode, one image at a time."""

    network_type: ClassVar[type[StackedGenerator]] = OneByOne


@dataclass(frozen=True)
class Trap:
    """A mistake.

    Fields:
        key: Its name in recipes.
        name: Its name in the report.
        wrong: What goes wrong.
        hooks: What it does to the training.
    """

    key: TrapName
    name: str
    wrong: str
    hooks: type[Hooks]


TRAPS = (
    Trap(
        "stale_gradients",
        "gradients pile up",
        "only the network's gradients are zeroed, so that those of both tables add up over the "
        "whole run",
        StaleGradients,
    ),
    Trap(
        "one_noise",
        "one noise a batch",
        "one noise vector is added to all content codes of a batch, instead of one to each",
        OneNoise,
    ),
    Trap(
        "train_mode",
        "generating in train mode",
        "the network generates in train mode, one image at a time, so that BatchNorm normalises "
        "each image by its own statistics",
        TrainMode,
    ),
    Trap(
        "fixed_order",
        "no shuffling",
        "every epoch meets the images in the same order, and so in the same batches",
        FixedOrder,
    ),
    Trap(
        "normal_prior",
        "scratch from N(0, 1)",
        "content codes from scratch are drawn from N(0, 1), whatever the learned ones look like",
        NormalPrior,
    ),
    Trap(
        "last_images",
        "epochs on the last images",
        "the epochs are shown by whatever images come last in each, noise included",
        LastImages,
    ),
)
_HOOKS = {trap.key: trap.hooks for trap in TRAPS}


def with_traps(recipe: Recipe, *traps: TrapName) -> TrapRecipe:
    """The recipe with mistakes."""
    return TrapRecipe(**recipe.model_dump(), traps=traps)


def _train(recipes: list[Recipe], digits: Digits, device: torch.device, watch: Watch) -> list[Glo]:
    traps, trained = _traps_of(recipes[0]), recipes
    if "stale_gradients" in traps:
        # Every code that was met moves at every step: as with a dense Adam, in far more time.
        trained = [recipe.model_copy(update={"content_adam": "dense"}) for recipe in recipes]
    glos = train_group(trained, digits, device, watch, _hooks_of(traps))
    return [replace(glo, recipe=recipe) for glo, recipe in zip(glos, recipes, strict=True)]


def _hooks_of(traps: tuple[TrapName, ...]) -> Hooks:
    """The hooks of all mistakes in one: a class that inherits from each.

    What one of them does goes on to the next by `super()`.
    """
    hooks: Hooks = type("Together", tuple(_HOOKS[trap] for trap in traps), {})()
    return hooks


def _trained_as(recipe: Recipe) -> Recipe:
    """To generate in train mode changes nothing in training."""
    traps = tuple(trap for trap in _traps_of(recipe) if trap != "train_mode")
    fields = with_felt_sigma(recipe).model_dump()
    del fields["traps"]
    return TrapRecipe(**fields, traps=traps) if traps else Recipe(**fields)


def _restored(glo: Glo) -> Glo:
    if "train_mode" not in _traps_of(glo.recipe):
        return glo
    return OwnStatistics(**{field.name: getattr(glo, field.name) for field in fields(glo)})


def _traps_of(recipe: Recipe) -> tuple[TrapName, ...]:
    assert isinstance(recipe, TrapRecipe)
    return recipe.traps


register(
    TrapRecipe,
    Trainer(
        _train,
        trained_as=_trained_as,
        versions=lambda recipe: core_versions(recipe) | {"traps": VERSION},
        restored=_restored,
    ),
)
