"""What a report leaves out because models have diverged, and what it cannot be made without.

A noise level, or a β, at which a model of the first seed has diverged is left out for all losses,
as pictures and the dear measures are of that seed: figures have a gap there. Where models of other
seeds have diverged, means are over those that have not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from glo_core.recipe import Recipe
from reports.methods import METHODS
from reports.parameters import Parameters
from reports.show.names import LOSS_NAMES, sigma_name

# The numbers in which the models of `Parameters.curves` differ.
SYMBOLS = {"handed-in": "σ", "cvae": "β"}


class StudyError(RuntimeError):
    """Models that a report cannot be made without have diverged; the message says which."""


@dataclass(frozen=True)
class Gaps:
    """What is left out of a report.

    Fields:
        parameters: Those of the report.
        steps: The step at which the model of a recipe has diverged, for each that has.
    """

    parameters: Parameters
    steps: Mapping[Recipe, int]

    @property
    def left_out(self) -> list[float]:
        """The noise levels of the sweep that are left out, rising."""
        return sorted(self._lost(self.parameters.sweep()))

    @property
    def sigmas(self) -> list[float]:
        """The others, rising."""
        lost = self.left_out
        return [sigma for sigma in sorted(self.parameters.sigmas) if sigma not in lost]

    @property
    def frontier(self) -> list[Recipe]:
        """`Parameters.frontier`, but for the noise levels that are left out."""
        recipes = self.parameters.frontier()
        lost = self._lost(recipes)
        return [recipe for recipe in recipes if recipe.sigma not in lost]

    @property
    def curves(self) -> dict[str, dict[float, Recipe]]:
        """`Parameters.curves`, but for the models that have diverged."""
        return {
            key: {number: recipe for number, recipe in line.items() if recipe not in self.steps}
            for key, line in self.parameters.curves().items()
        }

    def check(self) -> None:
        """Raises StudyError where models have diverged that pictures or comparisons need."""
        chosen = self.parameters
        at_chosen = [each for each in chosen.sweep() if each.sigma == chosen.chosen_sigma]
        needs = {
            "choose another chosen_sigma": self._of_first(at_chosen),
            "choose another trap_sigma": self._of_every_seed(chosen.traps().values()),
            "choose lower learning rates or other seeds": self._of_every_seed(
                chosen.methods().values()
            ),
        }
        for way, recipes in needs.items():
            for recipe in recipes:
                if step := self.steps.get(recipe):
                    raise StudyError(
                        f"the model of {told(recipe)} has diverged at step {step}, and the report "
                        f"cannot be made without it: {way}"
                    )
        lines = {
            "frontier_sigmas": self.frontier,
            "handed_in_sigmas": self.curves["handed-in"],
            "betas": self.curves["cvae"],
        }
        for name, kept in lines.items():
            if not kept:
                raise StudyError(
                    f"{name} = {list(getattr(chosen, name))!r}: at each of them a model has "
                    "diverged; choose at least one that is smaller"
                )

    def words(self) -> list[str]:
        """Each model that has diverged, in words, with its step."""
        names = {method.key: method.name for method in METHODS}
        varied = {
            each: f"{names[key]}, {SYMBOLS[key]} = {sigma_name(number)}, seed {each.seed}"
            for key, line in self.parameters.curves().items()
            for number, recipe in line.items()
            for each in self.parameters.over_seeds(recipe)
        }
        return [
            f"{varied.get(recipe) or told(recipe)} (step {step:,})"
            for recipe, step in self.steps.items()
        ]

    def recorded(self) -> list[dict[str, Any]]:
        """The same for the results: the method, its recipe, and the step."""
        return [
            {"method": recipe.method, **recipe.model_dump(), "step": step}
            for recipe, step in self.steps.items()
        ]

    def _lost(self, recipes: Iterable[Recipe]) -> set[float]:
        return {each.sigma for each in self._of_first(recipes) if each in self.steps}

    def _of_first(self, recipes: Iterable[Recipe]) -> list[Recipe]:
        return [each for each in recipes if each.seed == self.parameters.seeds[0]]

    def _of_every_seed(self, recipes: Iterable[Recipe]) -> list[Recipe]:
        return [each for recipe in recipes for each in self.parameters.over_seeds(recipe)]


def told(recipe: Recipe) -> str:
    """A recipe in words: loss, noise level, what else it changes, and seed."""
    changes = {
        name: value
        for name, value in recipe.changed().items()
        if name not in ("loss", "sigma", "seed", "epochs", "batch_size", "content_adam")
    }
    kind = "" if recipe.method == Recipe.method else f"{recipe.method}, "
    more = "".join(f", {name} {value}" for name, value in changes.items())
    noise = f"σ = {sigma_name(recipe.sigma)}"
    return f"{kind}{LOSS_NAMES[recipe.loss]}, {noise}{more}, seed {recipe.seed}"
