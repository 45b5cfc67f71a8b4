"""Methods side by side: every measure with its spread over seeds, and who leads in it."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from glo_core.measures.style import FEATURES
from glo_core.recipe import Recipe
from reports.claims import about
from reports.study import Study


class Measure(NamedTuple):
    """A row of the comparison.

    `form` is how a value is written, and `places` are where it stands among a model's measures (see
    `measures`): with several of them, it is their mean. `needs` is what a recipe must have for the
    measure to mean anything.
    """

    name: str
    form: str
    better: Literal["↓", "↑"]
    places: tuple[tuple[str, ...], ...]
    needs: Literal["nothing", "class codes", "an encoder"] = "nothing"


class Spread(NamedTuple):
    """A measure over the seeds of a recipe."""

    mean: float
    least: float
    largest: float


MEASURES = (
    Measure("L1 error", "{:.4f}", "↓", (("reconstruction_l1",),)),
    Measure("PSNR (dB)", "{:.1f}", "↑", (("reconstruction_psnr",),)),
    Measure("SSIM", "{:.3f}", "↑", (("reconstruction_ssim",),)),
    Measure("held-out L1", "{:.4f}", "↓", (("held_out_l1",),)),
    Measure("encoded L1", "{:.4f}", "↓", (("encoded_l1",),), "an encoder"),
    Measure("conversion", "{:.1%}", "↑", (("conversion",),), "class codes"),
    Measure("source residue", "{:.1%}", "↓", (("source_residue",),), "class codes"),
    Measure("linear probe", "{:.1%}", "↓", (("leakage_linear",),)),
    Measure("kNN probe", "{:.1%}", "↓", (("leakage_knn",),)),
    Measure("MLP probe", "{:.1%}", "↓", (("leakage_mlp",),)),
    Measure("classifies", "{:.1%}", "↑", (("classified",),), "class codes"),
    Measure("hand kept", "{:.2f}", "↑", tuple(("style", each) for each in FEATURES), "class codes"),
    Measure("Fréchet distance", "{:.1f}", "↓", (("samples", "mixture", "frechet"),)),
    Measure("coverage", "{:.2f}", "↑", (("samples", "mixture", "coverage"),)),
)


def compare(study: Study, recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Spread]]:
    """Each of MEASURES, by its name, of each recipe, by its key, that has what the measure needs.

    Raises KeyError for a recipe that the study has not examined.
    """
    return {
        measure.name: {
            key: _spread(study, recipe, measure.places)
            for key, recipe in recipes.items()
            if _has(recipe, measure.needs)
        }
        for measure in MEASURES
    }


def leaders(compared: Mapping[str, Mapping[str, Spread]]) -> dict[str, list[str]]:
    """By each measure's name, the key of the best mean, and of all whose range meets its own."""
    ahead = {}
    for name, _, better, *_ in MEASURES:
        of = compared[name]
        best = (min if better == "↓" else max)(of.values(), key=lambda spread: spread.mean)
        ahead[name] = [
            key
            for key, spread in of.items()
            if spread.least <= best.largest and spread.largest >= best.least
        ]
    return ahead


def table(
    compared: Mapping[str, Mapping[str, Spread]], recipes: Mapping[str, Recipe]
) -> list[Sequence[str]]:
    """A row a measure: its name with the way that is better, and each recipe's; leaders in bold.

    Values are means ± half the range of the seeds; a dash stands for a measure without meaning.
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
            *(cell(measure, key) for key in recipes),
        ]
        for measure in MEASURES
    ]


def _spread(study: Study, recipe: Recipe, places: Sequence[Sequence[str]]) -> Spread:
    each = [study.over_each_seed(recipe, *place) for place in places]
    values = [sum(of_seed) / len(of_seed) for of_seed in zip(*each, strict=True)]
    return Spread(sum(values) / len(values), min(values), max(values))


def _has(recipe: Recipe, needs: str) -> bool:
    return {
        "nothing": True,
        "class codes": recipe.class_dim > 0,
        "an encoder": recipe.encoder != "none",
    }[needs]
