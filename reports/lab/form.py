"""A recipe as a form: a control for each number, and in words what is wrong with it."""

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple, get_args

import ipywidgets as ipw
from pydantic import ValidationError

from glo_core.data import Digits
from glo_core.recipe import Recipe, Schedule
from reports.methods import METHODS
from reports.show.names import LOSS_NAMES
from reports.study import Study
from reports.traps import HANDED_IN, TRAPS, TrapName, TrapRecipe


class Field(NamedTuple):
    """A field of recipes: its name in code, its label, its tooltip, and its values by name."""

    name: str
    label: str
    tip: str
    choices: dict[str, str] | None = None


FIELDS = (
    Field("sigma", "σ", "Standard deviation of the noise that training adds to content codes"),
    Field(
        "loss",
        "loss",
        "What training makes small: the mean difference of pixels",
        {name: key for key, name in LOSS_NAMES.items()},
    ),
    Field("class_dim", "class code", "Numbers in a class code; 0 for a model without class codes"),
    Field("content_dim", "content code", "Numbers in the content code of each image"),
    Field("learning_rate", "network rate", "The learning rate of the network, at most 1"),
    Field("latent_rate", "codes rate", "The learning rate of both latent tables, at most 1"),
    Field(
        "schedule",
        "schedule",
        "Whether rates stay constant, or fall to 0 along a half cosine",
        {name: name for name in get_args(Schedule)},
    ),
    Field("epochs", "epochs", "How often every image is seen"),
    Field("encoder_epochs", "2nd stage", "Epochs of the second stage, which trains the encoder"),
    Field("swap", "swap", "Weight of the swap term, which trains conversions; 0 for none"),
    Field("beta", "β", "Weight of the KL divergence"),
    Field("seed", "seed", "The seed of every random number of the model"),
)
# What a method leaves unused; see its recipe's description.
UNUSED = {"cvae": {"sigma", "loss", "latent_rate", "schedule", "swap"}}
# The order in which mistakes are named in a recipe: that of the exercise as handed in.
TRAP_ORDER: tuple[TrapName, ...] = (*dict.fromkeys([*HANDED_IN, *(trap.key for trap in TRAPS)]),)


class RecipeForm:
    """Controls for a recipe and the number of its images; choosing a method fills all of them.

    Fields:
        controls: By the recipe's fields, and "method", "n", and each trap's key.
        errors: What is wrong, beside each control; "" if nothing is.
        recipe, digits: What the controls say; None while something is wrong.
        box: All of it.
    """

    def __init__(self, study: Study, method: str, changed: Callable[[], None]):
        """`changed` is called whenever the recipe or its images have changed, or became wrong."""
        self._study, self._filling = study, False
        self._changed: Callable[[], None] = lambda: None
        self.recipe: Recipe | None = None
        self.digits: Digits | None = None
        self._first = study.digits  # kept, as a copy of many images takes long
        self.controls = _controls(len(study.digits))
        named = [name for name in self.controls if name not in TRAP_ORDER]
        self.errors = {name: ipw.HTML() for name in named}
        self._cells = {name: _cell(self.controls[name], self.errors[name]) for name in named}
        self._others = ipw.HTML()
        self.box = self._laid_out()
        self.controls["method"].value = method
        for name, control in self.controls.items():
            control.observe(self._fill if name == "method" else self._read, "value")
        self._fill()
        self._changed = changed

    def _laid_out(self) -> ipw.VBox:
        wrapped = ipw.Layout(flex_flow="row wrap", align_items="flex-start")
        cells = dict(self._cells)
        first = [cells.pop("method"), cells.pop("n")]
        right = {"min_width": "7.1em", "justify_content": "flex-end", "margin": "0 8px 0 2px"}
        label = ipw.Label("mistakes", layout=ipw.Layout(**right))
        traps = ipw.HBox([self.controls[trap.key] for trap in TRAPS], layout=wrapped)
        rows = [ipw.HBox(cells, layout=wrapped) for cells in (first, [*cells.values()])]
        return ipw.VBox([*rows, ipw.HBox([label, traps]), self._others])

    def _base(self) -> Recipe:
        """The recipe of the chosen method."""
        return self._study.parameters.methods()[self.controls["method"].value]

    def _fill(self, _: object = None) -> None:
        """Fills the controls with the recipe of the chosen method."""
        recipe, fields = self._base(), self._base().model_dump()
        self._filling = True
        for field in FIELDS:
            control, unused = self.controls[field.name], UNUSED.get(recipe.method, ())
            control.disabled = field.name in unused
            self._cells[field.name].layout.display = None if field.name in fields else "none"
            if field.name in fields:
                value = fields[field.name]
                control.value = value if field.choices else _written(value)
        for key in TRAP_ORDER:
            self.controls[key].value = key in fields.get("traps", ())
            self.controls[key].disabled = type(recipe) not in (Recipe, TrapRecipe)
        self._filling = False
        shown = {"traps", *(field.name for field in FIELDS)}
        others = {name: value for name, value in recipe.changed().items() if name not in shown}
        words = ", ".join(f"{name} = {value}" for name, value in others.items())
        self._others.value = _small(words and f"and, as this method has it: {words}", "inherit")
        self._read()

    def _read(self, _: object = None) -> None:
        """Makes a recipe of what the controls say, or says what is wrong with them."""
        if self._filling:
            return
        wrong: dict[str, str] = {}
        self.recipe, self.digits = self._recipe(wrong), self._images(wrong)
        if wrong:
            self.recipe = self.digits = None
        for name, error in self.errors.items():
            error.value = _small(escape(wrong.get(name, "")), "var(--jp-error-color0, #b00020)")
            error.layout.display = None if name in wrong else "none"
        self._changed()

    def _recipe(self, wrong: dict[str, str]) -> Recipe | None:
        base = self._base()
        values: dict[str, Any] = base.model_dump()
        for field in FIELDS:
            if field.name in values:
                value = self.controls[field.name].value
                values[field.name] = value if field.choices else _number(value)
        kind: type[Recipe] = type(base)
        values.pop("traps", None)
        if kind in (Recipe, TrapRecipe):
            traps = tuple(key for key in TRAP_ORDER if self.controls[key].value)
            kind = TrapRecipe if traps else Recipe
            values |= {"traps": traps} if traps else {}
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            for problem in error.errors():
                wrong[str(problem["loc"][0])] = f"{problem['input']!r}: {problem['msg']}"
            return None

    def _images(self, wrong: dict[str, str]) -> Digits | None:
        """The first images of the study: those that it would have with fewer of them."""
        images, count = self._study.digits, _number(self.controls["n"].value)
        if not isinstance(count, int) or not 1 <= count <= len(images):
            wrong["n"] = f"{count!r}: expected 1 to {len(images)}, the images of this study"
            return None
        if len(self._first) != count:
            self._first = images if count == len(images) else images.subset(range(count))
        return self._first


def _controls(images: int) -> dict[str, Any]:
    """The controls, empty, by name."""
    methods = [(method.name, method.key) for method in METHODS]
    tip = "Fills the form with the recipe of a method that the report compares"
    controls: dict[str, Any] = {"method": _choice("method", tip, methods, "28.3em")}
    controls["n"] = _text("images", f"How many images: the first of the study's {images}")
    controls["n"].value = str(images)
    for field in FIELDS:
        controls[field.name] = (
            _choice(field.label, field.tip, [*field.choices.items()])
            if field.choices
            else _text(field.label, field.tip)
        )
    for trap in TRAPS:
        controls[trap.key] = ipw.Checkbox(
            description=trap.name,
            tooltip=trap.wrong[0].upper() + trap.wrong[1:],
            indent=False,
            layout=ipw.Layout(width="auto", margin="0 0.8em 0 0", height="24px"),
        )
    return controls


def _text(label: str, tip: str) -> ipw.Text:
    """A control whose value is taken over when it is left, or by Enter."""
    return ipw.Text(
        description=label,
        tooltip=tip,
        continuous_update=False,
        style={"description_width": "7.2em"},
        layout=ipw.Layout(width="14em"),
    )


def _choice(label: str, tip: str, options: list[tuple[str, str]], width: str = "14em") -> Any:
    return ipw.Dropdown(
        options=options,
        description=label,
        tooltip=tip,
        style={"description_width": "7.2em"},
        layout=ipw.Layout(width=width, max_width="100%"),
    )


def _cell(control: Any, error: ipw.HTML) -> ipw.VBox:
    """A control with what is wrong with it."""
    error.layout = ipw.Layout(max_width="14em", margin="0 0 0 1em")
    return ipw.VBox([control, error])


def _small(words: str, color: str) -> str:
    return f'<div style="line-height:1.3;font-size:12px;color:{color}">{words}</div>'


def _written(value: float) -> str:
    """A number as people write it, to the last digit."""
    return short if float(short := f"{value:g}") == value else str(value)


def _number(text: str) -> int | float | str:
    """The number that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
