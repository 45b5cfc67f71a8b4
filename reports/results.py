"""Measures of recipes with every seed, and the one way to ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glo_core.measures.intervals import Proportion
from glo_core.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Result:
    """One measure of one recipe with each of S seeds.

    Fields:
        seeds: (S,) for a number, (S, 3) for a proportion with the ends of its interval (and (S, 4)
            with what chance gives), (S, C, C) for a matrix.
    """

    seeds: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean over seeds, of what `seeds` holds for each."""
        mean: NDArray[np.float64] = self.seeds.mean(0)
        return mean

    @property
    def value(self) -> float:
        """The mean over seeds of a number, or of a proportion without its interval."""
        return float(self.mean.flat[0])

    @property
    def proportion(self) -> Proportion:
        """A proportion with its interval, each end the mean over seeds."""
        return Proportion(*self.mean[:3].tolist())

    @property
    def of_each_seed(self) -> list[float]:
        """The number, or the proportion without its interval, with each seed."""
        values: list[float] = self.seeds.reshape(len(self.seeds), -1)[:, 0].tolist()
        return values


class Results:
    """The results of a study by recipe (whatever its seed) and measure.

    `results[recipe, "conversion"]` is a `Result`. A measure that lies deeper is named with its
    path, such as "style/slant" or "samples/mixture/frechet". `results.all(recipe)` has everything.
    """

    def __init__(self, measured: Mapping[Recipe, Mapping[str, Any]]):
        """`measured` holds the measures of every recipe with every seed, as JSON holds them."""
        self._of: dict[Recipe, list[Mapping[str, Any]]] = {}
        for recipe in sorted(measured, key=lambda recipe: recipe.seed):
            self._of.setdefault(_without_seed(recipe), []).append(measured[recipe])

    def __getitem__(self, asked: tuple[Recipe, str]) -> Result:
        """Raises KeyError for a recipe or a measure that there is not."""
        recipe, path = asked
        found: list[Any] = [*self._of[_without_seed(recipe)]]
        for name in path.split("/"):
            found = [each[name] for each in found]
        return Result(np.array(found, np.float64))

    def has(self, recipe: Recipe, path: str) -> bool:
        """Whether a recipe was measured so."""
        try:
            return bool(self[recipe, path])
        except KeyError:
            return False

    def all(self, recipe: Recipe) -> dict[str, Any]:
        """Everything measured of a recipe, each the mean over seeds, in nested dicts."""
        everything: dict[str, Any] = _mean(self._of[_without_seed(recipe)])
        return everything


def _without_seed(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"seed": 0})


def _mean(found: list[Any]) -> Any:
    """The mean of results of one form: numbers, or lists or dicts of them."""
    if isinstance(found[0], Mapping):
        return {name: _mean([each[name] for each in found]) for name in found[0]}
    return np.mean(found, 0).tolist()
