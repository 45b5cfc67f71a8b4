"""A model that is trained in a thread, while the kernel goes on with other work."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Literal

import torch
from filelock import Timeout

from glo_core.classifier import is_shared, train_classifier
from glo_core.data import Digits
from glo_core.group import SWAP_STEPS, step_seconds
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.recorder import Epoch, last_epoch
from glo_core.runs.store import Store, run_key
from glo_core.runs.sweep import work
from glo_core.runs.trainers import train, trainer_of
from glo_core.training import Watch

State = Literal["preparing", "training", "paused", "finished", "stopped", "failed"]
ENDS: tuple[State, ...] = ("finished", "stopped", "failed")
# Steps that the classifier of the swap term is timed with.
CLASSIFIER_STEPS = 10
_TIMING = threading.Lock()


class Training:
    """One recipe's model, from the store or trained by one thread, as a sweep trains it.

    Fields:
        recipe, digits: What is trained, and on which images.
        state: "preparing" until the first step. Only what is finished is kept.
        losses: The mean training loss of each epoch that is done.
        epoch: What is recorded of the last epoch; None before it.
        found: Whether the store had the model.
        error: Why training failed, in words; "" if it did not.
    """

    def __init__(
        self,
        recipe: Recipe,
        digits: Digits,
        store: Store,
        device: str,
        changed: Callable[["Training"], None] = lambda training: None,
    ):
        """`changed` is called from the thread that trains: after each epoch and change of state."""
        self.recipe, self.digits = recipe, digits
        self.state: State = "preparing"
        self.losses: list[float] = []
        self.epoch: Epoch | None = None
        self.found, self.error = False, ""
        self._store, self._device, self._changed = store, device, changed
        self._going, self._stopping = threading.Event(), threading.Event()
        self._going.set()
        self._began = self._held = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins to train; once for each Training."""
        self._thread.start()

    def pause(self) -> None:
        """Holds before the next step."""
        self._going.clear()

    def go_on(self) -> None:
        """Ends a pause: the model becomes what it would have been without."""
        self._going.set()

    def stop(self) -> None:
        """Ends training before the next step; nothing of the model is kept."""
        self._stopping.set()
        self._going.set()

    def join(self, seconds: float | None = None) -> None:
        """Waits until the thread has ended."""
        self._thread.join(seconds)

    @property
    def holding(self) -> bool:
        """Whether a pause was asked for."""
        return not self._going.is_set()

    @property
    def epochs(self) -> int:
        """How many epochs there are in all, an encoder's among them."""
        return trainer_of(self.recipe).epochs(self.recipe)

    @property
    def words(self) -> str:
        """How it stands, in words."""
        done = self.epoch.number if self.epoch else 0
        loss = f", loss {self.losses[-1]:.4f}" if self.losses else ""
        first = ", once the swap term's classifier is trained" if self.recipe.swap else ""
        if self._stopping.is_set() and self.state not in ENDS:
            return "stopping" + first * (self.state == "preparing")
        match self.state:
            case "preparing":
                return ("pauses" if self.holding else "begins") + first
            case "training" | "paused":
                stage = " (the encoder's)" if done > self.recipe.epochs else ""
                told = f"epoch {done} of {self.epochs}{stage}{loss}"
                if self.state == "paused":
                    return f"paused after {told}"
                return told + (f", {duration(self.seconds_left)} left" if done else "")
            case "finished":
                kept = "found in runs/, not trained again" if self.found else "finished, in runs/"
                return f"{kept}{loss}"
            case "stopped":
                return (
                    f"stopped after {done} of {self.epochs} epochs: nothing of this model is kept"
                )
            case "failed":
                return f"training failed: {self.error}"

    @property
    def seconds_left(self) -> float:
        """As told by the epochs that are done, of which there must be one."""
        assert self.epoch
        left = self.epochs - self.epoch.number
        return (time.perf_counter() - self._began - self._held) / self.epoch.number * left

    def _run(self) -> None:
        torch.set_num_threads(1)  # of this thread
        state: State = "finished"
        try:
            glo = self._model()
            self.losses, self.epoch = glo.history.losses.tolist(), last_epoch([glo.history])
        except (CancelledError, Timeout):
            state = "stopped"
        except Exception as error:
            state, self.error = "failed", f"{type(error).__name__}: {error}"
        self._become(state)

    def _model(self) -> Glo:
        """The model: the store's if it has one, else trained and saved."""
        with self._store.locked([run_key(self.recipe, self.digits)], self._stopping.is_set):
            if found := self._store.load(self.recipe, self.digits):
                self.found = True
                return found
            watch = Watch(self._step, self._record)
            (glo,) = train([self.recipe], self.digits, watch, self._device)
            # Training did not take the time for which it was held.
            history = replace(glo.history, seconds=glo.history.seconds - self._held)
            self._store.save(replace(glo, history=history), self.digits)
            return glo

    def _step(self) -> None:
        now = time.perf_counter()
        self._began = self._began or now
        if self.holding:
            self._become("paused")
            self._going.wait()
            self._held += time.perf_counter() - now
        if self._stopping.is_set():
            raise CancelledError
        if self.state != "training":
            self._become("training")

    def _record(self, epoch: Epoch) -> None:
        self.epoch = epoch
        if epoch.number <= self.recipe.epochs:  # what follows is an encoder's loss
            self.losses.append(epoch.losses.item())
        self._changed(self)

    def _become(self, state: State) -> None:
        self.state = state
        self._changed(self)


def seconds_to_train(recipe: Recipe, digits: Digits) -> float:
    """How long training would take now, from some steps of a plain model, made on the spot.

    Threads take turns, as each would slow the others down.
    """
    with _TIMING:
        return _timed(recipe, digits)


def _timed(recipe: Recipe, digits: Digits) -> float:
    sizes = {"batch_size", "class_dim", "content_dim", "content_adam"}
    plain = Recipe(**recipe.model_dump(include=sizes))
    seconds = work(recipe, digits) * step_seconds([plain], digits)
    if recipe.swap and not is_shared(digits, SWAP_STEPS):
        started = time.perf_counter()
        train_classifier(digits, steps=CLASSIFIER_STEPS)
        seconds += (time.perf_counter() - started) / CLASSIFIER_STEPS * SWAP_STEPS
    return seconds


def duration(seconds: float) -> str:
    """A time in words that are no more exact than the time is."""
    if seconds < 60:
        return f"about {max(1, math.ceil(seconds))} s"
    return f"about {math.ceil(seconds / 60)} min"
