"""The models that the lab can show: those of the report, and every other run of the same images."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

from glo_core.measures.evaluation import MEASURES
from glo_core.model import Glo
from glo_core.recipe import LossName, Recipe
from glo_core.runs.store import classifier_key, run_key
from glo_core.runs.sweep import work
from glo_core.runs.trainers import train
from reports.measuring import measure_file
from reports.plan import step_seconds
from reports.results import Results
from reports.show.names import LOSS_NAMES, sigma_name
from reports.study import JUDGE_SEED, Study

# Models that are kept in memory.
KEPT = 64
# Methods whose models the report has for every seed, and over which number each one has a slider.
VARIED = {"exercise": "σ", "handed-in": "σ", "cvae": "β"}
# What is told of a model that was measured: the measure's name in `Results`, and how it is written.
FACTS = {
    "reconstruction, L1": ("reconstruction_l1", ".4f"),
    "conversions classified as their target": ("conversion", ".1%"),
    "leakage, linear probe": ("leakage_linear", ".1%"),
    "leakage, MLP": ("leakage_mlp", ".1%"),
    "leakage of unseen images, strongest probe": ("unseen_strongest", ".1%"),
    "style that conversions keep": ("style_concordance", ".2f"),
    "images from scratch classified as their class": ("scratch_gaussian", ".1%"),
}


class Level(NamedTuple):
    """A model that can be chosen: its recipe, and the number in which it differs from others."""

    recipe: Recipe
    number: float


class Models:
    """A study's models, opened when they are first asked for."""

    def __init__(self, study: Study):
        self.study = study
        self.opened = lru_cache(KEPT)(self._open)

    def levels(self, method: str, loss: LossName, seed: int) -> list[Level]:
        """The models of a method, by the number that the report varies, rising.

        The exercise has one for every loss and σ; `loss` means nothing to the others.
        """
        chosen = self.study.parameters
        if method == "exercise":
            varied = {sigma: self.study.swept(loss, sigma) for sigma in self.study.sigmas}
        else:
            recipe = chosen.methods()[method]
            varied = chosen.curves().get(method, {recipe.sigma: recipe})
        return [
            Level(recipe.model_copy(update={"seed": seed}), number)
            for number, recipe in varied.items()
        ]

    def runs(self) -> dict[str, Level]:
        """Every run in the store that was trained on the study's images, by what a table tells."""
        found = self.study.store.recipes(self.study.digits)
        return {described(recipe): Level(recipe, recipe.sigma) for recipe in found}

    def has(self, recipe: Recipe) -> bool:
        """Whether the store has a model."""
        return self.study.has(recipe)

    def _open(self, recipe: Recipe) -> Glo:
        """A model from the store. Raises KeyError for one that it has not."""
        glo = self.study.store.load(recipe, self.study.digits)
        if glo is None:
            raise KeyError(
                f"{run_key(recipe, self.study.digits)} is not in {self.study.store.root}"
            )
        return glo

    def train(self, recipe: Recipe) -> None:
        """Trains a model and keeps it, unless another process has done so meanwhile."""
        store, digits = self.study.store, self.study.digits
        with store.locked(self.study.keys(recipe)):
            if not self.has(recipe):
                (glo,) = train([recipe], digits, device=self.study.parameters.device)
                store.save(glo, digits)

    def facts(self, recipe: Recipe) -> dict[str, str]:
        """What the store's measures tell of a model; nothing is measured."""
        store, key = self.study.store, run_key(recipe, self.study.digits)
        measured: dict[str, Any] = {}
        for name in MEASURES:
            measured |= store.recall(key, self.measure_file(name)) or {}
        results = Results({recipe: measured})
        told = {
            words: f"{results[recipe, path].value:{form}}"
            for words, (path, form) in FACTS.items()
            if results.has(recipe, path)
        }
        return told or {"measures": "none in the store"}

    def measure_file(self, name: str) -> str:
        """Under which name the store keeps a measure of the study's models."""
        judge = classifier_key(self.study.splits.judge, JUDGE_SEED)
        return measure_file(name, judge, self.study.unseen.fingerprint)

    def curve(self, recipe: Recipe) -> list[float] | None:
        """A model's training losses by epoch; None without the model."""
        return self.opened(recipe).history.losses.tolist() if self.has(recipe) else None

    def seconds(self, recipe: Recipe) -> float:
        """About how long a model takes to train, told from some steps that are made now."""
        return work(recipe, self.study.digits) * step_seconds(self.study)


def described(recipe: Recipe) -> str:
    """A recipe in one line: its kind, loss, noise level and seed, then what else it changes."""
    told = recipe.changed()
    for name in ("loss", "sigma", "seed"):
        told.pop(name, None)
    line = f"{recipe.method} · {LOSS_NAMES[recipe.loss]} · σ = {sigma_name(recipe.sigma)}"
    more = ", ".join(f"{name} {value}" for name, value in told.items())
    return f"{line} · seed {recipe.seed}" + (f" · {more}" if more else "")


def duration(seconds: float) -> str:
    """A time in words that are no more exact than the time is."""
    if seconds < 60:
        return f"about {max(1, math.ceil(seconds))} s"
    return f"about {math.ceil(seconds / 60)} min"
