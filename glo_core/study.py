"""A study: one set of parameters with its digits, its trained models and their measures.

This is what every notebook opens. It trains and measures what the store lacks, once.
"""

import hashlib
import json
import math
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from glo_core import (
    classifier,
    conversions,
    data,
    intervals,
    measures,
    model,
    priors,
    probes,
    quality,
    reading,
    reconstruction,
    style,
)
from glo_core.cluster import connected, keep_freed_memory
from glo_core.data import DataError, Digits, Splits
from glo_core.intervals import Share, share
from glo_core.model import Glo
from glo_core.parameters import Parameters, read
from glo_core.recipe import LossName, Recipe
from glo_core.store import Store, code_version, run_key
from glo_core.sweep import sweep

# The project's folder: `runs/` and `data/` lie there, and relative paths of parameters start there.
ROOT = Path(__file__).resolve().parents[1]
# Not that of the reader of the swap term, so that the judge starts from other weights.
JUDGE_SEED = 1
# All code that a measure depends on, besides that of the model itself.
MEASURING = (
    classifier,
    conversions,
    intervals,
    measures,
    model,
    priors,
    probes,
    quality,
    reading,
    reconstruction,
    style,
)


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

    @property
    def sigmas(self) -> list[float]:
        """The noise levels, rising."""
        return sorted(self.parameters.sigmas)

    @property
    def losses(self) -> tuple[LossName, ...]:
        """The losses of the sweep."""
        return self.parameters.losses

    @cached_property
    def models(self) -> dict[Recipe, Glo]:
        """Every model of the report: from the store, or trained now."""
        chosen, recipes = self.parameters, self.parameters.recipes()
        torch.set_num_threads(chosen.threads)
        # No workers are started for a study that lacks nothing.
        workers, scheduler = (0, "") if self.stored else (chosen.workers, chosen.scheduler)
        with connected(workers, scheduler) as executor:
            models = sweep(recipes, self.digits, self.store, executor, chosen.device)
        return dict(zip(recipes, models, strict=True))

    @property
    def stored(self) -> bool:
        """Whether every model is in the store, so that opening this study trains nothing."""
        recipes = self.parameters.recipes()
        return all((self.store.root / run_key(recipe, self.digits)).exists() for recipe in recipes)

    def swept(self, loss: LossName | None = None, sigma: float | None = None) -> Recipe:
        """The sweep's recipe of a loss and σ, of the first seed; of the chosen ones by default."""
        chosen = self.parameters
        loss = chosen.chosen_loss if loss is None else loss
        sigma = chosen.chosen_sigma if sigma is None else sigma
        if loss not in self.losses or sigma not in self.sigmas:
            raise KeyError(
                f"no model with loss, sigma = {loss!r}, {sigma!r}: the sweep has {self.losses!r} "
                f"with {self.sigmas!r}"
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

    @cached_property
    def judge(self) -> nn.Sequential:
        """The judge, trained on digits that no model has seen: from the store, or trained now."""
        return self.store.classifier(self.splits.judge, JUDGE_SEED)

    @cached_property
    def judge_accuracy(self) -> Share:
        """How often the judge reads real digits right that neither it nor a model has seen."""
        test = self.splits.test
        return share((reading.read(self.judge, test.images) == test.labels).numpy())

    @cached_property
    def measured(self) -> dict[Recipe, dict[str, Any]]:
        """Every model's measures (see `measures.evaluate`): from the store, or measured now.

        Besides, `noise_to_code`: σ over the spread of the content codes.
        """
        found = self._measured("measures", list(self.models), measures.evaluate)
        return {
            recipe: result | {"noise_to_code": recipe.sigma / result["content_spread"]}
            for recipe, result in found.items()
        }

    @cached_property
    def examined(self) -> dict[Recipe, dict[str, Any]]:
        """The methods' further measures (see `measures.examine`), kept likewise."""
        methods = self.parameters.methods().values()
        recipes = [each for recipe in methods for each in self.parameters.over_seeds(recipe)]
        examine = partial(measures.examine, held_out=self.splits.test)
        return self._measured("examination", recipes, examine, self.splits.test.fingerprint)

    def _measured(
        self, name: str, recipes: list[Recipe], measure: Callable[..., Any], *inputs: str
    ) -> dict[Recipe, dict[str, Any]]:
        content = [code_version(*MEASURING), self.splits.judge.fingerprint, *inputs]
        content += [sklearn.__version__, np.__version__, str(JUDGE_SEED)]
        name = f"{name}-{hashlib.sha256(str(content).encode()).hexdigest()[:12]}"
        found = {
            recipe: self.store.recall(run_key(recipe, self.digits), name) for recipe in recipes
        }
        # Models that draw alike, as where σ is too small to move a code, are measured once.
        missing: dict[tuple[str, bool], list[Recipe]] = {}
        for recipe in (recipe for recipe, result in found.items() if result is None):
            weights = self.store.weights_hash(run_key(recipe, self.digits))
            missing.setdefault((weights, recipe.train_mode), []).append(recipe)
        if missing:
            work = (
                delayed(_on_worker)(measure, self.models[alike[0]], self.digits, self.judge)
                for alike in missing.values()
            )
            done = Parallel(self.parameters.threads, return_as="generator")(work)
            bar = tqdm(done, total=len(missing), desc=name.partition("-")[0], unit="model")
            for alike, result in zip(missing.values(), bar, strict=True):
                for recipe in alike:
                    self.store.remember(run_key(recipe, self.digits), name, result)
                    # Through JSON, so that what was measured now looks like what was kept.
                    found[recipe] = json.loads(json.dumps(result))
        return {recipe: result for recipe, result in found.items() if result is not None}

    def summary(self, recipe: Recipe) -> dict[str, Any]:
        """A recipe's measures, each the mean over seeds, intervals' ends included."""
        found = [self.measured[each] for each in self.parameters.over_seeds(recipe)]
        return {name: mean([each[name] for each in found]) for name in found[0]}

    def examination(self, recipe: Recipe) -> dict[str, Any]:
        """A method's further measures, likewise."""
        found = [self.examined[each] for each in self.parameters.over_seeds(recipe)]
        return {name: mean([each[name] for each in found]) for name in found[0]}

    def over_each_seed(self, recipe: Recipe, *place: str) -> list[float]:
        """One measure with each seed, from its place in nested dicts; of a share, the value."""
        recipes = self.parameters.over_seeds(recipe)
        found: list[Any] = [self.measured[each] | self.examined.get(each, {}) for each in recipes]
        for name in place:
            found = [each[name] for each in found]
        return [float(np.atleast_1d(each)[0]) for each in found]

    def measure(self, name: str, loss: LossName) -> NDArray[np.float64]:
        """One measure of one loss, σ rising: (S,), or (S, 3) for a share with its interval."""
        return np.array([self.summary(self.swept(loss, sigma))[name] for sigma in self.sigmas])

    def shares(self, name: str, loss: LossName) -> list[Share]:
        """A measure that is a share, σ rising."""
        return [Share(*row) for row in self.measure(name, loss).tolist()]

    @property
    def pair(self) -> tuple[int, int]:
        """The source and target class of the exercise's conversion: a 4 becomes a 3."""
        last = len(self.digits.class_names) - 1
        return (4, 3) if last >= 4 else (last, 0)

    def pick(self, label: int, count: int) -> Tensor:
        """Training images of a class picked at random by `pick_seed`: at most `count` indices."""
        of_class = torch.nonzero(self.digits.labels == label)[:, 0].numpy()
        random = np.random.default_rng([self.parameters.pick_seed, label])
        return torch.from_numpy(random.permutation(of_class)[:count])


def _on_worker(measure: Callable[..., Any], *arguments: Any) -> Any:
    keep_freed_memory()  # a quarter of a model's time otherwise
    return measure(*arguments)


def mean(results: list[Any]) -> Any:
    """The mean of results of one form: numbers, or lists or dicts of them."""
    if isinstance(results[0], dict):
        return {name: mean([each[name] for each in results]) for name in results[0]}
    return np.mean(results, 0).tolist()


def open_study(parameter_file: Path | str, overrides: dict[str, Any] | None = None) -> Study:
    """The study of a parameter file, with some parameters replaced.

    Raises ParameterError or DataError for parameters or data that cannot be used.
    """
    parameters = read(parameter_file, overrides)
    folder = ROOT / parameters.data
    is_folder = parameters.data not in data.NAMES and folder.exists()
    name = str(folder) if is_folder else parameters.data
    splits = data.load(name, parameters.n, ROOT / "data")
    check(splits, parameters.n)
    return Study(parameters, splits, Store(ROOT / "runs"))


def check(splits: Splits, n: int) -> None:
    """Raises DataError if the splits hold too few images of a class to train or to measure."""
    names = splits.train.class_names
    if len(names) < 2:
        raise DataError(f"{splits.train.source}: expected at least 2 classes, found {len(names)}")
    # Density and coverage take more than `quality.NEIGHBOURS` held-out images.
    held_out = math.ceil((quality.NEIGHBOURS + 1) / len(names))
    needs = {"train": probes.FOLDS, "judge": 1, "test": held_out}
    for split, least in needs.items():
        digits: Digits = getattr(splits, split)
        counts = digits.labels.bincount(minlength=len(names)).tolist()
        for name, count in zip(names, counts, strict=True):
            if count < least:
                raise DataError(
                    f"n = {n}: the {split} split ({len(digits)} images) holds {count} of class "
                    f"{name!r}, expected at least {least}; choose a "
                    f"{'larger' if split == 'train' else 'smaller'} n, or other data"
                )
