"""The lab's board on which models are trained live: one recipe, and another beside it."""

import threading
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import anywidget
import ipywidgets as ipw
import torch
import traitlets as tr
from PIL import Image

from glo_core.data import Digits
from glo_core.recipe import Recipe
from glo_core.recorder import Epoch
from glo_core.runs.store import run_key
from reports.lab.background import ENDS, Training, duration, seconds_to_train
from reports.lab.form import RecipeForm
from reports.lab.models import finite
from reports.lab.parts import Board, Latest, look_again
from reports.show import page
from reports.show.animation import png
from reports.show.mosaics import mosaic
from reports.study import Study

# Seconds between two pictures of a model that is trained: epochs in between are not shown.
INTERVAL = 0.5
# How many classes are shown at most.
SHOWN = 10
# The panels' colours, which colour-blind readers can tell apart.
COLORS = {"A": "#0072B2", "B": "#D55E00"}


def training_board(study: Study) -> Board:
    """Two recipes as forms, which are trained in threads while curves and images are drawn anew.

    The study's first images are trained on, and what is trained goes into its store. A board that
    was made before ends its trainings. The controls are those of both forms, and the workers the
    two panels.
    """
    curves, drawing = Curves(), threading.Lock()

    def draw_curves() -> None:
        with drawing:
            curves.show(panels)

    methods = {"A": "ours", "B": "exercise"}
    panels = [Panel(study, name, methods[name], draw_curves) for name in COLORS]
    draw_curves()
    wrapped = ipw.Layout(flex_flow="row wrap", align_items="flex-start")
    forms = ipw.HBox([panel.box for panel in panels], layout=wrapped)
    pictures = ipw.HBox([panel.shown for panel in panels], layout=wrapped)
    controls = {
        f"{panel.name} {name}": each
        for panel in panels
        for name, each in (panel.form.controls | panel.buttons).items()
    }
    return Board("training", [forms, curves, pictures], controls, curves, panels)


class Curves(anywidget.AnyWidget):
    """The loss curves of all that was started, on the same axes, which the browser draws.

    Traits: `curves`, each with its name, colour and losses, and how many `epochs` the axis has.
    """

    _esm = page.widget()
    _css = page.style()

    scene = tr.Unicode("curves").tag(sync=True)
    curves: tr.List[Any] = tr.List().tag(sync=True)
    epochs = tr.Int(1).tag(sync=True)

    def show(self, panels: Sequence["Panel"]) -> None:
        """Shows the curves of these panels as they are now."""
        started = [(panel.name, each) for panel in panels if (each := panel.training)]
        with self.hold_sync():
            self.epochs = max((each.recipe.epochs for _, each in started), default=1)
            self.curves = [
                {"name": name, "color": COLORS[name], "losses": finite(each.losses)}
                for name, each in started
            ]


class Panel:
    """One recipe: its form, what training would take, the buttons, and how training stands.

    Fields:
        name: "A" or "B".
        form: The recipe.
        training: What was started last; None before.
        start, pause, stop: The buttons; `pause` is "Go on", too.
        plan, status: What training would take, and how it stands, as HTML.
        picture: Images of the model, with a caption in `shown`.
        box: All but the images.
    """

    def __init__(
        self,
        study: Study,
        name: str,
        method: str,
        draw_curves: Callable[[], None],
    ):
        """`draw_curves` draws the curves of all panels."""
        self.name = name
        self.training: Training | None = None
        self._study, self._draw_curves = study, draw_curves
        # When, and in which state, training was shown last
        self._drawn, self._drawn_state = 0.0, ""
        self._saying = threading.Lock()
        self.start = _button("Start", "Train this recipe, and keep the model in runs/", self._start)
        self.pause = _button("Pause", "Hold before the next step, or go on", self._pause)
        self.stop = _button(
            "Stop", "End training before its next step, and keep nothing", self._stop
        )
        self.plan, self.status = ipw.HTML(), ipw.HTML()
        self._planned = Latest(self._tell_plan, self._say_plan)
        self.picture = ipw.Image(format="png", layout=ipw.Layout(max_width="100%"))
        self.form = RecipeForm(study, method, self._chosen)
        self.box, self.shown = self._laid_out()
        self._chosen()

    @property
    def buttons(self) -> dict[str, ipw.Button]:
        """The buttons by what they do."""
        return {"start": self.start, "pause": self.pause, "stop": self.stop}

    def end(self) -> None:
        """Stops what is trained; a finished model stays."""
        self._planned.end()
        self._stop()

    def _stop(self, _: object = None) -> None:
        if self.training:
            self.training.stop()
        self._show_state()

    def _laid_out(self) -> tuple[ipw.VBox, ipw.VBox]:
        title = f'<b style="color:{COLORS[self.name]}">Recipe {self.name}</b>'
        buttons = ipw.HBox([self.start, self.pause, self.stop, self.plan])
        buttons.layout.flex_flow = "row wrap"
        box = ipw.VBox([ipw.HTML(title), self.form.box, buttons, self.status])
        shown = ipw.VBox([ipw.HTML(title), self.picture])
        for half in (box, shown):
            half.layout = ipw.Layout(flex="1 1 30em", min_width="0", margin="0 1em 0 0")
        shown.layout.visibility = "hidden"
        return box, shown

    def _start(self, _: object) -> None:
        recipe, digits = self.form.recipe, self.form.digits
        if recipe is None or digits is None:
            return
        device = self._study.parameters.device
        self.training = Training(recipe, digits, self._study.store, device, self._changed)
        self.training.start()
        self._show_state()

    def _pause(self, _: object) -> None:
        if self.training:
            (self.training.go_on if self.training.holding else self.training.pause)()
        self._show_state()

    def _chosen(self) -> None:
        """The form has changed: says in a while what training would take."""
        self._show_state()
        recipe, digits = self.form.recipe, self.form.digits
        if recipe is None or digits is None:
            self._say_plan("To train, correct what is said above.")
            return
        self._planned.ask(recipe, digits)

    def _tell_plan(self, recipe: Recipe, digits: Digits) -> None:
        words = _plan(recipe, digits, self._study)
        if recipe is self.form.recipe:  # the form has not changed again
            self._say_plan(words)

    def _say_plan(self, words: str) -> None:
        self.plan.value = escape(words)

    def _changed(self, training: Training) -> None:
        """Shows how training stands; called by the thread that trains."""
        now = time.monotonic()
        if training.state == self._drawn_state and now - self._drawn < INTERVAL:
            return
        self._drawn, self._drawn_state = now, training.state
        if training.epoch:
            self.picture.value = png(images_of(training.epoch, training.digits))
            self.shown.layout.visibility = None
        self._draw_curves()
        self._show_state()
        if training.state in ENDS:
            self._chosen()
        if training.state == "finished":
            look_again()

    def _show_state(self) -> None:
        """Says how training stands, and lets only those buttons be pressed that have a use."""
        with self._saying:  # what is said last is how it stands last
            training = self.training
            trains = training is not None and training.state not in ENDS
            self.start.disabled = trains or self.form.recipe is None
            self.pause.disabled = self.stop.disabled = not trains
            if training:
                self.pause.description = "Go on" if trains and training.holding else "Pause"
                self.status.value = f"{_bar(training)} {escape(training.words)}"


def images_of(epoch: Epoch, digits: Digits) -> Image.Image:
    """One image of each class in the panel, its reconstruction, and the row from scratch.

    At most SHOWN classes; a class that the panel lacks is blank.
    """
    indices, names = epoch.indices[0], digits.class_names[:SHOWN]
    images = torch.zeros(3, len(names), 28, 28, dtype=torch.uint8)
    for label in range(len(names)):
        for place in (digits.labels[indices] == label).nonzero()[:1, 0]:
            images[0, label] = (digits.images[indices[place]] * 255).round().byte()
            images[1, label] = epoch.panel[0, place]
    images[2] = epoch.scratch[0, :SHOWN]
    return mosaic(images, ["image", "reconstructed", "from scratch"], names)


def _plan(recipe: Recipe, digits: Digits, study: Study) -> str:
    """What training would take, in words."""
    if (study.store.root / run_key(recipe, digits)).exists():
        return "in runs/ already: Start shows it, and trains nothing"
    try:
        return f"{duration(seconds_to_train(recipe, digits))} to train"
    except Exception as error:  # such as numbers of a code that do not fit into memory
        return f"how long this takes cannot be told: {type(error).__name__}: {error}"


def _bar(training: Training) -> str:
    """How much of the training is done, as a bar."""
    done = training.epoch.number if training.epoch else 0
    return f'<progress max="{training.epochs}" value="{done}"></progress>'


def _button(name: str, tip: str, pressed: Callable[[object], None]) -> ipw.Button:
    button = ipw.Button(description=name, tooltip=tip, layout=ipw.Layout(width="6em"))
    button.on_click(pressed)
    return button
