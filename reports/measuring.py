"""Measures of many models: what the store has is used, what is missing is measured and kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed
from torch import nn
from tqdm.auto import tqdm

from glo_core.data import Digits
from glo_core.measures import codes
from glo_core.measures.evaluation import MEASURES, Scope, measures_of, version
from glo_core.measures.subject import Subject
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.runs.cluster import keep_freed_memory
from glo_core.runs.store import Store, run_key


@dataclass(frozen=True)
class Measuring:
    """What all models of a study are measured with, and where the results are kept.

    `judge_key` is the judge's name in the store, `judge_digits` what it was trained on.
    """

    store: Store
    digits: Digits
    unseen: Digits
    judge: nn.Sequential
    judge_key: str
    judge_digits: Digits

    def subject(self, glo: Glo) -> Subject:
        """A model with all that it is measured with."""
        return Subject(glo, self.digits, self.judge, self.unseen, self.judge_digits)

    def file(self, name: str) -> str:
        """The name under which a measure's result is kept beside a run."""
        return f"{name}-{version(name)}-{self.judge_key[-16:]}-{self.unseen.fingerprint[:12]}"


def measure_all(
    measuring: Measuring, models: Mapping[Recipe, Glo], scopes: Mapping[Recipe, Scope], jobs: int
) -> dict[Recipe, dict[str, Any]]:
    """Every model's measures, by their names.

    Args:
        measuring: What to measure with.
        models: The models.
        scopes: Which measures each recipe gets (see `evaluation.measures_of`).
        jobs: How many processes measure at a time.
    """
    found: dict[Recipe, dict[str, dict[str, Any] | None]] = {
        recipe: {
            name: measuring.store.recall(run_key(recipe, measuring.digits), measuring.file(name))
            for name in measures_of(scopes[recipe])
        }
        for recipe in models
    }
    missing = _distinct(measuring, models, found)
    if missing:
        work = (
            delayed(_measured)(measuring.subject(models[alike[0]]), names)
            for (*_, names), alike in missing.items()
        )
        done = Parallel(jobs, return_as="generator")(work)
        bar = tqdm(done, total=len(missing), desc="measured", unit="model")
        for alike, results in zip(missing.values(), bar, strict=True):
            for recipe in alike:
                for name, result in results.items():
                    key = run_key(recipe, measuring.digits)
                    measuring.store.remember(key, measuring.file(name), result)
                    # Through JSON, so that what was measured now looks like what was kept
                    found[recipe][name] = json.loads(json.dumps(result))
    return {
        recipe: _merged(codes.measure(measuring.subject(models[recipe])), results)
        for recipe, results in found.items()
    }


def _distinct(
    measuring: Measuring,
    models: Mapping[Recipe, Glo],
    found: Mapping[Recipe, Mapping[str, Any]],
) -> dict[tuple[str, str, tuple[str, ...]], list[Recipe]]:
    """The recipes with missing measures, by weights, kind of model, and the measures' names.

    Models with equal weights are measured once: where σ is too small to change a code, the models
    of several noise levels are equal.
    """
    missing: dict[tuple[str, str, tuple[str, ...]], list[Recipe]] = {}
    for recipe, results in found.items():
        if names := tuple(name for name, result in results.items() if result is None):
            weights = measuring.store.weights_hash(run_key(recipe, measuring.digits))
            kind = type(models[recipe]).__name__
            missing.setdefault((weights, kind, names), []).append(recipe)
    return missing


def _measured(subject: Subject, names: tuple[str, ...]) -> dict[str, Any]:
    keep_freed_memory()  # a quarter of a model's time otherwise
    return {name: MEASURES[name].compute(subject) for name in names}


def _merged(first: dict[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for result in results.values():
        merged |= result
    return merged
