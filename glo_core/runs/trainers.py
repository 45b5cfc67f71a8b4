"""Who trains which kind of recipe, and with which versioned parts.

A method of its own is a subclass of `Recipe` and an entry here, which `register` makes; see
CONTRIBUTING.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from glo_core import classifier, recorder, training
from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.peers import cvae, lord
from glo_core.recipe import Recipe
from glo_core.training import UNWATCHED, Watch, pick_device, side_by_side, train_group

# Up to this σ, noise is lost when it is added to a float32 code: it is less than half of the last
# bit of all numbers but those below 1e-7, and of these a generator's sums lose it.
UNFELT = 1e-15

# The recipes are of the type that it is registered for.
Train = Callable[[list[Any], Digits, torch.device, Watch], list[Glo]]


def core_versions(recipe: Recipe) -> dict[str, int]:
    """The versions of the parts that a plain recipe's numbers depend on, by name."""
    versions = {"core": training.VERSION, "recorder": recorder.VERSION}
    return versions | ({"classifier": classifier.VERSION} if recipe.swap else {})


def core_effort(recipe: Recipe) -> float:
    """How long a step takes in those of a plain recipe: more with a swap term or a pyramid."""
    return 2.5 if recipe.swap else 2.0 if recipe.loss == "laplacian" else 1.0


def with_felt_sigma(recipe: Recipe) -> Recipe:
    """The recipe with σ as training feels it: as float32, and 0 where it changes no code."""
    with np.errstate(over="ignore"):  # beyond float32, σ is infinite, and the model diverges
        sigma = float(np.float32(recipe.sigma))
    return recipe.model_copy(update={"sigma": sigma if sigma > UNFELT else 0.0})


@dataclass(frozen=True)
class Trainer:
    """How one kind of recipe is trained.

    Fields:
        train: Trains recipes of one shape on a device, and tells of every step and every epoch.
        epochs: How many epochs it tells of.
        effort: How long a step takes, in steps of a plain recipe's model.
        trained_as: A recipe whose model has the same numbers: recipes that have it in common are
            trained once.
        versions: The versions of the numerical parts that a recipe uses: they are in its run's key.
        encoder: The untrained encoder of a recipe and a number of classes; None without encoder.
        restored: Turns a model as it was trained, or saved, into the one to use.
    """

    train: Train
    epochs: Callable[[Recipe], int] = lambda recipe: recipe.epochs
    effort: Callable[[Recipe], float] = core_effort
    trained_as: Callable[[Recipe], Recipe] = with_felt_sigma
    versions: Callable[[Recipe], dict[str, int]] = core_versions
    encoder: Callable[[Recipe, int], nn.Module] | None = None
    restored: Callable[[Glo], Glo] = lambda glo: glo


_TRAINERS: dict[type[Recipe], Trainer] = {}


def register(kind: type[Recipe], trainer: Trainer) -> None:
    """Has recipes of this type trained by `trainer`."""
    _TRAINERS[kind] = trainer


def trainer_of(recipe: Recipe) -> Trainer:
    """The trainer of a recipe's type. Raises TypeError for a type that nobody registered."""
    try:
        return _TRAINERS[type(recipe)]
    except KeyError:
        known = ", ".join(sorted(kind.__name__ for kind in _TRAINERS))
        raise TypeError(
            f"no trainer is registered for {type(recipe).__name__}; there are {known}"
        ) from None


def recipe_of(method: str, fields: dict[str, Any]) -> Recipe:
    """The recipe of a method's name and its fields, as runs are described on disk.

    Raises ValueError for a method that nobody registered, or fields that its recipes have not.
    """
    for kind in _TRAINERS:
        if kind.method == method:
            return kind.model_validate(fields)
    known = ", ".join(sorted(kind.method for kind in _TRAINERS))
    raise ValueError(f"method = {method!r}: there are {known}")


def train(
    recipes: list[Recipe], digits: Digits, watch: Watch = UNWATCHED, device: str = "auto"
) -> list[Glo]:
    """Trains every recipe on the digits, recipes of one shape side by side.

    Args:
        recipes: Of any kinds and shapes.
        digits: The training images, at least one.
        watch: Told of every step and every epoch of the models that are trained side by side.
        device: "cpu", "cuda", or "auto" for a GPU if there is one.

    Returns:
        One model for each recipe, in the recipes' order.

    Raises:
        ValueError: `digits` is empty.
        DeviceError: The device is not there.
        TypeError: Nobody knows how to train a recipe of this type.
    """
    models: dict[Recipe, Glo] = {}
    for group in side_by_side(recipes):
        trainer = trainer_of(group[0])
        trained = trainer.train(group, digits, pick_device(device), watch)
        models.update(zip(group, map(trainer.restored, trained), strict=True))
    return [models[recipe] for recipe in recipes]


register(Recipe, Trainer(train_group))
register(
    lord.LordRecipe,
    Trainer(
        lord.train,
        epochs=lord.epochs,
        effort=lambda _: 1.5,
        versions=lambda recipe: core_versions(recipe) | {"lord": lord.VERSION},
        encoder=lord.encoder_of,
    ),
)
register(
    cvae.CvaeRecipe,
    Trainer(
        cvae.train,
        effort=lambda _: 2.0,
        versions=lambda _: {"recorder": recorder.VERSION, "cvae": cvae.VERSION},
        encoder=cvae.encoder_of,
    ),
)
