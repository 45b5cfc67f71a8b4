"""Which model is best: a score, the ranking by it, and the old report's choice in that ranking."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from glo_core.recipe import LossName, Recipe
from reports.methods import OLD_LOSS, OLD_SIGMA
from reports.results import Results
from reports.schema import Finding
from reports.show.names import LOSS_NAMES, sigma_name
from reports.show.words import number, percent
from reports.study import Study

# Scores closer than this count as equal.
TIE = 0.01
# What the score is made of, and what else is listed beside it.
PARTS = ("conversion", "fidelity", "separation")
FURTHER = ("reconstruction_l1", "leakage_mlp")
# How many of the best models the table lists.
LISTED = 5
HEADER = ("rank", "model", "conversion", "L1 error", "fidelity", "MLP leakage", "score")


def score(conversion: float, fidelity: float, separation: float) -> float:
    """One number to rank models by: the harmonic mean of conversion, fidelity and separation.

    Each is at most 1, perfect. The harmonic mean is low as soon as one is, and taken as 0 where one
    is 0, useless, or below.
    """
    parts = (conversion, fidelity, separation)
    return 0.0 if min(parts) <= 0 else 3 / sum(1 / part for part in parts)


@dataclass(frozen=True)
class Scored:
    """A model of the sweep with its measures, each the mean over seeds.

    `scores` holds the score with each seed.
    """

    loss: LossName
    sigma: float
    conversion: float
    reconstruction_l1: float
    fidelity: float
    separation: float
    leakage_mlp: float
    scores: tuple[float, ...]

    @property
    def name(self) -> str:
        """How the report calls it."""
        return f"{LOSS_NAMES[self.loss]} with σ = {sigma_name(self.sigma)}"

    @property
    def score(self) -> float:
        """The score of the means."""
        return score(self.conversion, self.fidelity, self.separation)


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
        return max(self.tied, key=lambda model: model.conversion)

    @cached_property
    def old(self) -> Scored | None:
        """The old report's choice, if the sweep has it."""
        old = (OLD_LOSS, OLD_SIGMA)
        return next((each for each in self.models if (each.loss, each.sigma) == old), None)

    @property
    def old_refuted(self) -> bool:
        """Whether the old choice scores worse than ours with every seed of both."""
        return self.old is not None and max(self.old.scores) < min(self.best.scores) - TIE

    @cached_property
    def listed(self) -> dict[Scored, dict[str, Any]]:
        """The numbers of the best models, our choice and the old one, by rank."""
        shown = {*self.models[:LISTED], self.best, self.old}
        return {
            model: {
                "rank": rank,
                "conversion": model.conversion,
                "reconstruction_l1": model.reconstruction_l1,
                "fidelity": model.fidelity,
                "leakage_mlp": model.leakage_mlp,
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
                percent(model.conversion),
                number(model.reconstruction_l1, ".4f"),
                number(model.fidelity, ".2f"),
                percent(model.leakage_mlp),
                number(model.score),
            ]
            for model, numbers in self.listed.items()
        ]

    def facts(self) -> dict[str, Any]:
        """What is recorded, and what the text states of it."""
        return {
            "tie": TIE,
            "combinations": len(self.models),
            "scores_with_each_seed": {
                "chosen": list(self.best.scores),
                "old": list(self.old.scores) if self.old else [],
            },
            "tied": [model.name for model in self.tied],
            "best": self._described(self.best),
            "exercise": self._described(self.old) if self.old else None,
            "old_refuted": self.old_refuted,
            "table": {model.name: numbers for model, numbers in self.listed.items()},
            "scores": {model.name: model.score for model in self.models},
        }

    def _described(self, model: Scored) -> dict[str, Any]:
        return {"loss": model.loss, "sigma": model.sigma, **self.listed[model]}

    def _note(self, model: Scored) -> str:
        ours = " (our choice)" if model == self.best else ""
        return ours + (" (the old report's choice)" if model == self.old else "")


def scored(study: Study, loss: LossName, sigma: float) -> Scored:
    """A model of the sweep with its measures."""
    recipe = study.swept(loss, sigma)
    measures = {name: study.results[recipe, name].value for name in (*PARTS, *FURTHER)}
    of_each_seed = (study.results[recipe, part].of_each_seed for part in PARTS)
    scores = tuple(score(*parts) for parts in zip(*of_each_seed, strict=True))
    return Scored(loss, sigma, scores=scores, **measures)


def score_of(results: Results, recipe: Recipe) -> float:
    """The score of a recipe's measures, each the mean over seeds."""
    return score(*(results[recipe, part].value for part in PARTS))


def verdicts(claims: Mapping[int, Finding]) -> dict[str, list[int]]:
    """The numbers of the claims with each verdict."""
    words = ("holds", "does not hold", "cannot be decided here")
    return {
        verdict: [each for each, claim in sorted(claims.items()) if claim.verdict == verdict]
        for verdict in words
    }
