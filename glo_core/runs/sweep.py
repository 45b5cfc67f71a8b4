"""Recipes to trained models, through the store: what is there is used, what lacks is trained.

Work is cut into groups of models that are trained side by side. Whoever trains a group saves it, so
that what was finished stays finished, whatever happens to the rest.
"""

import faulthandler
import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed

import torch
from tqdm.auto import tqdm

from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.runs.cluster import Cluster, keep_freed_memory
from glo_core.runs.store import Store, run_key
from glo_core.runs.trainers import train
from glo_core.training import pick_device, side_by_side

log = logging.getLogger(__name__)

# A worker whose epoch takes longer than this many seconds hangs, and is ended.
DEADLINE = 900


class SweepError(RuntimeError):
    """Groups that could not be trained; the message names their runs and says why."""


def sweep(
    recipes: list[Recipe],
    digits: Digits,
    store: Store,
    executor: Executor | None = None,
    device: str = "auto",
) -> list[Glo]:
    """Every recipe's model, in the recipes' order. Each group is saved as soon as it is trained.

    Without an executor the groups are trained in this process, as many at once as PyTorch has
    threads, each by one thread. `device` is as in `training.pick_device`. Raises SweepError if
    some could not be trained, after all others were.
    """
    models = {recipe: store.load(recipe, digits) for recipe in recipes}
    missing = [recipe for recipe, model in models.items() if model is None]
    log.info("%d of %d models found in %s", len(recipes) - len(missing), len(recipes), store.root)
    if missing:
        if executor is None:
            pick_device(device)  # says at once if there is none
        _train_missing(missing, digits, store, executor, device)
        models.update({recipe: store.load(recipe, digits) for recipe in missing})
    if lost := [run_key(recipe, digits) for recipe, model in models.items() if model is None]:
        raise SweepError(
            f"trained, but not in {store.root.resolve()}: {', '.join(lost)}; "
            "do all workers see this folder?"
        )
    return [model for recipe in recipes if (model := models[recipe]) is not None]


def steps(recipe: Recipe, digits: Digits, epochs: int | None = None) -> int:
    """How many batches a model of this recipe learns from, in all or in some of its epochs."""
    batches = math.ceil(len(digits) / recipe.batch_size)
    return batches * (recipe.epochs if epochs is None else epochs)


def _train_missing(
    recipes: list[Recipe], digits: Digits, store: Store, executor: Executor | None, device: str
) -> None:
    stopping = threading.Event()
    total = sum(steps(recipe, digits) for recipe in recipes)
    with tqdm(total=total, unit="step", unit_scale=True, smoothing=0.1) as bar:

        def progress(number: int) -> None:
            with bar.get_lock():  # threads that train tell of it at the same time
                bar.update(min(number, total - bar.n))  # what is trained again counts once

        def progress_here(number: int) -> None:
            if stopping.is_set():
                raise InterruptedError("the sweep was stopped")
            progress(number)

        if isinstance(executor, Cluster):
            at_once, deadline = executor.workers, DEADLINE
            tell, shared = executor.telling(progress), executor.shared(digits)
        else:
            at_once, deadline = torch.get_num_threads(), 0
            tell, shared = progress_here, digits
        pool = executor or ThreadPoolExecutor(at_once)
        groups = {
            pool.submit(train_group, group, shared, store, device, tell, deadline): group
            for group in side_by_side(recipes, at_once)
        }
        done, failed = 0, []
        bar.set_description(f"trained {done}/{len(recipes)} models")
        try:
            for future in as_completed(groups):
                group = groups[future]
                if error := future.exception():
                    if not isinstance(error, Exception):
                        raise error
                    names = ", ".join(run_key(recipe, digits) for recipe in group)
                    failed.append(f"{names}: {type(error).__name__}: {error}")
                    continue
                done += len(group)
                bar.set_description(f"trained {done}/{len(recipes)} models")
        except BaseException:  # Ctrl-C: groups that have begun stop after their epoch
            stopping.set()
            for future in groups:
                future.cancel()
            raise
        finally:
            if executor is None:
                pool.shutdown(wait=True)
    if failed:
        raise SweepError(
            f"{len(recipes) - done} of {len(recipes)} models could not be trained; the others are "
            f"in {store.root}\n" + "\n".join(failed)
        )


def train_group(
    group: list[Recipe],
    digits: Digits,
    store: Store,
    device: str,
    tell: Callable[[int], None],
    deadline: int = 0,
) -> None:
    """Trains and saves what the store lacks of a group; this runs on whoever trains.

    Tells the number of steps after every epoch. Dask workers have a deadline: a process whose epoch
    takes longer (in seconds) is ended, and its group is then run again by another.
    """
    torch.set_num_threads(1)  # of this thread; another group has the other processor
    if deadline:
        keep_freed_memory()
    with store.locked([run_key(recipe, digits) for recipe in group]):
        # Another process may have trained some of them while this one waited.
        lacking = [recipe for recipe in group if store.load(recipe, digits) is None]

        def progress(number: int) -> None:
            if deadline:
                faulthandler.dump_traceback_later(deadline, exit=True)
            tell(number)

        def on_epoch(models: int, epoch: int, loss: float) -> None:
            progress(models * steps(group[0], digits, 1))

        try:
            progress(sum(steps(recipe, digits) for recipe in group if recipe not in lacking))
            for model in train(lacking, digits, on_epoch, device) if lacking else []:
                store.save(model, digits)
        finally:
            if deadline:
                faulthandler.cancel_dump_traceback_later()
