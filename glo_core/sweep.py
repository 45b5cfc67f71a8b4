"""Recipes to trained models, through the store: what is there is used, what lacks is trained."""

import logging

from tqdm.auto import tqdm

from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.store import Store, run_key
from glo_core.training import side_by_side, train

log = logging.getLogger(__name__)


def sweep(recipes: list[Recipe], digits: Digits, store: Store) -> list[Glo]:
    """Every recipe's model, in the recipes' order. Each group is saved as soon as it is trained."""
    models = {recipe: store.load(recipe, digits) for recipe in recipes}
    missing = [recipe for recipe, model in models.items() if model is None]
    log.info("%d of %d models found in %s", len(recipes) - len(missing), len(recipes), store.root)
    if missing:
        models.update(_train_missing(missing, digits, store))
    return [model for recipe in recipes if (model := models[recipe]) is not None]


def _train_missing(recipes: list[Recipe], digits: Digits, store: Store) -> dict[Recipe, Glo]:
    trained: dict[Recipe, Glo] = {}
    with tqdm(total=sum(recipe.epochs for recipe in recipes), unit="epoch") as bar:

        def on_epoch(side_by_side: int, epoch: int, loss: float) -> None:
            bar.set_postfix_str(f"epoch {epoch}, loss {loss:.4f}")
            bar.update(side_by_side)

        for group in side_by_side(recipes):
            bar.set_description(f"training {len(trained)}/{len(recipes)} models")
            with store.locked([run_key(recipe, digits) for recipe in group]):
                # Another process may have trained some of them while this one waited.
                found = {recipe: store.load(recipe, digits) for recipe in group}
                lacking = [recipe for recipe, model in found.items() if model is None]
                bar.update(sum(recipe.epochs for recipe in group if recipe not in lacking))
                for model in train(lacking, digits, on_epoch) if lacking else []:
                    store.save(model, digits)
                    found[model.recipe] = model
            trained.update({recipe: model for recipe, model in found.items() if model})
        bar.set_description(f"trained {len(trained)}/{len(recipes)} models")
    return trained
