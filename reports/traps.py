"""Six mistakes that are easily made in the exercise, each made alone.

A mistake hooks into the training loop from outside (`training.Hooks`), or changes how the trained
model generates images.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.generator import CHANNELS, NORM
from glo_core.latents import noisy
from glo_core.model import Glo
from glo_core.priors import Prior
from glo_core.recipe import Recipe
from glo_core.runs.trainers import Trainer, core_versions, register
from glo_core.training import Draws, Group, Hooks, OnEpoch, train_group

# Raise it when the numbers of models with a mistake change (see `training.VERSION`).
VERSION = 1

TrapName = Literal[
    "stale_gradients", "one_noise", "train_mode", "fixed_order", "normal_prior", "last_images"
]


class TrapRecipe(Recipe):
    """A recipe with one mistake."""

    method: ClassVar[str] = "trap"

    trap: TrapName


class StaleGradients(Hooks):
    """Only the network's gradients are zeroed."""

    def zero_gradients(self, group: Group) -> None:
        group.network.zero_grad()


class OneNoise(Hooks):
    """All images of a batch get the noise of its first image."""

    def draws(self, draws: Draws, recipe: Recipe) -> Draws:
        position = torch.arange(draws.noise.shape[1])
        return draws._replace(noise=draws.noise[:, position - position % recipe.batch_size])


class FixedOrder(Hooks):
    """Every epoch meets the images in the same order."""

    def draws(self, draws: Draws, recipe: Recipe) -> Draws:
        images = torch.arange(draws.order.shape[1], device=draws.order.device)
        return draws._replace(order=images.expand_as(draws.order))


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


class OwnStatistics(Glo):
    """A model that generates in train mode, one image at a time.

    BatchNorm then normalises each image by its own mean and variance, which is what InstanceNorm
    computes for many images at once.
    """

    def generate(self, codes: Tensor) -> Tensor:
        images: Tensor = self._network_in_train_mode()(codes)[:, 0]
        return images

    def _network_in_train_mode(self) -> nn.Sequential:
        layers = [*self.network]
        layers[NORM] = nn.InstanceNorm2d(CHANNELS, affine=True)
        norm = self.network[NORM]
        layers[NORM].load_state_dict({"weight": norm.weight, "bias": norm.bias})
        return nn.Sequential(*layers).eval()


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
    hooks: type[Hooks] = Hooks


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


def with_trap(recipe: Recipe, trap: TrapName) -> TrapRecipe:
    """The recipe with a mistake."""
    return TrapRecipe(**recipe.model_dump(), trap=trap)


def _train(
    recipes: list[Recipe], digits: Digits, device: torch.device, on_epoch: OnEpoch | None
) -> list[Glo]:
    return train_group(recipes, digits, device, on_epoch, _HOOKS[_trap_of(recipes[0])]())


def _restored(glo: Glo) -> Glo:
    if _trap_of(glo.recipe) != "train_mode":
        return glo
    return OwnStatistics(**{field.name: getattr(glo, field.name) for field in fields(glo)})


def _trap_of(recipe: Recipe) -> TrapName:
    assert isinstance(recipe, TrapRecipe)
    return recipe.trap


register(
    TrapRecipe,
    Trainer(_train, lambda recipe: core_versions(recipe) | {"traps": VERSION}, restored=_restored),
)
