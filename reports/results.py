"""Measures of recipes with every seed, and the one way to ask for them.

A measure hands over what it has measured, not what is made of it, in one of these forms:

* a number, or nested lists of numbers;
* `{"images": [...]}`: a number for each image (or each draw of one), of which the mean is meant;
* `{"rates": [...], "cases": T}`: a proportion of T cases for each image;
* `{"folds": [...]}`: a score for each fold of a cross-validation;
* `{"draws": [...]}`: a number for each of several draws of images from scratch;
* `{"sums": [...]}`: for each image, what a concordance is computed from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glo_core.measures.concordance import concordance
from glo_core.measures.intervals import Proportion, corrected_interval, proportion
from glo_core.measures.leakage import FOLDS
from glo_core.recipe import Recipe

Numbers = NDArray[np.float64]

# What is made of each form, for each seed: (S, M, ...) to (S, ...).
STATISTICS: dict[str, Callable[[Numbers], Numbers]] = {
    "number": lambda raw: raw,
    "images": lambda raw: raw.mean(1),
    "rates": lambda raw: raw.mean(1),
    "folds": lambda raw: raw.mean(1),
    "draws": lambda raw: raw.mean(1),
    "sums": concordance,
}


@dataclass(frozen=True, eq=False)
class Result:
    """One measure of one recipe with each of the S seeds that were measured so.

    Fields:
        raw: What was measured: (S, ...) for numbers, else (S, M) or (S, M, ...) for M images, folds
            or draws.
        form: In which form.
        cases: How many cases a rate is a proportion of.
    """

    raw: Numbers
    form: str = "number"
    cases: int = 1

    @property
    def seeds(self) -> Numbers:
        """The measure with each seed, (S, ...)."""
        return STATISTICS[self.form](self.raw)

    @property
    def mean(self) -> Numbers:
        """The mean over seeds; of rates and folds with its interval, (3,)."""
        if self.form in ("rates", "folds"):
            return np.array(self.proportion)
        mean: Numbers = self.seeds.mean(0)
        return mean

    @property
    def value(self) -> float:
        """The mean over seeds of a number."""
        return float(self.mean.flat[0])

    @property
    def proportion(self) -> Proportion:
        """The mean over these seeds, with a 95 % interval for other images.

        It is one interval: rates, or folds, are averaged over the seeds image by image, or fold by
        fold, before it is taken. How much seeds differ is told by `of_each_seed`.

        Raises:
            ValueError: This is no proportion.
        """
        if self.form == "rates":
            return proportion(self.raw.mean(0), self.cases * len(self.raw))
        if self.form == "folds":
            return corrected_interval(self.raw.mean(0), 1 / (FOLDS - 1))
        raise ValueError(f"form = {self.form!r}: only rates and folds are proportions")

    @property
    def of_each_seed(self) -> list[float]:
        """The number with each seed."""
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
            found = [each[name] for each in found if name in each]
        if not found:
            raise KeyError(path)
        return _result(found)

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


def _result(found: list[Any]) -> Result:
    """The result of one measure, as it was handed over with each seed."""
    if not isinstance(found[0], Mapping):
        return Result(np.array(found, np.float64))
    (form,) = found[0].keys() & STATISTICS.keys()
    raw = np.array([each[form] for each in found], np.float64)
    return Result(raw, form, found[0].get("cases", 1))


def _mean(found: list[Any]) -> Any:
    """The mean of results of one form, or of dicts of them; names are taken from the first seed."""
    if isinstance(found[0], str):
        return found[0]
    if isinstance(found[0], Mapping) and not found[0].keys() & STATISTICS.keys():
        names = {name: None for each in found for name in each}
        return {name: _mean([each[name] for each in found if name in each]) for name in names}
    return _result(found).mean.tolist()
