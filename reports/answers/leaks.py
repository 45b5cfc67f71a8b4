"""What content codes tell of the class: the strongest probe on several kinds of codes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from glo_core.measures.intervals import Proportion
from glo_core.measures.leakage import CHEAP, FOLDS, PROBES
from glo_core.measures.leaks import DEAR
from glo_core.recipe import Recipe
from reports.results import Result, Results
from reports.show.names import PROBE_NAMES
from reports.show.words import about, percent

# A probe still learns if twice as many codes raise its accuracy by more than this.
RISE = 0.01

HEADER = ("codes", "training codes", "learned part", "unseen codes", "found by", "fitted longer")


class Leaks(NamedTuple):
    """What the strongest probe finds of the class in a method's content codes.

    Each is a balanced accuracy with its interval; None where there are no such codes. Those of
    training and unseen codes are means over seeds, the others of the first seed. `probe` is the
    name of the probe that finds most in unseen codes of the first seed, and `longer` is what is
    found in codes that were fitted for more steps.
    """

    name: str
    training: Proportion
    learned: Proportion | None
    unseen: Proportion
    probe: str
    longer: Proportion
    other_kind: Proportion | None


def of_method(name: str, results: Results, recipe: Recipe) -> Leaks:
    """Those of a method. Raises KeyError for one that was not measured so."""
    paths = [f"leakage_{probe}" for probe in CHEAP] + [f"codes_leakage/{probe}" for probe in DEAR]
    training = max((results[recipe, path].proportion for path in paths), key=lambda p: p.value)
    return Leaks(
        name,
        training,
        _found(results, recipe, "learned_strongest"),
        results[recipe, "unseen_strongest"].proportion,
        PROBE_NAMES[results.all(recipe)["strongest"]],
        results[recipe, "longer_fit/strongest"].proportion,
        _found(results, recipe, "other_kind/strongest"),
    )


def table(leaks: Iterable[Leaks]) -> tuple[list[str], list[list[str]]]:
    """A header and a row for each method; digits of another kind have a column if there are any."""
    leaks = list(leaks)
    header, kinds = [*HEADER], any(each.other_kind for each in leaks)
    rows = [
        [
            each.name,
            percent(each.training.value),
            percent(each.learned.value) if each.learned else "–",
            about(".1%", *each.unseen),
            each.probe,
            percent(each.longer.value),
            *([percent(each.other_kind.value) if each.other_kind else "–"] if kinds else []),
        ]
        for each in leaks
    ]
    return header + ["other digits"] * kinds, rows


def style_row(found: Mapping[str, Any], columns: int) -> list[str]:
    """The row of codes that hold nothing but style, from what probes find in it."""
    of_probes = {name: Result(np.array([found[name]["folds"]]), "folds") for name in PROBES}
    probe = max(PROBES, key=lambda name: of_probes[name].value)
    row = ["style alone", "–", "–", about(".1%", *of_probes[probe].proportion), PROBE_NAMES[probe]]
    return row + ["–"] * (columns - len(row))


def facts(leaks: Mapping[str, Leaks], floor: float) -> dict[str, Any]:
    """Where training codes tell less of the class than unseen ones, and where less than chance.

    `lower` are methods in whose training codes the strongest probe finds less than its whole
    interval on unseen codes; `unmasked` are those in whose learned part alone its whole interval
    lies above that on training codes; `below_chance` are those in whose training codes its whole
    interval lies below chance.
    """
    every = leaks.values()
    return {
        "floor": floor,
        "methods": len(every),
        "ours": leaks["ours"],
        "exercise": leaks["exercise"],
        "lower": [each.name for each in every if each.training.value < each.unseen.low],
        "unmasked": [each.name for each in every if _unmasked(each)],
        "below_chance": [each.name for each in every if each.training.high < floor],
    }


def encoded(results: Results, recipes: Mapping[str, Recipe]) -> dict[str, dict[str, Any]]:
    """Of methods with an encoder, by key: what the strongest probe finds in what it predicts."""
    return {
        key: {
            "means": results[recipe, "encoded/means/strongest"].proportion,
            "samples": _found(results, recipe, "encoded/samples/strongest"),
        }
        for key, recipe in recipes.items()
        if results.has(recipe, "encoded/means/strongest")
    }


def curves_of(
    results: Results, recipes: Mapping[str, Recipe]
) -> tuple[list[int], dict[str, list[float]]]:
    """How many unseen codes the SVM probe learned from, and by key its accuracy with each of these.

    Where there are too few for any of these sizes, it is the one of cross-validation.
    """
    measured = {key: results.all(recipe)["curve"] for key, recipe in recipes.items()}
    sizes = sorted({int(size) for curve in measured.values() for size in curve})
    if not sizes:
        unseen = min(results[recipe, "held_out_l1"].raw.shape[1] for recipe in recipes.values())
        crossed = {key: results[each, "unseen_leakage/svm"].value for key, each in recipes.items()}
        return [unseen * (FOLDS - 1) // FOLDS], {key: [value] for key, value in crossed.items()}
    return sizes, {key: [of[str(size)] for size in sizes] for key, of in measured.items()}


def curve_facts(sizes: Sequence[int], curves: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What more codes find: with the fewest and the most, and where accuracy has not settled."""
    rising = [key for key, of in curves.items() if len(of) > 1 and of[-1] - of[-2] > RISE]
    return {
        "fewest": sizes[0],
        "most": sizes[-1],
        "ours": curves["ours"],
        "exercise": curves["exercise"],
        "rising": len(rising),
        "methods": len(curves),
        "rise": RISE,
    }


def _unmasked(leaks: Leaks) -> bool:
    return leaks.learned is not None and leaks.learned.low > leaks.training.high


def _found(results: Results, recipe: Recipe, path: str) -> Proportion | None:
    return results[recipe, path].proportion if results.has(recipe, path) else None
