"""How much of the style conversions keep, and what that costs in leakage."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glo_core.data import Digits
from glo_core.measures.concordance import concordance
from glo_core.measures.significance import holm, p_value
from glo_core.measures.style import FEATURES
from glo_core.measures.style_kept import Convert
from glo_core.recipe import Recipe
from reports.answers.leaks import Leaks
from reports.comparison import LEVEL, MEASURES, Spread, spread, values
from reports.methods import TARGET
from reports.results import Results
from reports.show.words import about, number, percent

KEPT = next(measure for measure in MEASURES if measure.name == "style kept")
# The methods without a network, by their names in `baselines.BASELINES`.
BASELINE_NAMES = {"nearest": "nearest image", "transport": "Gaussian transport"}
# What TARGET bounds, in words.
BOUNDS = {
    "held_out_l1": "the error on unseen images",
    "conversion": "conversions",
    "unseen_strongest": "leakage",
    "style": "style",
}
# The data that the recipe was searched with: its numbers may flatter it there.
SEARCHED = "mnist-5k"

STYLE_HEADER = (
    "method",
    "conversion",
    "correlation",
    "concordance",
    "ceiling",
    "style kept",
    "concordance, unseen",
)
BETA_HEADER = ("β", "L1 error", "unseen L1", "conversion", "style kept", "strongest probe")


# --- pictures -------------------------------------------------------------------------------------


def same_image(digits: Digits, source: Tensor, converters: Iterable[Convert]) -> Tensor:
    """One image, given as (1,) int64 index, converted to every class by each of R converters.

    Returns:
        (R + 2, C, 28, 28): the image itself in the column of its class, the conversions, and a row
        without images. A conversion to its own class is a reconstruction.
    """
    classes = torch.arange(len(digits.class_names))
    blank = torch.zeros(len(classes), 28, 28)
    real = blank.clone()
    real[digits.labels[source]] = digits.images[source]
    converted = [convert(source.expand(len(classes)), classes) for convert in converters]
    return torch.stack([real, *converted, blank])


# --- how much of the style is kept ----------------------------------------------------------------


class Style(NamedTuple):
    """How much of the style the conversions of one method keep.

    All but `sums` are means over seeds, or None where they were not measured.

    Fields:
        name: The method's.
        conversion: The proportion of conversions that succeed.
        correlation: Of style in source and conversion, the mean over features.
        concordance: The same by Lin's concordance.
        ceiling: The concordance of plain reconstructions.
        kept: The concordance in proportion to the ceiling.
        unseen: The concordance for unseen images.
        sums: (S, M, F, 12) of M images, as in `comparison.style_kept`.
    """

    name: str
    conversion: float
    correlation: float | None
    concordance: float
    ceiling: float
    kept: Spread
    unseen: float | None
    sums: NDArray[np.float64]


def of_method(name: str, results: Results, recipe: Recipe) -> Style:
    """That of a method with class codes. Raises KeyError for one that was not measured so."""
    features = [results[recipe, f"style/{feature}"].value for feature in FEATURES]
    return Style(
        name,
        results[recipe, "conversion"].value,
        fmean(features),
        results[recipe, "style_concordance"].value,
        results[recipe, "style_ceiling"].value,
        spread(results, recipe, KEPT),
        results[recipe, "held_out_style_concordance"].value,
        values(results, recipe, KEPT),
    )


def of_baseline(name: str, measured: Mapping[str, Any]) -> Style:
    """That of a method without a network, from what `baselines.measure_baseline` returns.

    It has no seeds, and reconstructs without an error, so that its ceiling is 1.
    """
    kept = np.array(measured["style_concordance"]["sums"])[None]
    perfect = kept[..., [0, 1, 1, 3, 3, 3]]  # the same sums where y is x
    sums = np.concatenate([kept, perfect], -1)
    (proportion,) = KEPT.statistic(sums).tolist()
    return Style(
        name,
        fmean(measured["conversion"]["rates"]),
        None,
        concordance(kept).item(),
        concordance(perfect).item(),
        Spread(proportion, proportion, proportion),
        None,
        sums,
    )


def style_rows(styles: Iterable[Style]) -> list[list[str]]:
    """A table's row for each method, with the columns of STYLE_HEADER."""
    return [
        [
            each.name,
            percent(each.conversion),
            "–" if each.correlation is None else number(each.correlation, ".2f"),
            number(each.concordance, ".2f"),
            number(each.ceiling, ".2f"),
            about(".2f", *each.kept),
            "–" if each.unseen is None else number(each.unseen, ".2f"),
        ]
        for each in styles
    ]


def recorded(styles: Iterable[Style]) -> dict[str, dict[str, Any]]:
    """What is recorded of each method, by its name."""
    return {
        each.name: {
            name: value._asdict() if isinstance(value, Spread) else value
            for name, value in each._asdict().items()
            if name not in ("name", "sums")
        }
        for each in styles
    }


def against_baselines(methods: Mapping[str, Style], baselines: Sequence[Style]) -> dict[str, Any]:
    """Which methods keep more, or less, of the style than the best one without a network.

    A difference counts if a paired bootstrap over images and seeds finds it at LEVEL, with Holm's
    correction for the number of methods; other methods are in `equal`. `blind` is the method whose
    correlation promises most beyond its concordance.
    """
    best = max(baselines, key=lambda each: each.kept.mean)
    found = holm([p_value(KEPT.statistic, each.sums, best.sums) for each in methods.values()])
    groups: dict[str, list[str]] = {"less": [], "equal": [], "more": []}
    for each, p in zip(methods.values(), found, strict=True):
        decided = "less" if each.kept.mean < best.kept.mean else "more"
        groups[decided if p <= LEVEL else "equal"].append(each.name)
    return {
        **groups,
        "best": best,
        "ours": methods["ours"],
        "exercise": methods["exercise"],
        "blind": max(methods.values(), key=_promises),
        "level": LEVEL,
    }


def _promises(style: Style) -> float:
    return (style.correlation or 0) - style.concordance


# --- style against leakage ------------------------------------------------------------------------


def place(results: Results, recipe: Recipe) -> tuple[float, float]:
    """A model by what the strongest probe finds in unseen codes, and how much style it keeps."""
    return results[recipe, "unseen_strongest"].value, spread(results, recipe, KEPT).mean


def corner(styles: Mapping[str, Style], leaks: Mapping[str, Leaks]) -> dict[str, Any]:
    """Which methods meet both bounds, and which are nowhere worse than our recipe."""
    places = {key: (leaks[key].unseen.value, style.kept.mean) for key, style in styles.items()}
    (most, least), (leaked, kept) = (TARGET["unseen_strongest"], TARGET["style"]), places["ours"]
    others = {key: each for key, each in places.items() if key != "ours"}
    return {
        "within": [styles[key].name for key, (x, y) in places.items() if x <= most and y >= least],
        "as_good": [
            styles[key].name for key, (x, y) in others.items() if x <= leaked and y >= kept
        ],
    }


def beta_rows(
    results: Results, recipes: Mapping[float, Recipe]
) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """The conditional VAE by the weight β: rows with the columns of BETA_HEADER, and numbers."""
    numbers = {
        f"{beta:g}": reached(results, recipe)
        | {"reconstruction_l1": results[recipe, "reconstruction_l1"].value}
        for beta, recipe in recipes.items()
    }
    rows = [
        [
            beta,
            number(of["reconstruction_l1"], ".4f"),
            number(of["held_out_l1"], ".4f"),
            percent(of["conversion"]),
            number(of["style"], ".2f"),
            percent(of["unseen_strongest"]),
        ]
        for beta, of in numbers.items()
    ]
    return rows, numbers


# --- the answer -----------------------------------------------------------------------------------


def reached(results: Results, recipe: Recipe) -> dict[str, float]:
    """The measures that TARGET bounds, by its names."""
    leaked, kept = place(results, recipe)
    return {
        "held_out_l1": results[recipe, "held_out_l1"].value,
        "conversion": results[recipe, "conversion"].value,
        "unseen_strongest": leaked,
        "style": kept,
    }


def missed(found: Mapping[str, float]) -> list[str]:
    """The bounds of TARGET, in words, that measures of its names do not meet."""
    at_least = ("conversion", "style")
    return [
        words
        for name, words in BOUNDS.items()
        if (found[name] < TARGET[name] if name in at_least else found[name] > TARGET[name])
    ]
