"""Recipes to trained models, through the store: what is there is used, what is missing is trained.

Work is cut into groups of models that are trained side by side. Whoever trains a group saves it, so
that what was finished stays finished, whatever happens to the rest.
"""

import faulthandler
import logging
import math
from collections.abc import Callable, Iterable
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    as_completed,
)
from dataclasses import replace

import torch
from tqdm.auto import tqdm

from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.recorder import Epoch
from glo_core.runs.cluster import Cluster, keep_freed_memory
from glo_core.runs.files import DiskError, check_disk
from glo_core.runs.progress import REFRESH, Progress
from glo_core.runs.store import Store, run_key
from glo_core.runs.trainers import train, trainer_of
from glo_core.training import Watch, pick_device, side_by_side

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
        executor: Who trains. Without one, the groups are trained in this process: as many at once
            as PyTorch has threads, each by one thread; on a GPU one after the other.
        device: As in `training.pick_device`.

    Returns:
        The models in the recipes' order.

    Raises:
        SweepError: Some could not be trained; raised after all others were.
        DiskError: The store cannot be written; no more is trained then.
        DeviceError: The device is not there.
    """
    models = {recipe: store.load(recipe, digits) for recipe in recipes}
    missing = [recipe for recipe, model in models.items() if model is None]
    log.info("%d of %d models found in %s", len(recipes) - len(missing), len(recipes), store.root)
    alike = equal_models(recipes)
    for twins in alike:
        lacking = [twin for twin in twins if models[twin] is None]
        if known := next((model for twin in twins if (model := models[twin])), None):
            models.update(_saved_as(known, lacking, digits, store))
    todo = [twins for twins in alike if models[twins[0]] is None]
    if todo:
        check_disk({store.root: 0})
        _train_missing(todo, digits, store, executor, device)
        models.update({twin: store.load(twin, digits) for twins in todo for twin in twins})
    if lost := _keys([recipe for recipe, model in models.items() if model is None], digits):
        raise SweepError(
            f"trained, but not in {store.root.resolve()}: {', '.join(lost)}; "
            "do all workers see this folder?"
        )
    trained = [model for recipe in recipes if (model := models[recipe]) is not None]
    for glo in trained:
        if step := glo.history.diverged:
            log.info("%s seed %d diverged at step %d", _told([glo.recipe]), glo.recipe.seed, step)
    return trained


def equal_models(recipes: Iterable[Recipe]) -> list[list[Recipe]]:
    """Recipes whose models are equal whatever they are trained on, side by side in lists.

    So are those whose σ is too small to change a code; see `trainers`.
    """
    alike: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        alike.setdefault(trainer_of(recipe).trained_as(recipe), []).append(recipe)
    return list(alike.values())


def _saved_as(
    glo: Glo, twins: Iterable[Recipe], digits: Digits, store: Store
) -> dict[Recipe, Glo | None]:
    """Saves a model under recipes whose models are equal to it; the store keeps those it has."""
    for twin in twins:
        store.save(replace(glo, recipe=twin), digits)
    return {twin: store.load(twin, digits) for twin in twins}


def steps(recipe: Recipe, digits: Digits, epochs: int | None = None) -> int:
    """How many batches a model of this recipe learns from, in all or in some of its epochs."""
    batches = math.ceil(len(digits) / recipe.batch_size)
    return batches * (recipe.epochs if epochs is None else epochs)


def work(recipe: Recipe, digits: Digits) -> float:
    """How long a model of this recipe takes to train, in steps of a plain recipe's model."""
    trainer = trainer_of(recipe)
    return trainer.effort(recipe) * steps(recipe, digits, trainer.epochs(recipe))


def groups_to_train(
    alike: Iterable[list[Recipe]], digits: Digits, at_once: int
) -> list[list[list[Recipe]]]:
    """Cuts work into groups of models that are trained side by side, the longest group first.

    So the short ones come last, and whoever is done does not wait long for the others. Each model
    stands for all recipes that are `alike`.
    """
    twins = {each[0]: each for each in alike}
    groups = side_by_side(list(twins), at_once)
    groups.sort(key=lambda group: -sum(work(recipe, digits) for recipe in group))
    return [[twins[recipe] for recipe in group] for group in groups]


def _name(group: list[list[Recipe]]) -> str:
    """A group in words: kind, losses, noise levels, and how many models."""
    return f"{_told([twins[0] for twins in group])} ×{len(group)}"


def _told(recipes: list[Recipe]) -> str:
    """Recipes of one kind in words: kind, losses and noise levels."""
    losses = "/".join(dict.fromkeys(recipe.loss for recipe in recipes))
    sigmas = sorted({recipe.sigma for recipe in recipes})
    noise = f"σ {sigmas[0]:g}" + (f"…{sigmas[-1]:g}" if len(sigmas) > 1 else "")
    kind = "" if recipes[0].method == Recipe.method else f"{recipes[0].method} "
    return f"{kind}{losses} {noise}"


def _train_missing(
    alike: list[list[Recipe]], digits: Digits, store: Store, executor: Executor | None, device: str
) -> None:
    total = sum(work(twins[0], digits) for twins in alike)
    models = sum(map(len, alike))
    if models > len(alike):
        log.info("%d models equal others to the last bit: trained once", models - len(alike))
    bar = tqdm(total=round(total), unit="step", unit_scale=True, smoothing=0, mininterval=REFRESH)
    with bar, Progress(bar, models) as progress:
        if isinstance(executor, Cluster):
            at_once, deadline = executor.workers, DEADLINE
            tell, shared = executor.telling(progress.count), executor.shared(digits)
        else:
            # One group keeps a GPU as busy as several do
            at_once = torch.get_num_threads() if pick_device(device).type == "cpu" else 1
            deadline = 0
            tell, shared = progress.count_or_stop, digits
        pool = executor or ThreadPoolExecutor(at_once)
        groups = {
            pool.submit(train_group, group, shared, store, device, tell, deadline): group
            for group in groups_to_train(alike, digits, at_once)
        }
        try:
            failed = _wait_for(groups, progress)
        except CancelledError as error:  # as Dask does with all that a lost scheduler had to do
            raise SweepError(
                f"the scheduler was lost; the models that were trained until then are in "
                f"{store.root}: start a scheduler, and then this again, which trains the others"
            ) from error
        except BaseException:  # Ctrl-C: groups that have begun stop after their epoch
            progress.stop()
            for future in groups:
                future.cancel()
            raise
        finally:
            if executor is None:
                pool.shutdown(wait=True)
    if failed:
        lost = sum(len(_flat(group)) for group, _ in failed)
        names = [f"{', '.join(_keys(_flat(group), digits))}: {why}" for group, why in failed]
        raise SweepError(
            f"{lost} of {models} models could not be trained; the others are "
            f"in {store.root}\n" + "\n".join(names)
        )


def _wait_for(
    groups: dict[Future[DiskError | None], list[list[Recipe]]], progress: Progress
) -> list[tuple[list[list[Recipe]], str]]:
    """Waits until every group is trained or has failed: the failed ones, and why.

    Raises DiskError for the first that could not be saved: neither could any other.
    """
    failed = []
    for future in as_completed(groups):
        group = groups[future]
        if error := future.exception() or future.result():
            if isinstance(error, DiskError):
                raise error
            if not isinstance(error, Exception):
                raise error
            failed.append((group, f"{type(error).__name__}: {error}"))
        progress.finished(_name(group), 0 if error else len(_flat(group)))
    return failed


def _flat(group: list[list[Recipe]]) -> list[Recipe]:
    return [recipe for twins in group for recipe in twins]


def _keys(recipes: list[Recipe], digits: Digits) -> list[str]:
    return [run_key(recipe, digits) for recipe in recipes]


def train_group(
    group: list[list[Recipe]],
    digits: Digits,
    store: Store,
    device: str,
    tell: Callable[[tuple[str, float]], None],
    deadline: int = 0,
) -> DiskError | None:
    """Trains and saves what the store lacks of a group; this runs on whoever trains.

    Each model is saved under all the recipes that it stands for. Tells the work that is done after
    every epoch. Dask workers have a deadline: a process whose epoch takes longer (in seconds) is
    ended, and its group is then run again by another. So is a group with an error, but for a
    DiskError: it is returned, as no other worker could save the group either.
    """
    try:
        _train_group(group, digits, store, device, tell, deadline)
    except DiskError as error:
        return error
    return None


def _train_group(
    group: list[list[Recipe]],
    digits: Digits,
    store: Store,
    device: str,
    tell: Callable[[tuple[str, float]], None],
    deadline: int,
) -> None:
    torch.set_num_threads(1)  # of this thread; another group has the other processor
    if deadline:
        keep_freed_memory()
    with store.locked(_keys(_flat(group), digits)):
        # Another process may have trained some of them while this one waited.
        lacking = {
            twins[0]: twins
            for twins in group
            if not all(store.load(each, digits) for each in twins)
        }

        def progress(amount: float) -> None:
            if deadline:
                faulthandler.dump_traceback_later(deadline, exit=True)
            tell((_name(group), amount))

        def on_epoch(epoch: Epoch) -> None:
            first = group[0][0]
            progress(len(epoch.losses) * work(first, digits) / trainer_of(first).epochs(first))

        try:
            progress(sum(work(twins[0], digits) for twins in group if twins[0] not in lacking))
            watch = Watch(epoch=on_epoch)
            for model in train(list(lacking), digits, watch, device) if lacking else []:
                _saved_as(model, lacking[model.recipe], digits, store)
        finally:
            if deadline:
                faulthandler.cancel_dump_traceback_later()
