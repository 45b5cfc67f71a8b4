"""Methods side by side: every measure with its spread over seeds, and which methods lead in it."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple

from glo_core.measures.style import FEATURES
from glo_core.recipe import Recipe
from reports.results import Results
from reports.show.words import about


class Measure(NamedTuple):
    """A row of the comparison.

    Fields:
        name: Its name in the report.
        form: How a value is written, such as ".1%".
        better: Whether lower or higher is better.
        paths: Its names in `Results`; of several, the mean is taken.
        needs: What a method must have for the measure to mean anything.
    """

    name: str
    form: str
    better: Literal["↓", "↑"]
    paths: tuple[str, ...]
    needs: Literal["nothing", "class codes", "an encoder"] = "nothing"


class Spread(NamedTuple):
    """A measure over the seeds of a recipe."""

    mean: float
    least: float
    largest: float


# By the measure's name, then by the method's key.
Compared = Mapping[str, Mapping[str, Spread]]

STYLE = tuple(f"style/{feature}" for feature in FEATURES)
MEASURES = (
    Measure("L1 error", ".4f", "↓", ("reconstruction_l1",)),
    Measure("PSNR (dB)", ".1f", "↑", ("reconstruction_psnr",)),
    Measure("SSIM", ".3f", "↑", ("reconstruction_ssim",)),
    Measure("held-out L1", ".4f", "↓", ("held_out_l1",)),
    Measure("encoded L1", ".4f", "↓", ("encoded_l1",), "an encoder"),
    Measure("conversion", ".1%", "↑", ("conversion",), "class codes"),
    Measure("source residue", ".1%", "↓", ("source_residue",), "class codes"),
    Measure("linear probe", ".1%", "↓", ("leakage_linear",)),
    Measure("kNN probe", ".1%", "↓", ("leakage_knn",)),
    Measure("MLP probe", ".1%", "↓", ("leakage_mlp",)),
    Measure("classifies", ".1%", "↑", ("classified",), "class codes"),
    Measure("style kept", ".2f", "↑", STYLE, "class codes"),
    Measure("Fréchet distance", ".1f", "↓", ("samples/mixture/frechet",)),
    Measure("coverage", ".2f", "↑", ("samples/mixture/coverage",)),
)


def compare(results: Results, recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Spread]]:
    """Each of MEASURES, by its name, of each recipe, by its key, that has what the measure needs.

    Raises KeyError for a recipe that has not all measures of a method.
    """
    return {
        measure.name: {
            key: _spread(results, recipe, measure.paths)
            for key, recipe in recipes.items()
            if _applies(measure, results, recipe)
        }
        for measure in MEASURES
    }


def leaders(compared: Compared) -> dict[str, list[str]]:
    """By each measure's name, the key of the best mean, and of all whose range meets its own."""
    ahead = {}
    for measure in MEASURES:
        spreads = compared[measure.name]
        best_of = min if measure.better == "↓" else max
        best = best_of(spreads.values(), key=lambda spread: spread.mean)
        ahead[measure.name] = [
            key
            for key, spread in spreads.items()
            if spread.least <= best.largest and spread.largest >= best.least
        ]
    return ahead


def table(compared: Compared, keys: Sequence[str]) -> list[list[str]]:
    """A row for each measure: its name with an arrow to what is better, and each method's value.

    Values are means ± half the range of the seeds, the leaders' in bold; a dash stands for a
    measure that means nothing for the method.
    """
    ahead = leaders(compared)

    def cell(measure: Measure, key: str) -> str:
        if key not in compared[measure.name]:
            return "–"
        text = about(measure.form, *compared[measure.name][key])
        return f"**{text}**" if key in ahead[measure.name] else text

    return [
        [
            f"{measure.name} {measure.better}".replace(" ", "\N{NO-BREAK SPACE}"),
            *(cell(measure, key) for key in keys),
        ]
        for measure in MEASURES
    ]


def _spread(results: Results, recipe: Recipe, paths: Sequence[str]) -> Spread:
    of_each_path = [results[recipe, path].of_each_seed for path in paths]
    values = [fmean(of_seed) for of_seed in zip(*of_each_path, strict=True)]
    return Spread(fmean(values), min(values), max(values))


def _applies(measure: Measure, results: Results, recipe: Recipe) -> bool:
    if measure.needs == "class codes":
        return recipe.class_dim > 0
    # Only models with an encoder are measured with encoded images.
    return measure.needs == "nothing" or results.has(recipe, measure.paths[0])
