"""A trained model as tensors by name, and back: what runs and shared models have in common."""

from typing import Any

from torch import Tensor

from glo_core.generator import seeded_plain
from glo_core.model import Glo, History
from glo_core.priors import Prior
from glo_core.recipe import Recipe
from glo_core.runs.trainers import trainer_of

# The fields of a `History`: those that are tensors, and those that are numbers of every model.
TENSORS, NUMBERS = ("losses", "panel", "scratch", "indices"), ("moved", "seconds", "threads")


def weights_of(glo: Glo) -> dict[str, Tensor]:
    """The network, both latent tables, and the encoder if there is one."""
    weights = {f"network.{name}": value for name, value in glo.network.state_dict().items()}
    weights |= {"class_table": glo.class_table, "content_table": glo.content_table}
    if glo.encoder is not None:
        states = glo.encoder.state_dict().items()
        weights |= {f"encoder.{name}": value for name, value in states}
    return weights


def history_tensors(history: History) -> dict[str, Tensor]:
    """The fields of a history that are tensors."""
    return {name: getattr(history, name) for name in TENSORS}


def history_numbers(history: History) -> dict[str, Any]:
    """The fields of a history that are numbers."""
    return {name: getattr(history, name) for name in (*NUMBERS, "diverged")}


def history_of(tensors: dict[str, Any], about: dict[str, Any]) -> History:
    """A history from its tensors, and from its numbers among others."""
    numbers = {name: about[name] for name in NUMBERS}
    return History(**tensors, **numbers, diverged=about.get("diverged"))


def model_of(
    recipe: Recipe, weights: dict[str, Tensor], labels: Tensor, history: History, prior: Prior
) -> Glo:
    """The model that `weights_of` has taken apart, as its trainer restores it.

    Raises:
        KeyError: A latent table is missing.
        RuntimeError: The weights are not those of the recipe's networks.
    """
    network = seeded_plain(recipe.class_dim + recipe.content_dim, recipe.seed)
    network.load_state_dict(part(weights, "network."))
    trainer, encoder = trainer_of(recipe), None
    if trainer.encoder:
        encoder = trainer.encoder(recipe, len(weights["class_table"]))
        encoder.load_state_dict(part(weights, "encoder."))
        encoder.eval().requires_grad_(False)
    glo = Glo(
        recipe=recipe,
        network=network.eval(),
        class_table=weights["class_table"],
        content_table=weights["content_table"],
        labels=labels,
        history=history,
        prior=prior,
        encoder=encoder,
    )
    return trainer.restored(glo)


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, by what follows it."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
