"""A recipe: every number that defines one trained model, besides the digits it is trained on."""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

LossName = Literal["l1", "l2", "l1+l2"]
ContentAdam = Literal["dense", "sparse"]

Sigma = Annotated[float, Strict(), Field(ge=0)]
Count = Annotated[int, Strict(), Field(ge=1)]
Rate = Annotated[float, Strict(), Field(gt=0, le=1)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]


class Recipe(BaseModel):
    """How one model is trained. Immutable, hashable, and refused with every error at once.

    `sigma` is the standard deviation of the Gaussian noise that training adds to the content
    codes, in the codes' own units (they start as draws from N(0, 1)). `learning_rate` is that of
    all three Adams: network, class table, content table. `content_adam` is whether the last of them
    moves every code at every step (dense, as the exercise does) or those of the batch alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    loss: LossName = "l1"
    sigma: Sigma = 0.1
    epochs: Count = 50
    batch_size: Count = 32
    learning_rate: Rate = 1e-3
    class_dim: Count = 25
    content_dim: Count = 25
    content_adam: ContentAdam = "dense"
    seed: Seed = 0

    @property
    def shape(self) -> tuple[float | str, ...]:
        """What must be equal for two models to be trained side by side as one grouped network."""
        own = {"loss", "sigma", "seed"}
        return tuple(self.model_dump(exclude=own).values())


def grid(
    losses: Iterable[LossName], sigmas: Iterable[float], seeds: Iterable[int], **shared: float | str
) -> list[Recipe]:
    """Every loss with every σ and every seed, in that order; `shared` fields go to all recipes.

    Raises ValueError for an empty grid, and for one that would train the same recipe twice.
    """
    recipes = [
        Recipe.model_validate({"loss": loss, "sigma": sigma, "seed": seed, **shared})
        for loss, sigma, seed in product(losses, sigmas, seeds)
    ]
    if not recipes:
        raise ValueError("the grid is empty: losses, sigmas and seeds each need at least one value")
    twice = [recipe for recipe, count in Counter(recipes).items() if count > 1]
    if twice:
        raise ValueError(f"the grid holds this recipe more than once: {twice[0]!r}")
    return recipes
