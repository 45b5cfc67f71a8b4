"""Which images a board shows: picked at random, of a class, by their numbers, or unseen ones."""

from html import escape
from typing import Any

import ipywidgets as ipw
import torch

from reports.lab.parts import NARROW, WIDE, row
from reports.lab.view import View

# Images that stand side by side at most, and how many random picks there are.
MOST, PICKS = 8, 100


class Sources:
    """Controls that choose the images of a view. `controls` has them by name, `box` in rows."""

    def __init__(self, view: View, label: int, pick_seed: int, count: int = MOST):
        """At first, `count` images of class `label` (-1: of any) are shown."""
        self.view, self._seed = view, pick_seed
        names = view.gallery["classes"]
        self.controls: dict[str, Any] = {
            "source": ipw.Dropdown(
                options=[("any class", -1), *((name, k) for k, name in enumerate(names))],
                value=label,
                description="images of",
                tooltip="The class that images are picked from",
                layout=NARROW,
            ),
            "pick": ipw.IntSlider(
                0,
                0,
                PICKS - 1,
                description="pick",
                tooltip="Another random pick",
                layout=WIDE,
            ),
            "count": ipw.IntSlider(
                count, 1, MOST, description="how many", tooltip="Images in the pick", layout=WIDE
            ),
            "numbers": ipw.Text(
                placeholder="such as 12, 40",
                continuous_update=False,
                description="by number",
                tooltip="Training images by their numbers, from 0, in place of a pick",
                layout=NARROW,
            ),
            "unseen": ipw.Dropdown(
                options=[("training images", False), ("unseen images", True)],
                description="pick from",
                tooltip="Unseen images have content codes that were fitted to them",
                layout=ipw.Layout(width="18em"),
            ),
        }
        if len(view.labels) == view.trained:
            self.controls["unseen"].layout = ipw.Layout(display="none")
        self._wrong = ipw.HTML()
        for control in self.controls.values():
            control.observe(self._pick, "value")
        self.box = ipw.VBox(
            [
                row(*(self.controls[name] for name in ("source", "pick", "count"))),
                row(self.controls["unseen"], self.controls["numbers"], self._wrong),
            ]
        )
        self._pick()

    def _pick(self, _: object = None) -> None:
        value = {name: control.value for name, control in self.controls.items()}
        self._wrong.value = ""
        if value["numbers"].strip():
            try:
                self.view.images = self._numbered(value["numbers"])
            except ValueError as error:
                self._wrong.value = escape(str(error))
            return
        labels, first = self.view.labels, self.view.trained if value["unseen"] else 0
        some = labels[first:] if value["unseen"] else labels[: self.view.trained]
        of_class = torch.nonzero((some == value["source"]) | (value["source"] < 0))[:, 0] + first
        if not len(of_class):
            self._wrong.value = f"none of these {len(some)} images is of this class"
            return
        stream = torch.Generator().manual_seed(self._seed + value["pick"])
        order = torch.randperm(len(of_class), generator=stream)
        self.view.images = of_class[order[: value["count"]]].tolist()

    def _numbered(self, text: str) -> list[int]:
        """The numbers in a text. Raises ValueError, in words, if they are none of images."""
        most = self.view.trained - 1
        words = text.replace(",", " ").split()
        known = all(word.isdecimal() and int(word) <= most for word in words)
        if not known or not 1 <= len(words) <= MOST:
            raise ValueError(
                f"{text!r}: expected 1 to {MOST} numbers from 0 to {most}, with commas"
            )
        return [int(word) for word in words]
