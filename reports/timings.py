"""What `bench` measures in a fresh process: `python -m reports.timings NAME [VALUE ...]`.

Prints what a function of `TIMINGS` returns, as JSON.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args
from unittest.mock import patch

import torch
from torch import Tensor

from glo_core.data import Digits
from glo_core.group import Batch, Group
from glo_core.losses import WEIGHTS
from glo_core.recipe import ContentAdam, Recipe, grid
from glo_core.runs.store import Store
from glo_core.runs.sweep import steps, sweep
from glo_core.training import train_group
from reports.chain import lab, report
from reports.ensemble import ensemble
from reports.plain_loop import plain_loop

CPU = torch.device("cpu")


def memory(images: int, models: int) -> dict[str, float]:
    """The peak memory, in MiB, that training models as one network for an epoch adds."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train_group(sweep_recipes(models, 1), noise_images(images), CPU)
    return {"mebibytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def peak(threads: int) -> dict[str, float]:
    """Seconds a multiplication of large matrix products, one product at a time on each thread."""
    left, right = torch.rand(2, 1024, 1024)
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        products = [(left, right)] * (threads * 10)
        taken = seconds(lambda: list(pool.map(lambda pair: pair[0] @ pair[1], products)))
    return {"seconds": taken / (len(products) * 1024**3)}


def plain(images: int, threads: int) -> dict[str, float]:
    """Seconds a step of the exercise's plain loop."""
    digits, recipe = _warmed_up(images, threads), Recipe(epochs=3)
    return {"seconds": _two_epochs(plain_loop(recipe, digits)) / steps(recipe, digits, 2)}


def ensembled(images: int, models: int, threads: int) -> dict[str, float]:
    """Seconds a step of one model in an ensemble of `torch.func`."""
    digits, recipes = _warmed_up(images, threads), sweep_recipes(models, 3)
    count = models * steps(recipes[0], digits, 2)
    return {"seconds": _two_epochs(ensemble(recipes, digits)) / count}


def _two_epochs(epochs: Iterator[Any]) -> float:
    next(epochs)  # the first one is slower
    return seconds(lambda: list(epochs))


def swept(images: int, models: int, epochs: int, threads: int) -> dict[str, float]:
    """Seconds a step of one model in a sweep, and the proportion of it spent in `Group.step`."""
    digits, recipes = _warmed_up(images, threads), sweep_recipes(models, epochs)
    stepping, step = [], Group.step

    def timed(group: Group, batch: Batch) -> Tensor:
        start = time.perf_counter()
        losses = step(group, batch)
        stepping.append(time.perf_counter() - start)
        return losses

    with tempfile.TemporaryDirectory() as folder, patch.object(Group, "step", timed):
        taken = seconds(lambda: sweep(recipes, digits, Store(folder), device="cpu"))
    count = sum(steps(recipe, digits) for recipe in recipes)
    return {"seconds": taken / count, "stepping": sum(stepping) / (threads * taken)}


def bare(images: int) -> dict[str, float]:
    """Seconds a step of one model without all around it, with each way to move content codes."""
    digits = _warmed_up(images, 1)
    return {content_adam: _step(digits, content_adam) for content_adam in get_args(ContentAdam)}


def _step(digits: Digits, content_adam: ContentAdam) -> float:
    models, count = 4, 20
    group = Group(grid(["l1"], range(models), [0], content_adam=content_adam), digits, CPU)
    batch = next(group.batches(group.draws()))
    group.step(batch)  # the first one is slower
    return seconds(lambda: [group.step(batch) for _ in range(count)]) / (count * models)


TIMINGS: dict[str, Callable[..., dict[str, float]]] = {
    timing.__name__: timing for timing in (memory, peak, plain, ensembled, swept, bare, report, lab)
}


def noise_images(count: int) -> Digits:
    """Images of noise, in ten classes: what they show does not matter for speed."""
    images = torch.rand(count, 28, 28, generator=torch.Generator().manual_seed(0))
    return Digits(images, torch.arange(count) % 10, tuple("0123456789"), "noise")


def sweep_recipes(count: int, epochs: int) -> list[Recipe]:
    """The first recipes of a sweep as wide as the full report's for one seed: at most 60.

    Unlike there, no two noise levels are the same number in float32: such models are trained once.
    """
    return grid(WEIGHTS, [k / 10 for k in range(20)], [0], epochs=epochs)[:count]


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes, by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _warmed_up(images: int, threads: int) -> Digits:
    """Images of noise, for a process that computes with so many threads and has all of PyTorch."""
    torch.set_num_threads(threads)
    train_group([Recipe(epochs=1)], noise_images(100), CPU)  # PyTorch loads parts when first used
    return noise_images(images)


if __name__ == "__main__":
    name, *values = sys.argv[1:]
    numbers = [int(value) if value.isdigit() else value for value in values]
    print(json.dumps(TIMINGS[name](*numbers)))
