"""Which model is best: a score, the ranking by it, and the old report's choice in that ranking."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from glo_core.recipe import LossName, Recipe
from reports.comparison import STYLE, style_kept
from reports.methods import METHODS, OLD_LOSS, OLD_SIGMA
from reports.results import Result, Results
from reports.schema import Finding
from reports.show.names import LOSS_NAMES, sigma_name
from reports.show.words import about, number, percent
from reports.study import Study

# Scores closer than this count as equal.
TIE = 0.01
# How many of the best models the table lists.
LISTED = 5
HEADER = (
    "rank",
    "model",
    "conversion",
    "fidelity",
    "style",
    "separation",
    "L1 error",
    "strongest probe",
    "score",
)
METHODS_HEADER = ("method", "conversion", "fidelity", "style", "separation", "score")

# Asks for a measure of one recipe by its name.
Ask = Callable[[str], Result]


class Parts(NamedTuple):
    """What a model must do at once; each is at most 1, perfect, and useless at 0 or below."""

    conversion: float
    fidelity: float
    style: float
    separation: float

    @property
    def score(self) -> float:
        """One number to rank models by: the harmonic mean of the parts.

        It is low as soon as one part is, and taken as 0 where one is 0 or below.
        """
        return 0.0 if min(self) <= 0 else len(self) / sum(1 / part for part in self)


def parts_of(ask: Ask) -> list[Parts]:
    """The parts with each seed. Style is kept over its ceiling, cut to [0, 1]."""
    sums = np.concatenate([ask(path).raw for path in STYLE], -1)
    style = style_kept(sums).clip(0, 1).tolist()
    others = {name: ask(name).of_each_seed for name in ("conversion", "fidelity", "separation")}
    of_seeds = {**others, "style": style}
    seeds = zip(*(of_seeds[name] for name in Parts._fields), strict=True)
    return [Parts(*parts) for parts in seeds]


# --- the sweep ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scored:
    """A model of the sweep, of the first seed, with its measures."""

    loss: LossName
    sigma: float
    parts: Parts
    reconstruction_l1: float
    unseen_strongest: float

    @property
    def name(self) -> str:
        """How the report calls it."""
        return f"{LOSS_NAMES[self.loss]} with σ = {sigma_name(self.sigma)}"

    @property
    def score(self) -> float:
        """That of its parts."""
        return self.parts.score


@dataclass(frozen=True)
class Ranking:
    """Models, the one with the best score first."""

    models: Sequence[Scored]

    @classmethod
    def of(cls, models: Iterable[Scored]) -> "Ranking":
        """Models in any order, at least one; those of equal score stay in it."""
        return cls(sorted(models, key=lambda model: -model.score))

    @cached_property
    def tied(self) -> list[Scored]:
        """The models whose score counts as equal to the best."""
        return [each for each in self.models if each.score >= self.models[0].score - TIE]

    @cached_property
    def best(self) -> Scored:
        """Our choice: of the tied models the one whose conversions succeed most often."""
        return max(self.tied, key=lambda model: model.parts.conversion)

    @cached_property
    def old(self) -> Scored | None:
        """The old report's choice, if the sweep has it."""
        old = (OLD_LOSS, OLD_SIGMA)
        return next((each for each in self.models if (each.loss, each.sigma) == old), None)

    @cached_property
    def listed(self) -> dict[Scored, dict[str, Any]]:
        """The numbers of the best models, our choice and the old one, by rank."""
        shown = {*self.models[:LISTED], self.best, self.old}
        return {
            model: {
                "rank": rank,
                **model.parts._asdict(),
                "reconstruction_l1": model.reconstruction_l1,
                "unseen_strongest": model.unseen_strongest,
                "score": model.score,
            }
            for rank, model in enumerate(self.models, 1)
            if model in shown
        }

    def rows(self) -> list[list[str]]:
        """The table of the listed models, with the columns of HEADER."""
        return [
            [
                f"{numbers['rank']}",
                f"{model.name}{self._note(model)}",
                *_cells(model.parts),
                number(model.reconstruction_l1, ".4f"),
                percent(model.unseen_strongest),
                number(model.score),
            ]
            for model, numbers in self.listed.items()
        ]

    def facts(self) -> dict[str, Any]:
        """What is recorded, and what the text states of it."""
        return {
            "tie": TIE,
            "combinations": len(self.models),
            "tied": [model.name for model in self.tied],
            "best": self._described(self.best),
            "exercise": self._described(self.old) if self.old else None,
            "table": {model.name: numbers for model, numbers in self.listed.items()},
            "scores": {model.name: model.score for model in self.models},
        }

    def _described(self, model: Scored) -> dict[str, Any]:
        return {"loss": model.loss, "sigma": model.sigma, **self.listed[model]}

    def _note(self, model: Scored) -> str:
        ours = " (our choice)" if model == self.best else ""
        return ours + (" (the old report's choice)" if model == self.old else "")


def scored(study: Study, loss: LossName, sigma: float) -> Scored:
    """A model of the sweep, of the first seed, with its measures."""
    ask = partial(study.first, study.swept(loss, sigma))
    (parts,) = parts_of(ask)
    further = (ask(name).value for name in ("reconstruction_l1", "unseen_strongest"))
    return Scored(loss, sigma, parts, *further)


# --- the methods ----------------------------------------------------------------------------------


def of_methods(study: Study) -> dict[str, list[Parts]]:
    """The parts of each method with class codes, with every seed, by its name."""
    recipes, names = study.parameters.methods(), {each.key: each.name for each in METHODS}
    return {
        names[key]: parts_of(_asking(study.results, recipe))
        for key, recipe in recipes.items()
        if recipe.class_dim
    }


def _asking(results: Results, recipe: Recipe) -> Ask:
    return lambda name: results[recipe, name]


def method_rows(methods: Mapping[str, Sequence[Parts]]) -> list[list[str]]:
    """The table with METHODS_HEADER: means over seeds, and the score with half its range."""
    rows = []
    for name, of_seeds in methods.items():
        scores = [parts.score for parts in of_seeds]
        spread = about(".3f", fmean(scores), min(scores), max(scores))
        rows.append([name, *_cells(mean_of(of_seeds)), spread])
    return rows


def mean_of(of_seeds: Sequence[Parts]) -> Parts:
    """The means over seeds."""
    return Parts(*map(fmean, zip(*of_seeds, strict=True)))


def method_facts(methods: Mapping[str, Sequence[Parts]]) -> dict[str, Any]:
    """What is recorded of the methods, and what the text states: the best score first."""
    scores = {name: [parts.score for parts in of_seeds] for name, of_seeds in methods.items()}
    means = {name: fmean(of_seeds) for name, of_seeds in scores.items()}
    return {
        "method_parts": {name: mean_of(of)._asdict() for name, of in methods.items()},
        "method_scores_with_each_seed": scores,
        "method_scores": dict(sorted(means.items(), key=lambda item: -item[1])),
    }


def _cells(parts: Parts) -> list[str]:
    return [percent(parts.conversion), *(number(part, ".2f") for part in parts[1:])]


# --- the claims -----------------------------------------------------------------------------------


def claim_rows(claims: Mapping[int, Finding]) -> list[list[str]]:
    """A row for each verdict: the claim's number and words, the method, the verdict, the evidence.

    Number and words stand in a claim's first row alone.
    """
    return [
        [
            *([str(claim.id), f"{claim.claim} (@{claim.figure})"] if place == 0 else ["", ""]),
            name,
            verdict.words,
            verdict.evidence,
        ]
        for _, claim in sorted(claims.items())
        for place, (name, verdict) in enumerate(claim.verdicts.items())
    ]


def verdicts(claims: Mapping[int, Finding]) -> dict[str, dict[str, list[int]]]:
    """By the method's name and then the verdict's words, the numbers of the claims."""
    found: dict[str, dict[str, list[int]]] = {}
    for _, claim in sorted(claims.items()):
        for name, verdict in claim.verdicts.items():
            found.setdefault(name, {}).setdefault(verdict.words, []).append(claim.id)
    return found


def differing(claims: Mapping[int, Finding]) -> list[int]:
    """The numbers of the claims that hold for one method and do not hold for another."""
    holds = {k: {each.holds for each in claim.verdicts.values()} for k, claim in claims.items()}
    return [k for k, found in sorted(holds.items()) if {True, False} <= found]
