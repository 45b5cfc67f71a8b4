"""What all boards are made of: controls in rows, work beside the kernel's, one board of a kind."""

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw

# How wide controls are.
WIDE = ipw.Layout(width="28em", max_width="100%")
NARROW = ipw.Layout(width="14em", max_width="100%")
# The boards that are shown, by their kind.
_shown: dict[str, "Board"] = {}


class Board(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A board of the lab, with its controls by name and what it shows them in."""

    def __init__(
        self,
        kind: str,
        children: Sequence[Any],
        controls: Mapping[str, Any],
        view: Any,
        workers: Sequence[Any],
        looks: Sequence[Callable[[], None]] = (),
    ):
        """Takes the place of an earlier board of this kind, whose cell was run before.

        `workers` are what works beside the kernel, to be ended with the board by their `end`;
        `looks` is what looks for new models in the store.
        """
        super().__init__(children)
        self.controls, self.view, self.workers, self.looks = controls, view, workers, looks
        if earlier := _shown.pop(kind, None):
            earlier.end()
        _shown[kind] = self

    def end(self) -> None:
        """Stops the board's workers and takes its widgets from every page."""
        for worker in self.workers:
            worker.end()
        # A link to a closed widget would keep a page that is loaded again from showing any.
        for each in (*getattr(self.view, "links", ()), self):
            _close(each)


def look_again() -> None:
    """Has every board look for new models in the store."""
    for board in [*_shown.values()]:
        for look in board.looks:
            look()


def _close(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    for name in ("layout", "style"):
        look = getattr(widget, name, None)
        if look not in (None, WIDE, NARROW):
            look.close()
    widget.close()


def row(*widgets: Any) -> ipw.HBox:
    """Widgets beside each other, in further rows where the page is narrow."""
    return ipw.HBox(widgets, layout=ipw.Layout(flex_flow="row wrap", grid_gap="0 1rem"))


class Latest:
    """Does in a thread of its own what was asked for last: what waits is replaced, never queued."""

    def __init__(self, work: Callable[..., None], failed: Callable[[str], None]):
        """`work` is called with what `ask` was; `failed` with words if it raises."""
        self._work, self._failed = work, failed
        self._asked: tuple[Any, ...] | None = None
        self._ended = False
        self._woken = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, *about: Any) -> None:
        """Has the work done with these, unless it is asked again before it begins."""
        with self._woken:
            self._asked = about
            self._woken.notify()

    def end(self) -> None:
        """Ends the thread once it has done what it does now."""
        with self._woken:
            self._ended = True
            self._woken.notify()

    def _run(self) -> None:
        while True:
            with self._woken:
                self._woken.wait_for(lambda: self._asked is not None or self._ended)
                if self._ended:
                    return
                about, self._asked = self._asked or (), None
            try:
                self._work(*about)
            except Exception as error:
                self._failed(f"{type(error).__name__}: {error}")


def finding(
    view: Any, traits: Sequence[str], find: Callable[[], None], legend: str, first: str = ""
) -> tuple[Latest, ipw.HTML]:
    """Finds something out about a view's pictures, now and whenever one of its traits changes.

    Returns what does so, and the line that explains what is found: `first` says why it takes a
    while, if it does, and while it cannot be found out the line says why.
    """
    line = ipw.HTML(first or legend)

    def work() -> None:
        find()
        line.value = legend

    def failed(words: str) -> None:
        line.value = escape(words)

    latest = Latest(work, failed)
    view.observe(lambda _: latest.ask(), [*traits])
    latest.ask()
    return latest, line
