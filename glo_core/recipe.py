"""A recipe: every number that defines one trained model, besides the images it is trained on."""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

LossName = Literal["l1", "l2", "l1+l2", "laplacian"]
ContentAdam = Literal["dense", "sparse"]
ContentStart = Literal["normal", "pca", "whitened"]
Schedule = Literal["constant", "cosine"]

# Added to 0.0, −0 is 0: the same model, under the same name.
Sigma = Annotated[float, Strict(), Field(ge=0), AfterValidator(lambda sigma: sigma + 0.0)]
Count = Annotated[int, Strict(), Field(ge=1)]
Rate = Annotated[float, Strict(), Field(gt=0, le=1)]
Weight = Annotated[float, Strict(), Field(ge=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**32)]


class Recipe(BaseModel):
    """How one model is trained. Immutable and hashable; a wrong recipe is refused with all errors.

    Fields:
        loss: The reconstruction loss (see `losses`).
        sigma: Standard deviation of the Gaussian noise that training adds to the content codes, in
            the codes' own units (they start as draws from N(0, 1)).
        epochs: How often every image is seen.
        batch_size: Images in a batch; the last batch of an epoch may be smaller.
        learning_rate: That of the network's Adam.
        latent_rate: That of both latent tables' Adams.
        schedule: Whether the rates stay constant, or fall to 0 as a half cosine.
        class_dim: Numbers in a class code; 0 for a model without class codes.
        content_dim: Numbers in a content code.
        content_adam: Whether the content table's Adam moves every code at every step (dense, as the
            exercise does) or only those of the batch (sparse).
        content_start: Whether content codes start as draws from N(0, 1), as the images' principal
            components, or as those of what differs from the class's mean image, whitened within
            each class (see `latents.content_starts`).
        content_blur: Standard deviation, in pixels, of the Gaussian that blurs images before their
            principal components are taken: with more of it, codes start from coarser shapes.
        content_scale: Root mean square of the numbers that content codes start with.
        content_decay: Weight of a content code's squared length in the loss.
        content_ball: Whether content codes are kept in the unit ball.
        content_whitening: Whether the content codes of each class are whitened again after every
            epoch (see `latents.whitened`).
        swap: Weight of the swap term: an image is also generated from every content code of the
            batch and another class's code, and its loss is the cross-entropy of a classifier that
            was trained on the same images.
        seed: Of every random number of the model.

    A method that trains in another way subclasses `Recipe` and names itself in `method` (see
    `peers` and `runs.trainers`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    method: ClassVar[str] = "glo"
    # The fields in which models that are trained side by side may differ.
    own: ClassVar[frozenset[str]] = frozenset({"loss", "sigma", "seed"})

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
    content_blur: Weight = 0.0
    content_scale: Annotated[float, Strict(), Field(gt=0)] = 1.0
    content_decay: Weight = 0.0
    content_ball: Annotated[bool, Strict()] = False
    content_whitening: Annotated[bool, Strict()] = False
    swap: Weight = 0.0
    seed: Seed = 0

    @property
    def shape(self) -> tuple[float | str, ...]:
        """What must be equal for two models to be trained side by side as one stacked network."""
        shared = self.model_dump(exclude={*self.own}).values()
        return (self.method, *shared, self.loss == "laplacian")

    def changed(self) -> dict[str, Any]:
        """The fields that differ from the defaults of `Recipe`, and all that a subclass adds."""
        defaults = Recipe().model_dump()
        fields = self.model_dump().items()
        return {name: value for name, value in fields if defaults.get(name, ...) != value}


def same_hand(**changes: Any) -> Recipe:
    """The recipe whose conversions keep the style of their sources, found by measuring many.

    Content codes start as whitened principal components of an image's coarse shape, beside that of
    its class, and are whitened again after every epoch; the swap term trains conversions.

    Args:
        **changes: Fields of `Recipe` that are to be otherwise.
    """
    found: dict[str, Any] = {
        "loss": "l1",
        "sigma": 0.1,
        "learning_rate": 4e-3,
        "latent_rate": 8e-3,
        "schedule": "cosine",
        "content_dim": 14,
        "content_start": "whitened",
        "content_blur": 8.0,
        "content_whitening": True,
        "swap": 0.03,
    }
    return Recipe.model_validate(found | changes)


def grid(
    losses: Iterable[LossName], sigmas: Iterable[float], seeds: Iterable[int], **shared: float | str
) -> list[Recipe]:
    """Every loss with every σ and every seed, in that order.

    Args:
        losses: Names of losses.
        sigmas: Noise levels.
        seeds: Seeds of the models.
        **shared: Other fields of `Recipe`, the same for all.

    Returns:
        One recipe for each combination.

    Raises:
        ValueError: The grid is empty, or would train the same recipe twice.
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
