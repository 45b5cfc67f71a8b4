"""Measures of many models: what the store has is used, what is missing is measured and kept."""

import multiprocessing
import pickle
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import nn
from tqdm.auto import tqdm

from glo_core.data import Digits
from glo_core.measures import codes
from glo_core.measures.evaluation import MEASURES, Scope, measures_of, version
from glo_core.measures.subject import Subject
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.runs.cluster import keep_freed_memory
from glo_core.runs.files import new_folder, writing
from glo_core.runs.store import Store, run_key
from reports.parent import end_with_parent

# How often the progress bar looks for what has been measured, in seconds.
LOOK = 0.5


class MeasuringError(RuntimeError):
    """A process that ended before it had measured its model."""


@dataclass(frozen=True)
class Measuring:
    """What all models of a study are measured with, and where the results are kept.

    `judge_weights` is the SHA-256 of the judge's weights, `judge_digits` what it was trained on.
    """

    store: Store
    digits: Digits
    unseen: Digits
    judge: nn.Sequential
    judge_weights: str
    judge_digits: Digits

    def subject(self, glo: Glo) -> Subject:
        """A model with all that it is measured with."""
        return Subject(glo, self.digits, self.judge, self.unseen, self.judge_digits)

    def file(self, name: str) -> str:
        """The name under which a measure's result is kept beside a run."""
        return measure_file(name, self.judge_weights, self.unseen.fingerprint)


def measure_file(name: str, judge_weights: str, unseen: str) -> str:
    """The name under which a measure with a judge and unseen images is kept beside a run."""
    return f"{name}-{version(name)}-{judge_weights[:16]}-{unseen[:12]}"


def measure_all(
    measuring: Measuring, models: Mapping[Recipe, Glo], scopes: Mapping[Recipe, Scope], jobs: int
) -> dict[Recipe, dict[str, Any]]:
    """Every model's measures, by their names.

    Args:
        measuring: What to measure with.
        models: The models.
        scopes: Which measures each recipe gets (see `evaluation.measures_of`).
        jobs: How many processes measure at a time; 1 is this one.

    Raises:
        MeasuringError: A process has ended. What was measured before is kept.
        DiskError: The store, or the folder of temporary files, cannot be written.
    """
    found = _kept(measuring, models, scopes)
    if _distinct(measuring, models, found):
        with measuring.store.locked(["measures"]):
            found = _kept(measuring, models, scopes)  # another may have measured them meanwhile
            missing = _distinct(measuring, models, found)
            for alike, results in _measured_now(measuring, models, missing, jobs):
                for recipe in alike:
                    key = run_key(recipe, measuring.digits)
                    for name, result in results.items():
                        # As JSON, so that what was measured now looks like what was kept
                        kept = measuring.store.remember(key, measuring.file(name), result)
                        found[recipe][name] = kept
    return {
        recipe: _merged(codes.measure(measuring.subject(models[recipe])), results)
        for recipe, results in found.items()
    }


def _kept(
    measuring: Measuring, models: Iterable[Recipe], scopes: Mapping[Recipe, Scope]
) -> dict[Recipe, dict[str, Any]]:
    """What the store has of each recipe's measures, and None for each that it has not."""
    return {
        recipe: {
            name: measuring.store.recall(run_key(recipe, measuring.digits), measuring.file(name))
            for name in measures_of(scopes[recipe])
        }
        for recipe in models
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


def _measured_now(
    measuring: Measuring,
    models: Mapping[Recipe, Glo],
    missing: Mapping[tuple[str, str, tuple[str, ...]], list[Recipe]],
    jobs: int,
) -> Iterator[tuple[list[Recipe], dict[str, Any]]]:
    """The `_distinct` models' measures, each as soon as it is there."""
    if not missing:
        return
    # The dearest first, so that at the end no process waits long for another
    work = sorted(missing.items(), key=lambda each: -_seconds(each[0][2]))
    total = sum(_seconds(names) for (*_, names), _ in work)
    with new_folder(measuring.store.root) as folder:
        # What is larger than a model is read once by each process, not sent with every model.
        shared, done = Path(folder) / "shared", Path(folder) / "done"
        with writing(Path(folder)):
            shared.write_bytes(pickle.dumps(measuring))
        calls = [
            (k, models[alike[0]], names, shared, done)
            for k, ((*_, names), alike) in enumerate(work)
        ]
        with _followed(done, total) as bar:
            for count, (k, results) in enumerate(_finished(calls, jobs), 1):
                yield work[k][1], results
                bar.set_description(f"measured {count}/{len(work)} models")


def _finished(
    calls: Sequence[tuple[Any, ...]], jobs: int
) -> Generator[tuple[int, dict[str, Any]], None, None]:
    """What `_measured` returns for each call, as soon as it is there; by so many processes."""
    if jobs == 1:
        yield from (_measured(*call) for call in calls)
        return
    with processes(jobs) as pool:
        futures = [pool.submit(_measured, *call) for call in calls]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise MeasuringError(
                "a process that measured models has ended, perhaps for want of memory; what was "
                "measured before is kept. In a script, what measures models is to stand below "
                "`if __name__ == '__main__':`"
            ) from error


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many processes that compute beside this one, and end at once with an error or Ctrl-C."""
    # Forked from the process that notebooks' kernels are forked from, too (see `kernels`)
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, context, _begin) as pool:
        try:
            yield pool
        except BaseException:  # also where nobody asks for more: do not go on with the others
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _begin() -> None:
    """What a process does first that computes beside others: each has a processor of its own."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent is told, too, and ends this
    torch.set_num_threads(1)
    threadpool_limits(1)


def _seconds(names: Iterable[str]) -> float:
    """About how long these measures take of one model."""
    return sum(MEASURES[name].seconds for name in names)


def _measured(
    place: int, glo: Glo, names: tuple[str, ...], shared: Path, done: Path
) -> tuple[int, dict[str, Any]]:
    """Measures one model and hands back its place, too; tells in a file which measure it is at.

    Each line of `done` has the progress, in seconds as of `Measure`, and a measure's name.
    """
    keep_freed_memory()  # a quarter of a model's time otherwise
    subject, results = _read(shared).subject(glo), {}
    for name in names:
        _tell(done, 0, name)
        results[name] = MEASURES[name].compute(subject)
        _tell(done, MEASURES[name].seconds, name)
    return place, results


@lru_cache(1)
def _read(shared: Path) -> Measuring:
    found: Measuring = pickle.loads(shared.read_bytes())
    return found


def _tell(done: Path, seconds: float, name: str) -> None:
    with done.open("a", encoding="utf-8") as file:
        file.write(f"{seconds} {name}\n")


@contextmanager
def _followed(done: Path, total: float) -> Iterator[Any]:
    """A progress bar of `total` seconds that moves by what `_measured` writes into a file.

    It names the measures that are being taken, and its clock goes on while nothing is written.
    """
    done.touch()
    form = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    bar = tqdm(total=total, desc="measured 0 models", bar_format=form, smoothing=0)
    ended, now = threading.Event(), list[str]()

    def follow() -> None:
        with done.open(encoding="utf-8") as lines:
            last = False
            while not last:
                last = ended.wait(LOOK)
                for line in lines:
                    seconds, name = line.split()
                    (now.remove if float(seconds) else now.append)(name)
                    # Sums of such numbers may be a little above the total, of which tqdm warns
                    bar.update(min(float(seconds), total - bar.n))
                bar.set_postfix_str(", ".join(now))

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield bar
    finally:
        ended.set()
        follower.join()
        bar.close()


def _merged(first: dict[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for result in results.values():
        merged |= result
    return merged
