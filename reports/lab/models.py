"""The models that the lab can show: those of the report, and every other run of the same images."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from glo_core.data import Digits
from glo_core.measures.evaluation import MEASURES
from glo_core.model import Glo
from glo_core.recipe import LossName, Recipe
from glo_core.runs.store import run_key
from reports.measuring import measure_file
from reports.results import Results
from reports.show.names import LOSS_NAMES, sigma_name
from reports.study import Study

# Methods of which the report has several models, and the number in which these differ.
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
    """A model that can be chosen.

    Fields:
        key: Its name in the store.
        recipe, digits: What it is trained with.
        number: The number in which it differs from the other levels.
    """

    key: str
    recipe: Recipe
    digits: Digits
    number: float


class Models:
    """A study's models, opened when they are first asked for."""

    def __init__(self, study: Study):
        self.study = study
        self._opened: dict[str, Glo] = {}

    def levels(self, method: str, loss: LossName, seed: int) -> list[Level]:
        """The models of a method, by the number that the report varies, rising.

        The exercise has one for every loss and σ; `loss` means nothing to the others.
        """
        chosen = self.study.parameters
        if method == "exercise":
            varied = {sigma: self.study.swept(loss, sigma) for sigma in sorted(chosen.sigmas)}
        else:
            recipe = chosen.methods()[method]
            varied = chosen.curves().get(method, {recipe.sigma: recipe})
        return [
            self._level(recipe.model_copy(update={"seed": seed}), self.study.digits, number)
            for number, recipe in varied.items()
        ]

    @staticmethod
    def _level(recipe: Recipe, digits: Digits, number: float) -> Level:
        return Level(run_key(recipe, digits), recipe, digits, number)

    def runs(self) -> dict[str, Level]:
        """Every run in the store on the study's images, or the first of them, by what it is."""
        digits, found = self.study.digits, {}
        for recipe, images in self.study.store.recipes(digits):
            some = digits if images == len(digits) else digits.subset(range(images))
            found[described(recipe, images)] = self._level(recipe, some, recipe.sigma)
        return found

    def has(self, level: Level) -> bool:
        """Whether the store has a model."""
        return (self.study.store.root / level.key).exists()

    def opened(self, level: Level) -> Glo:
        """A model from the store. Raises LookupError for one that is missing or damaged."""
        if level.key not in self._opened:
            glo = self.study.store.load(level.recipe, level.digits)
            if glo is None:
                raise LookupError(f"{level.key} is missing in {self.study.store.root}, or damaged")
            self._opened[level.key] = glo
        return self._opened[level.key]

    def curve(self, level: Level) -> list[float | None] | None:
        """A model's training losses by epoch, None where not finite; None without the model."""
        if not self.has(level):
            return None
        try:
            losses = self.opened(level).history.losses.tolist()
        except LookupError:
            return None
        return finite(losses)

    def facts(self, level: Level) -> dict[str, str]:
        """What the store's measures tell of a model; nothing is measured."""
        if step := self._diverged(level):
            return {"measures": f"none: it has diverged at step {step:,}, and generates one grey"}
        measured: dict[str, Any] = {}
        for name in MEASURES:
            measured |= self.study.store.recall(level.key, self.measure_file(name)) or {}
        results = Results({level.recipe: measured})
        told = {
            words: f"{results[level.recipe, path].value:{form}}"
            for words, (path, form) in FACTS.items()
            if results.has(level.recipe, path)
        }
        return told or {"measures": "none in the store"}

    def _diverged(self, level: Level) -> int | None:
        """The step at which a model has diverged; None where it has not, or is not there."""
        try:
            return self.opened(level).history.diverged if self.has(level) else None
        except LookupError:
            return None

    def measure_file(self, name: str) -> str:
        """Under which name the store keeps a measure of the study's models."""
        return measure_file(name, self.study.judge_weights, self.study.unseen.fingerprint)


def finite(losses: Sequence[float]) -> list[float | None]:
    """Losses for the browser, in whose messages no other numbers can be: None where not finite."""
    return [loss if math.isfinite(loss) else None for loss in losses]


def described(recipe: Recipe, images: int) -> str:
    """A recipe in one line: kind, loss, noise level, seed and images, then what else it changes."""
    told = recipe.changed()
    for name in ("loss", "sigma", "seed"):
        told.pop(name, None)
    line = f"{recipe.method} · {LOSS_NAMES[recipe.loss]} · σ = {sigma_name(recipe.sigma)}"
    more = "".join(f" · {name} {value}" for name, value in told.items())
    return f"{line} · seed {recipe.seed} · {images:,} images{more}"
