"""Which model a board shows: method, loss, noise level, seed, and training of what is missing."""

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as ipw

from reports.lab.background import ENDS, Training, duration, seconds_to_train
from reports.lab.models import VARIED, Level, Models
from reports.lab.parts import NARROW, WIDE, Latest, look_again, row
from reports.lab.view import View
from reports.methods import METHODS
from reports.show.names import LOSS_NAMES, sigma_name


class Picker:
    """Controls that choose the model of a view, linked to it in the browser where they can be.

    Fields:
        controls: By name: method, loss, level (the σ slider) and seed.
        box: All of them in rows, with a line below for a model that is not trained.
    """

    def __init__(self, models: Models, view: View):
        self.models, self.view = models, view
        self._changed: Callable[[], None] = lambda: None
        chosen = models.study.parameters
        self.levels: list[Level] = []
        self._there: list[bool] = []
        # Threads ask which level is chosen, and there are two lists while the levels are changed
        self._choosing = threading.RLock()
        self._timed = Latest(self._time, self._say)
        self._training: Training | None = None
        self.controls: dict[str, Any] = {
            "method": ipw.Dropdown(
                options=[(method.name, method.key) for method in METHODS],
                value="ours",
                description="method",
                tooltip="Which method trained the model",
                layout=WIDE,
            ),
            "level": ipw.SelectionSlider(
                options=[(sigma_name(sigma), sigma) for sigma in sorted(chosen.sigmas)],
                description="σ",
                tooltip="The noise level that the model was trained with",
                layout=ipw.Layout(width=WIDE.width, max_width=WIDE.max_width),
            ),
            "loss": ipw.Dropdown(
                options=[(LOSS_NAMES[loss], loss) for loss in models.study.losses],
                value=chosen.chosen_loss,
                description="loss",
                tooltip="The exercise's reconstruction loss",
                layout=NARROW,
            ),
            "seed": ipw.Dropdown(
                options=chosen.seeds,
                description="seed",
                tooltip="Of all random numbers in training",
                layout=NARROW,
            ),
        }
        self._only = ipw.Label()
        self._words = ipw.HTML()
        self._button = ipw.Button(description="Train it", tooltip="Train this model and keep it")
        self._button.on_click(self._train)
        self._offer = ipw.HBox([self._words, self._button], layout=ipw.Layout(display="none"))
        for name in ("method", "loss", "seed"):
            self.controls[name].observe(self._reload, "value")
        self.controls["level"].observe(self._moved, "index")
        view.link(self.controls["level"], "index", "level")
        later = (self.controls[name] for name in ("loss", "seed"))
        self.box = ipw.VBox(
            [
                row(*(self.controls[name] for name in ("method", "level")), self._only, *later),
                self._offer,
            ]
        )
        self._reload()

    def changed(self, then: Callable[[], None]) -> None:
        """Has `then` called now, and whenever another model is chosen."""
        self._changed = then
        then()

    @property
    def level(self) -> Level:
        """The chosen level."""
        with self._choosing:
            return self.levels[self.controls["level"].index if len(self.levels) > 1 else 0]

    def show(self, levels: list[Level], number: str = "σ") -> None:
        """Offers these models, of which `number` is varied."""
        slider, only = self.controls["level"], self._only
        wanted = self.models.study.parameters.chosen_sigma
        sigmas = [level.recipe.sigma for level in levels]
        place = sigmas.index(wanted) if wanted in sigmas else 0
        # A slider cannot have a single place
        single = len(levels) == 1
        slider.layout.display, only.layout.display = ("none", "") if single else ("", "none")
        only.value = f"{number} = {sigma_name(levels[0].number)}"
        with self._choosing:
            self.levels = levels
            # The view before the slider, which would move it among the levels from before, and all
            # of the slider at once, as options alone would send it to the first
            self._show(place)
            if not single:
                with slider.hold_sync():
                    slider.description = number
                    slider.options = [(sigma_name(level.number), level.number) for level in levels]
                    slider.index = place
        self._moved()

    def look(self) -> None:
        """Shows models that are new in the store."""
        with self._choosing:
            if [*map(self.models.has, self.levels)] == self._there:
                return
            self._show(self.levels.index(self.level))
        self._moved()

    def _show(self, place: int) -> None:
        self._there = [*map(self.models.has, self.levels)]
        self.view.show(self.levels, place)

    def _reload(self, _: object = None) -> None:
        method, seed = self.controls["method"].value, self.controls["seed"].value
        self.controls["loss"].disabled = method != "exercise"
        levels = self.models.levels(method, self.controls["loss"].value, seed)
        self.show(levels, VARIED.get(method, "σ"))

    def end(self) -> None:
        """Stops what is trained."""
        self._timed.end()
        if self._training:
            self._training.stop()

    def _moved(self, _: object = None) -> None:
        """Offers to train the chosen model if it is not there."""
        there = self.models.has(self.level)
        self._offer.layout.display = "none" if there else ""
        self._button.disabled = self._trains
        if not there:
            meanwhile = " Another is being trained." if self._trains else ""
            self._say(f"This model is not trained yet.{meanwhile}")
            self._timed.ask(self.level)
        self._changed()

    def _time(self, level: Level) -> None:
        takes = duration(seconds_to_train(level.recipe, level.digits))
        if level == self.level and not self._trains:
            self._say(f"This model is not trained yet: that takes {takes}.")

    @property
    def _trains(self) -> bool:
        return self._training is not None and self._training.state not in ENDS

    def _train(self, _: object) -> None:
        study, level = self.models.study, self.level
        device = study.parameters.device
        if not self._trains:
            made = Training(level.recipe, level.digits, study.store, device, self._told)
            self._training = made
            made.start()

    def _told(self, training: Training) -> None:
        """Says how training stands, and shows what it has given; called by its thread."""
        self._button.disabled = self._trains
        if training.recipe == self.level.recipe:
            self._say(training.words)
        if training.state == "finished":
            look_again()

    def _say(self, words: str) -> None:
        self._words.value = escape(words)
