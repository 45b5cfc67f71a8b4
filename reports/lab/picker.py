"""Which model a board shows: method, loss, noise level, seed, and training of what is missing."""

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from glo_core.recipe import Recipe
from reports.lab.models import VARIED, Level, Models, duration
from reports.lab.parts import NARROW, WIDE, Latest, row
from reports.lab.view import View
from reports.methods import METHODS
from reports.show.names import LOSS_NAMES, sigma_name


class Picker:
    """Controls that choose the model of a view, linked to it in the browser where they can be.

    Fields:
        controls: By name: method, loss, level (the σ slider) and seed.
        box: All of them in rows, with a line below for a model that is not trained.
        workers: What tells how long training takes, and trains.
    """

    def __init__(self, models: Models, view: View):
        self.models, self.view = models, view
        self._changed: Callable[[], None] = lambda: None
        chosen = models.study.parameters
        self.levels: list[Level] = []
        self._timed = Latest(self._time, self._say)
        self._trained = Latest(self._training, self._say)
        self.workers = [self._timed, self._trained]
        self.controls: dict[str, Any] = {
            "method": ipw.Dropdown(
                options=[(method.name, method.key) for method in METHODS],
                value="ours",
                description="method",
                tooltip="Which method trained the model",
                layout=WIDE,
            ),
            "level": ipw.SelectionSlider(
                options=[("", 0.0)],
                description="σ",
                tooltip="The noise level that the model was trained with",
                layout=WIDE,
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
        self._words = ipw.HTML()
        self._train = ipw.Button(description="Train it", tooltip="Train this model and keep it")
        self._train.on_click(lambda _: self._start_training())
        self._offer = ipw.HBox([self._words, self._train], layout=ipw.Layout(display="none"))
        for name in ("method", "loss", "seed"):
            self.controls[name].observe(self._reload, "value")
        self.controls["level"].observe(self._moved, "index")
        ipw.jslink((self.controls["level"], "index"), (view, "level"))
        self.box = ipw.VBox(
            [
                row(*self.controls.values()),
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
        return self.levels[self.controls["level"].index or 0]

    def show(self, levels: list[Level], number: str = "σ") -> None:
        """Offers these models, of which `number` is varied."""
        self.levels = levels
        slider = self.controls["level"]
        wanted = self.models.study.parameters.chosen_sigma
        sigmas = [level.recipe.sigma for level in levels]
        place = sigmas.index(wanted) if wanted in sigmas else 0
        slider.description = number
        slider.options = [(sigma_name(level.number), level.number) for level in levels]
        slider.index = place
        slider.disabled = len(levels) == 1
        self.view.show(levels, place)
        self._moved()

    def _reload(self, _: object = None) -> None:
        method, seed = self.controls["method"].value, self.controls["seed"].value
        self.controls["loss"].disabled = method != "exercise"
        levels = self.models.levels(method, self.controls["loss"].value, seed)
        self.show(levels, VARIED.get(method, "σ"))

    def _moved(self, _: object = None) -> None:
        """Offers to train the chosen model if it is not there."""
        recipe = self.level.recipe
        there = self.models.has(recipe)
        self._offer.layout.display = "none" if there else ""
        if not there:
            self._train.disabled = False
            self._say("This model is not trained yet.")
            self._timed.ask(recipe)
        self._changed()

    def _time(self, recipe: Recipe) -> None:
        takes = duration(self.models.seconds(recipe))
        if recipe == self.level.recipe:
            self._say(f"This model is not trained yet: that takes {takes}.")

    def _start_training(self) -> None:
        self._train.disabled = True
        self._say("Training …")
        self._trained.ask(self.level.recipe)

    def _training(self, recipe: Recipe) -> None:
        try:
            self.models.train(recipe)
        finally:
            self._train.disabled = False
        self.show(self.levels, self.controls["level"].description)

    def _say(self, words: str) -> None:
        self._words.value = words
