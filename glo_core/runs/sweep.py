"""Recipes to trained models, through the store: what is there is used, what is missing is trained.

Work is cut into groups of models that are trained side by side. Whoever trains a group saves it, so
that what was finished stays finished, whatever happens to the rest.
"""

import faulthandler
import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import Any

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
    """Every recipe's model: from the store, or trained now and saved group by group.

    Args:
        recipes: Of any kinds and shapes.
        digits: The training images.
        store: Where models are kept.
        executor: Who trains. Without one, the groups are trained in this process, as many at once
            as PyTorch has threads, each by one thread.
        device: As in `training.pick_device`.

    Returns:
        The models in the recipes' order.

    Raises:
        SweepError: Some could not be trained; raised after all others were.
        DeviceError: The device is not there.
    """
    models = {recipe: store.load(recipe, digits) for recipe in recipes}
    missing = [recipe for recipe, model in models.items() if model is None]
    log.info("%d of %d models found in %s", len(recipes) - len(missing), len(recipes), store.root)
    if missing:
        if executor is None:
            pick_device(device)  # says at once if there is none
        _train_missing(missing, digits, store, executor, device)
        models.update({recipe: store.load(recipe, digits) for recipe in missing})
    if lost := _keys([recipe for recipe, model in models.items() if model is None], digits):
        raise SweepError(
            f"trained, but not in {store.root.resolve()}: {', '.join(lost)}; "
            "do all workers see this folder?"
        )
    return [model for recipe in recipes if (model := models[recipe]) is not None]


def steps(recipe: Recipe, digits: Digits, epochs: int | None = None) -> int:
    """How many batches a model of this recipe learns from, in all or in some of its epochs."""
    batches = math.ceil(len(digits) / recipe.batch_size)
    return batches * (recipe.epochs if epochs is None else epochs)


class _Progress:
    """Counts trained steps on a bar, whichever thread tells of them."""

    def __init__(self, bar: Any):
        self._bar, self._stopped = bar, threading.Event()

    def count(self, number: int) -> None:
        """So many more steps are done."""
        with self._bar.get_lock():
            # What is trained again after an error counts once
            self._bar.update(min(number, self._bar.total - self._bar.n))

    def count_or_stop(self, number: int) -> None:
        """Likewise, but ends the caller's training once `stop` was called."""
        if self._stopped.is_set():
            raise InterruptedError("the sweep was stopped")
        self.count(number)

    def stop(self) -> None:
        """Has training in this process end after its epoch."""
        self._stopped.set()


def _train_missing(
    recipes: list[Recipe], digits: Digits, store: Store, executor: Executor | None, device: str
) -> None:
    total = sum(steps(recipe, digits) for recipe in recipes)
    with tqdm(total=total, unit="step", unit_scale=True, smoothing=0.1) as bar:
        progress = _Progress(bar)
        if isinstance(executor, Cluster):
            at_once, deadline = executor.workers, DEADLINE
            tell, shared = executor.telling(progress.count), executor.shared(digits)
        else:
            at_once, deadline = torch.get_num_threads(), 0
            tell, shared = progress.count_or_stop, digits
        pool = executor or ThreadPoolExecutor(at_once)
        groups = {
            pool.submit(train_group, group, shared, store, device, tell, deadline): group
            for group in side_by_side(recipes, at_once)
        }
        try:
            failed = _wait_for(groups, len(recipes), digits, bar)
        except BaseException:  # Ctrl-C: groups that have begun stop after their epoch
            progress.stop()
            for future in groups:
                future.cancel()
            raise
        finally:
            if executor is None:
                pool.shutdown(wait=True)
    if failed:
        lost = sum(len(group) for group, _ in failed)
        names = [f"{', '.join(_keys(group, digits))}: {why}" for group, why in failed]
        raise SweepError(
            f"{lost} of {len(recipes)} models could not be trained; the others are "
            f"in {store.root}\n" + "\n".join(names)
        )


def _wait_for(
    groups: dict[Future[None], list[Recipe]], models: int, digits: Digits, bar: Any
) -> list[tuple[list[Recipe], str]]:
    """Waits until every group is trained or has failed: the failed ones, and why."""
    done, failed = 0, []
    bar.set_description(f"trained {done}/{models} models")
    for future in as_completed(groups):
        if error := future.exception():
            if not isinstance(error, Exception):
                raise error
            failed.append((groups[future], f"{type(error).__name__}: {error}"))
            continue
        done += len(groups[future])
        bar.set_description(f"trained {done}/{models} models")
    return failed


def _keys(recipes: list[Recipe], digits: Digits) -> list[str]:
    return [run_key(recipe, digits) for recipe in recipes]


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
    with store.locked(_keys(group, digits)):
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
