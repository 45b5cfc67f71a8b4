"""A recipe: every number that defines one trained model, besides the digits it is trained on."""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

LossName = Literal["l1", "l2", "l1+l2", "laplacian"]
ContentAdam = Literal["dense", "sparse"]
ContentStart = Literal["normal", "pca"]
Schedule = Literal["constant", "cosine"]
Encoder = Literal["none", "second-stage", "variational"]

Sigma = Annotated[float, Strict(), Field(ge=0)]
Count = Annotated[int, Strict(), Field(ge=1)]
Rate = Annotated[float, Strict(), Field(gt=0, le=1)]
Weight = Annotated[float, Strict(), Field(ge=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]


class Recipe(BaseModel):
    """How one model is trained. Immutable, hashable, and refused with every error at once.

    `sigma` is the standard deviation of the Gaussian noise that training adds to the content
    codes, in the codes' own units (they start as draws from N(0, 1)). `learning_rate` is that of
    the network's Adam and `latent_rate` that of both tables' Adams; `schedule` keeps them, or lets
    them fall to 0 as a half cosine. `content_adam` is whether the content table's Adam moves every
    code at every step (dense, as the exercise does) or those of the batch alone.

    Content codes start as draws from N(0, 1) or as the images' principal components, in both cases
    with numbers of root mean square `content_scale`. `content_decay` is the weight of a code's
    squared length in the loss, and `content_ball` keeps codes in the unit ball. `swap` is the
    weight of the swap term: every content code of the batch is also drawn with another class's
    code, and a classifier that learned from the same images is to read that class. `encoder` is a
    network that reads codes from pictures: none, one that learns them from the trained codes
    (second-stage), or one in place of the content table (variational, see `encoders`).

    The last six are mistakes to be measured, off by default: gradients of the latents that pile up;
    one noise for all images of a batch; drawing in train mode, one picture at a time; the same
    order of images in every epoch; digits from scratch from N(0, 1), whatever was learned; and
    epochs shown by the images that happen to come last, noise included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    loss: LossName = "l1"
    sigma: Sigma = 0.1
    epochs: Count = 50
    batch_size: Count = 32
    learning_rate: Rate = 1e-3
    latent_rate: Rate = 1e-3
    schedule: Schedule = "constant"
    class_dim: Annotated[int, Strict(), Field(ge=0)] = 25
    content_dim: Count = 25
    content_adam: ContentAdam = "dense"
    content_start: ContentStart = "normal"
    content_scale: Annotated[float, Strict(), Field(gt=0)] = 1.0
    content_decay: Weight = 0.0
    content_ball: Annotated[bool, Strict()] = False
    swap: Weight = 0.0
    encoder: Encoder = "none"
    seed: Seed = 0
    stale_gradients: Annotated[bool, Strict()] = False
    one_noise: Annotated[bool, Strict()] = False
    train_mode: Annotated[bool, Strict()] = False
    fixed_order: Annotated[bool, Strict()] = False
    normal_prior: Annotated[bool, Strict()] = False
    last_images: Annotated[bool, Strict()] = False

    @property
    def shape(self) -> tuple[float | str, ...]:
        """What must be equal for two models to be trained side by side as one grouped network."""
        own = {"loss", "sigma", "seed"}
        return (*self.model_dump(exclude=own).values(), self.loss == "laplacian")


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
