"""The methods that the report compares, each as a change of the exercise's recipe."""

from dataclasses import dataclass, field
from typing import Any

from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import LossName, Recipe

# What the old report chose by eye.
OLD_LOSS: LossName = "l1"
OLD_SIGMA = 0.1


@dataclass(frozen=True)
class Method:
    """A method that the report compares.

    Fields:
        key: Its name in code.
        name: Its name in the report.
        source: Who published it, as Markdown cites a work; "" for none.
        words: What it does.
        changes: The fields of the exercise's recipe that it changes.
        kind: The type of its recipe.
    """

    key: str
    name: str
    source: str
    words: str
    changes: dict[str, Any] = field(hash=False)
    kind: type[Recipe] = Recipe


# The best recipe that was found, but for its swap term.
OURS = {"loss": "l1+l2", "learning_rate": 3e-3, "latent_rate": 5e-3, "schedule": "cosine"}

METHODS = (
    Method("exercise", "the exercise's GLO", "", "the recipe of the old report", {}),
    Method(
        "ours",
        "our GLO",
        "",
        "L1+L2; the network's learning rate is three times the exercise's, that of both tables "
        "five times, and all fall to 0 along a half cosine; and a swap term: images are also "
        "generated with another class's code, and a classifier that was trained on the same "
        "training images should classify them as that class",
        OURS | {"swap": 0.03},
    ),
    Method("no-swap", "our GLO without swap", "", "the same without the swap term", OURS),
    Method(
        "no-class",
        "GLO without class codes",
        "@bojanowski2018",
        "one code an image, as long as both codes together, that starts at the principal "
        "components and stays in the unit ball; L1 on a Laplacian pyramid [@burt1983], no noise",
        {
            "loss": "laplacian",
            "sigma": 0.0,
            "class_dim": 0,
            "content_dim": 50,
            "content_start": "pca",
            "content_scale": 50**-0.5,
            "content_ball": True,
        },
    ),
    Method(
        "lord",
        "LORD",
        "@gabbay2020",
        "codes that start much smaller than the noise and are gently pulled to 0; latents learn "
        "ten times as fast as the network, along a cosine; then an encoder learns to predict the "
        "content code from the image",
        {
            "sigma": 1.0,
            "content_scale": 0.05,
            "content_decay": 1e-4,
            "latent_rate": 1e-2,
            "schedule": "cosine",
        },
        LordRecipe,
    ),
    Method(
        "cvae",
        "conditional VAE",
        "@kingma2014; @sohn2015",
        "an encoder predicts a distribution of the content code from image and class, which the "
        "KL divergence pulls towards N(0, 1)",
        {"sigma": 0.0},
        CvaeRecipe,
    ),
)

# What a recipe should reach at once, by the measures' names: an error of at most this, conversions
# of at least this, leakage of at most this.
TARGET = {"reconstruction_l1": 0.035, "conversion": 0.99, "leakage_mlp": 0.2}
