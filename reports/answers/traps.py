"""What each mistake costs: its measures, and which of them clearly differ from those without it."""

from collections.abc import Mapping, Sequence
from math import comb
from statistics import fmean
from typing import Any

import numpy as np

from reports.comparison import STYLE, style_kept
from reports.methods import METHODS
from reports.show.words import about, number, percent
from reports.study import Study
from reports.traps import HANDED_IN, TRAPS

NAMES: dict[str, str] = {"": "none", **{trap.key: trap.name for trap in TRAPS}}
MEASURES = {
    "L1 error": "reconstruction_l1",
    "conversion": "conversion",
    "linear probe": "leakage_linear",
    "MLP probe": "leakage_mlp",
}
FROM_SCRATCH = "scratch legible"
# What is measured with the first seed alone.
STYLE_KEPT, STRONGEST = "style kept", "strongest probe"

# By the mistake's name, then by the measure's: the value with each seed.
Costs = Mapping[str, Mapping[str, Sequence[float]]]
# The same for what is measured with the first seed alone.
Further = Mapping[str, Mapping[str, float]]


def costs_of(study: Study) -> Costs:
    """The measures of every mistake, first of "none". Images from scratch use the model's prior."""
    found = {}
    for key, recipe in study.parameters.traps().items():
        paths = MEASURES | {FROM_SCRATCH: f"scratch_{study.models[recipe].prior}"}
        found[NAMES[key]] = {
            measure: study.results[recipe, path].of_each_seed for measure, path in paths.items()
        }
    return found


def further_of(study: Study) -> Further:
    """How much style conversions keep, and what the strongest probe finds in unseen codes."""
    found = {}
    for key, recipe in study.parameters.traps().items():
        sums = np.concatenate([study.first(recipe, path).raw for path in STYLE], -1)
        strongest = study.first(recipe, "unseen_strongest").value
        found[NAMES[key]] = {STYLE_KEPT: float(style_kept(sums)[0]), STRONGEST: strongest}
    return found


def rows(costs: Costs, further: Further) -> list[list[str]]:
    """A table's row for each mistake: its name, the measures over seeds, and the further ones."""
    return [
        [
            mistake,
            *(written(measure, values) for measure, values in measures.items()),
            number(further[mistake][STYLE_KEPT], ".2f"),
            percent(further[mistake][STRONGEST]),
        ]
        for mistake, measures in costs.items()
    ]


def facts(costs: Costs) -> dict[str, Any]:
    """What is recorded, and what the text states of it."""
    seeds = len(costs["none"]["L1 error"])
    return {
        "costs": {
            mistake: {
                measure: {"mean": fmean(values), "each_seed": values}
                for measure, values in measures.items()
            }
            for mistake, measures in costs.items()
        },
        "apart_by_luck": luck(seeds),
        "clear_effects": {
            mistake: clear_effects(measures, costs["none"])
            for mistake, measures in costs.items()
            if mistake != "none"
        },
    }


def handed_in() -> dict[str, Any]:
    """What the text states of the mistakes that published solutions make at once."""
    return {
        "together": [NAMES[key] for key in HANDED_IN],
        "handed_in": next(method.name for method in METHODS if method.key == "handed-in"),
    }


def clear_effects(
    with_mistake: Mapping[str, Sequence[float]], without: Mapping[str, Sequence[float]]
) -> list[str]:
    """The measures that clearly differ, each with its means without and with the mistake."""
    return [
        f"{measure} {written(measure, [fmean(without[measure])])} → "
        f"{written(measure, [fmean(values)])}"
        for measure, values in with_mistake.items()
        if clear(measure, values, without[measure])
    ]


def clear(measure: str, with_mistake: Sequence[float], without: Sequence[float]) -> bool:
    """Whether all seeds' values lie on one side of all those without the mistake, as written."""
    if written(measure, with_mistake) == written(measure, without):
        return False
    return min(with_mistake) > max(without) or max(with_mistake) < min(without)


def luck(seeds: int) -> float:
    """How often two samples of so many seeds lie apart if the mistake changes nothing."""
    return 2 / comb(2 * seeds, seeds)


def written(measure: str, values: Sequence[float]) -> str:
    """The mean of a measure's values, with half their range where there are several."""
    form = ".4f" if measure == "L1 error" else ".1%"
    return about(form, fmean(values), min(values), max(values))
