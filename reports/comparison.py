"""Methods side by side: every measure with its spread over seeds, and which methods lead in it."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glo_core.measures.concordance import concordance
from glo_core.measures.significance import holm, p_value
from glo_core.recipe import Recipe
from reports.results import Results
from reports.show.words import about

Numbers = NDArray[np.float64]

# A method is behind the leader if they would differ so by luck in fewer cases than this.
LEVEL = 0.05
# A model whose reconstructions have less style than this has none that could be kept.
LEAST_CEILING = 0.2


def mean(values: Numbers) -> Numbers:
    """The mean over images, (..., M) to (...)."""
    of_images: Numbers = values.mean(-1)
    return of_images


def style_kept(sums: Numbers) -> Numbers:
    """How much of the style is kept of what a reconstruction keeps: (..., M, F, 12) to (...).

    It is the concordance of conversions over that of reconstructions, or over LEAST_CEILING.
    """
    kept: Numbers = concordance(sums[..., :6]) / concordance(sums[..., 6:]).clip(min=LEAST_CEILING)
    return kept


class Measure(NamedTuple):
    """A row of the comparison.

    Fields:
        name: Its name in the report.
        form: How a value is written, such as ".1%".
        better: Whether lower or higher is better.
        paths: Its names in `Results`; what several hold of each image is put side by side.
        needs: What a method must have for the measure to mean anything.
        statistic: From values of M images to a number (see `significance.p_value`).
    """

    name: str
    form: str
    better: Literal["↓", "↑"]
    paths: tuple[str, ...]
    needs: Literal["nothing", "class codes", "an encoder"] = "nothing"
    statistic: Callable[[Numbers], Numbers] = mean


class Spread(NamedTuple):
    """A measure over the seeds of a recipe."""

    mean: float
    least: float
    largest: float


# By the measure's name, then by the method's key.
Compared = Mapping[str, Mapping[str, Spread]]

STYLE = ("style_concordance", "style_ceiling")
MEASURES = (
    Measure("L1 error", ".4f", "↓", ("reconstruction_l1",)),
    Measure("SSIM", ".3f", "↑", ("reconstruction_ssim",)),
    Measure("unseen L1", ".4f", "↓", ("held_out_l1",)),
    Measure("encoded L1", ".4f", "↓", ("encoded_l1",), "an encoder"),
    Measure("conversion", ".1%", "↑", ("conversion",), "class codes"),
    Measure("unseen conversion", ".1%", "↑", ("held_out_conversion",), "class codes"),
    Measure("source residue", ".1%", "↓", ("source_residue",), "class codes"),
    Measure("style kept", ".2f", "↑", STYLE, "class codes", style_kept),
    Measure("strongest probe", ".1%", "↓", ("unseen_hits",)),
    Measure("classifies", ".1%", "↑", ("classified",), "class codes"),
    Measure("Fréchet distance", ".1f", "↓", ("samples/mixture/frechet",)),
    Measure("coverage", ".2f", "↑", ("samples/mixture/coverage",)),
)


def compare(results: Results, recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Spread]]:
    """Each of MEASURES, by its name, of each recipe, by its key, that has what the measure needs.

    Raises KeyError for a recipe that has not all measures of a method.
    """
    return {
        measure.name: {
            key: spread(results, recipe, measure)
            for key, recipe in recipes.items()
            if _applies(measure, results, recipe)
        }
        for measure in MEASURES
    }


def spread(results: Results, recipe: Recipe, measure: Measure) -> Spread:
    """One measure of one recipe."""
    of_seeds = measure.statistic(values(results, recipe, measure)).tolist()
    return Spread(fmean(of_seeds), min(of_seeds), max(of_seeds))


def values(results: Results, recipe: Recipe, measure: Measure) -> Numbers:
    """What a measure's statistic is taken of: (S, M, ...), for S seeds and M images or draws."""
    return np.concatenate([results[recipe, path].raw for path in measure.paths], -1)


def leaders(results: Results, recipes: Mapping[str, Recipe]) -> dict[str, list[str]]:
    """By each measure's name, the keys of the methods that lead in it.

    It is the one with the best mean, and all that a paired bootstrap over images and seeds cannot
    tell from it at LEVEL, with Holm's correction for their number. Where it can tell none, no
    method leads; nor in what was measured over draws, which are too few to tell anything.
    """
    ahead: dict[str, list[str]] = {}
    for measure in MEASURES:
        if any(_of_draws(measure, results, recipe) for recipe in recipes.values()):
            ahead[measure.name] = []
            continue
        of = {
            key: values(results, recipe, measure)
            for key, recipe in recipes.items()
            if _applies(measure, results, recipe)
        }
        best_of = min if measure.better == "↓" else max
        best = best_of(of, key=lambda key: measure.statistic(of[key]).mean())
        others = [key for key in of if key != best]
        found = holm([p_value(measure.statistic, of[best], of[key]) for key in others])
        equal = [key for key, p in zip(others, found, strict=True) if p > LEVEL]
        ahead[measure.name] = [] if others and equal == others else [best, *equal]
    return ahead


def table(
    compared: Compared, ahead: Mapping[str, Sequence[str]], keys: Sequence[str]
) -> list[list[str]]:
    """A row for each measure: its name with an arrow to what is better, and each method's value.

    Values are means ± half the range of the seeds, the leaders' in bold; a dash stands for a
    measure that means nothing for the method.
    """

    def cell(measure: Measure, key: str) -> str:
        if key not in compared[measure.name]:
            return "–"
        # With so many columns, a cell breaks before its ± rather than run into the next
        text = about(measure.form, *compared[measure.name][key]).replace(
            "\N{NO-BREAK SPACE}±", " ±"
        )
        return f"**{text}**" if key in ahead[measure.name] else text

    return [
        [
            f"{measure.name}\N{NO-BREAK SPACE}{measure.better}",
            *(cell(measure, key) for key in keys),
        ]
        for measure in MEASURES
    ]


def _of_draws(measure: Measure, results: Results, recipe: Recipe) -> bool:
    paths = [path for path in measure.paths if results.has(recipe, path)]
    return any(results[recipe, path].form == "draws" for path in paths)


def _applies(measure: Measure, results: Results, recipe: Recipe) -> bool:
    if measure.needs == "class codes":
        return recipe.class_dim > 0
    # Only models with an encoder are measured with encoded images.
    return measure.needs == "nothing" or results.has(recipe, measure.paths[0])
