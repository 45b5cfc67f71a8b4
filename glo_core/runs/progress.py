"""A bar over work that several threads or processes do, which says what is trained."""

import threading
from typing import Any, Self

# Seconds after which the bar is drawn again.
REFRESH = 0.5


class Progress:
    """Counts work on a bar that also says what is trained, whichever thread tells of it."""

    def __init__(self, bar: Any, models: int):
        self._bar, self._models, self._done = bar, models, 0
        self._running: dict[str, None] = {}
        self._stopped = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._clock.join()

    def _tick(self) -> None:
        """Keeps the bar's clock going where nothing is told for a while."""
        while not self._stopped.wait(REFRESH):
            self._bar.refresh()

    def count(self, told: tuple[str, float]) -> None:
        """A group by its name, and how much more of its work is done."""
        name, amount = told
        with self._bar.get_lock():
            if name not in self._running:
                self._running[name] = None
                self._describe()
            # What is trained again after an error counts once
            self._bar.update(min(amount, self._bar.total - self._bar.n))

    def count_or_stop(self, told: tuple[str, float]) -> None:
        """Likewise, but ends the caller's training once nobody waits for it any more."""
        if self._stopped.is_set():
            raise InterruptedError("the sweep was stopped")
        self.count(told)

    def finished(self, name: str, models: int) -> None:
        """A group is trained, with so many models; 0 if it failed."""
        with self._bar.get_lock():
            self._done += models
            self._running.pop(name, None)
            self._describe()

    def stop(self) -> None:
        """Has training in this process end after its epoch."""
        self._stopped.set()

    def _describe(self) -> None:
        words = f"trained {self._done}/{self._models} models"
        if self._running:
            words += f": {', '.join(self._running)}"
        self._bar.set_description(words)
