"""What the comparison says: who leads, where style is kept, and which prior is best."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glo_core.priors import PRIORS
from glo_core.recipe import Recipe
from reports.comparison import STYLE, Compared, leaders
from reports.methods import TARGET
from reports.results import Results
from reports.show.words import about, number, percent

# The measures that TARGET bounds, and how the comparison calls them.
BOUNDED = {"reconstruction_l1": "L1 error", "conversion": "conversion", "leakage_mlp": "MLP probe"}
SAMPLES_HEADER = ("method", *PRIORS, "density", "coverage", "legible", "near-copies")


# --- all measures ---------------------------------------------------------------------------------


def in_numbers(compared: Compared, names: Mapping[str, str]) -> dict[str, Any]:
    """What our recipe reaches, with and without swap, and in which measures each method leads.

    `names` are the methods' names by their keys.
    """
    ahead = leaders(compared)
    reached = _bounded(compared, "ours")
    return {
        "reached": reached,
        "without_swap": _bounded(compared, "no-swap"),
        "target_reached": meets_target(reached),
        "wins": {
            name: [measure for measure, keys in ahead.items() if key in keys]
            for key, name in names.items()
        },
    }


def meets_target(reached: Mapping[str, float]) -> bool:
    """Whether measures, by the names of TARGET, meet all of its bounds."""
    return (
        reached["reconstruction_l1"] <= TARGET["reconstruction_l1"]
        and reached["conversion"] >= TARGET["conversion"]
        and reached["leakage_mlp"] <= TARGET["leakage_mlp"]
    )


def _bounded(compared: Compared, key: str) -> dict[str, float]:
    return {name: compared[measure][key].mean for name, measure in BOUNDED.items()}


# --- style ----------------------------------------------------------------------------------------


class StyleOf(NamedTuple):
    """How much style a method's conversions keep, how many succeed, and how much its codes leak."""

    name: str
    kept: float
    conversion: float
    leakage: float


def styles(results: Results, recipes: Mapping[str, Recipe]) -> dict[str, NDArray[np.float64]]:
    """Of each method with class codes, for every feature: (5, 4) as in `style.Kept`."""
    return {
        key: np.array([results[recipe, path].mean for path in STYLE])
        for key, recipe in recipes.items()
        if recipe.class_dim
    }


def style_rows(
    styles: Mapping[str, NDArray[np.float64]], names: Mapping[str, str]
) -> list[list[str]]:
    """A table's row for each method: its name, then the correlation of every feature."""
    return [
        [names[key], *(about(".2f", *of_feature[:3]) for of_feature in of_method)]
        for key, of_method in styles.items()
    ]


def style_numbers(
    compared: Compared, styles: Mapping[str, NDArray[np.float64]], names: Mapping[str, str]
) -> dict[str, Any]:
    """What is recorded of style: what chance gives, what is kept, and what the source explains."""
    kept = compared["style kept"]
    return {
        "style_by_chance": max(float(abs(of_method[:, 3]).max()) for of_method in styles.values()),
        "style_kept": {names[key]: kept[key].mean for key in styles},
        "style_explained": float((styles["exercise"][:, 0] ** 2).mean()),
    }


def styles_of(compared: Compared, names: Mapping[str, str]) -> list[StyleOf]:
    """Every method that has class codes."""
    measures = ("style kept", "conversion", "MLP probe")
    return [
        StyleOf(names[key], *(compared[measure][key].mean for measure in measures))
        for key in compared["style kept"]
    ]


def style_and_leakage(
    methods: Sequence[StyleOf], bound: float = TARGET["leakage_mlp"]
) -> dict[str, Any]:
    """Whether all methods whose codes leak more than `bound` keep more style than all others.

    `leak_decides` is so only if there are methods of both kinds.
    """
    tight = [method.kept for method in methods if method.leakage <= bound]
    leaky = [method.kept for method in methods if method.leakage > bound]
    return {
        "methods": sorted(methods, key=lambda method: -method.kept),
        "bound": bound,
        "both_kinds": bool(tight and leaky),
        "leak_decides": bool(tight and leaky) and max(tight) < min(leaky),
        "most_of_tight": max(tight, default=None),
        "least_of_leaky": min(leaky, default=None),
    }


# --- images from scratch --------------------------------------------------------------------------


def samples_row(name: str, samples: Mapping[str, Any], has_classes: bool) -> list[str]:
    """A method's row with the columns of SAMPLES_HEADER, from its measures with each prior."""
    mixture = samples["mixture"]
    return [
        name,
        *(number(samples[prior]["frechet"], ".1f") for prior in PRIORS),
        number(mixture["density"], ".2f"),
        number(mixture["coverage"], ".2f"),
        percent(mixture["legible"][0]) if has_classes else "–",
        percent(mixture["memorised"]),
    ]


def best_prior(samples: Mapping[str, Any]) -> str:
    """The prior with the least Fréchet distance."""
    return min(PRIORS, key=lambda prior: samples[prior]["frechet"])
