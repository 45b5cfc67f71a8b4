"""The parameters of a report: one file, one validated model, the same names everywhere."""

import difflib
import logging
import os
import re
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_origin

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    model_validator,
)

from glo_core.peers.cvae import Beta
from glo_core.recipe import ContentAdam, Count, LossName, Rate, Recipe, Seed, Sigma, grid
from reports.methods import METHODS, OLD_LOSS, OLD_SIGMA, Method
from reports.traps import TRAPS, with_traps

log = logging.getLogger("report")

# Threads or workers for each processor: more would only take memory and wait for each other.
MOST_A_PROCESSOR = 4
MOST_MODELS = 10_000


class ParameterError(ValueError):
    """Parameters that cannot be used; the message names each field, its value and why."""


def processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # only some systems can tell
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _whole(value: Any) -> Any:
    """`1e4` is a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_list(value: Any) -> Any:
    """`SIGMAS=0.1` is a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if twice := [value for value in dict.fromkeys(values) if values.count(value) > 1]:
        raise ValueError(f"{', '.join(map(str, twice))} is given more than once")
    return values


def _at_a_time(value: int) -> int:
    if value > (most := MOST_A_PROCESSOR * processors()):
        raise ValueError(
            f"at most {most} on this machine, {MOST_A_PROCESSOR} for each of its processors"
        )
    return value


Listed = BeforeValidator(_as_list)
EachOnce = AfterValidator(_each_once)
Whole = BeforeValidator(_whole)
# A million is more than any study has of anything, and nothing overflows yet.
Amount = Annotated[Count, Field(le=10**6), Whole]
AtATime = Annotated[int, Strict(), Whole, AfterValidator(_at_a_time)]


class Parameters(BaseModel):
    """What a report is made from; each field is a name in the YAML file and on `make`'s line.

    data           `auto`, `mnist`, `mnist-5k`, or the path of a folder (see `data.load`)
    n              how many images the models are trained on
    sigmas         the noise levels, in the content codes' units
    losses         the losses: l1, l2, l1+l2
    seeds          the models' seeds: pictures show the first, measures are means over all
    epochs, batch_size, learning_rate, latent_rate, content_adam    as in `Recipe`
    learning_latent_rate, frontier_sigmas    the frontier compares the latents' rate with this
                   higher one, at these noise levels
    trap_sigma     the noise level at which each trap is switched on
    handed_in_sigmas    the noise levels of the exercise as handed in
    unseen         how many images, that no model was trained on, content codes are fitted to
    betas          the weights of the conditional VAE's KL divergence
    chosen_loss, chosen_sigma            the choice that epochs and scratch figures show
    pick_seed      the seed of every random pick of digits to show
    threads        how many groups of models train at a time in this process, and how many models
                   are measured, and notebooks run
    workers        how many Dask workers on this machine train instead; 0: none
    scheduler      the address of a Dask scheduler whose workers train instead; "": none
    insecure       whether a scheduler on another machine may be met without TLS
    device         auto, cpu or cuda: where they train
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[str, Field(min_length=1)]
    n: Amount
    sigmas: Annotated[tuple[Sigma, ...], Listed, Field(min_length=1), EachOnce]
    losses: Annotated[tuple[LossName, ...], Listed, Field(min_length=1), EachOnce]
    seeds: Annotated[tuple[Annotated[Seed, Whole], ...], Listed, Field(min_length=1), EachOnce]
    epochs: Amount
    batch_size: Amount
    learning_rate: Rate
    latent_rate: Rate
    learning_latent_rate: Rate
    frontier_sigmas: Annotated[tuple[Sigma, ...], Listed, Field(min_length=1), EachOnce]
    trap_sigma: Sigma
    handed_in_sigmas: Annotated[tuple[Sigma, ...], Listed, Field(min_length=1), EachOnce]
    unseen: Amount
    betas: Annotated[tuple[Beta, ...], Listed, Field(min_length=1), EachOnce]
    content_adam: ContentAdam
    chosen_loss: LossName
    chosen_sigma: Sigma
    pick_seed: Annotated[Seed, Whole]
    threads: Annotated[AtATime, Field(ge=1)]
    workers: Annotated[AtATime, Field(ge=0)]
    scheduler: str
    insecure: bool
    device: Literal["auto", "cpu", "cuda"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, chosen, swept in (
            ("loss", self.chosen_loss, self.losses),
            ("sigma", self.chosen_sigma, self.sigmas),
        ):
            if chosen not in swept:
                raise ValueError(
                    f"chosen_{name} = {chosen!r} is none of the values that are trained, "
                    f"{list(swept)!r}: set chosen_{name} to one of them"
                )
        if self.workers and self.scheduler:
            raise ValueError(
                f"workers = {self.workers} and scheduler = {self.scheduler!r}: set only one of them"
            )
        of_a_seed = len(self.losses) * len(self.sigmas) + len(self.handed_in_sigmas)
        if (models := len(self.seeds) * of_a_seed) > MOST_MODELS:
            raise ValueError(
                f"losses, sigmas, handed_in_sigmas and seeds make {models} models: set fewer of "
                f"them, for at most {MOST_MODELS}"
            )
        self.recipes()
        return self

    def content(self) -> dict[str, Any]:
        """All but what says only where, and how many at a time, things are computed."""
        where = {"threads", "workers", "scheduler", "insecure", "device"}
        return self.model_dump(mode="json", exclude=where)

    @property
    def shared(self) -> dict[str, Any]:
        """What all recipes have in common, unless they are to differ in it."""
        names = ("epochs", "batch_size", "learning_rate", "latent_rate", "content_adam")
        return {name: getattr(self, name) for name in names}

    def recipe(self, loss: LossName, sigma: float, **changes: Any) -> Recipe:
        """The recipe of a loss and σ, of the first seed, with some other fields changed."""
        return Recipe(
            **{**self.shared, "seed": self.seeds[0], "loss": loss, "sigma": sigma, **changes}
        )

    def over_seeds(self, recipe: Recipe) -> list[Recipe]:
        """The recipe with every seed."""
        return [recipe.model_copy(update={"seed": seed}) for seed in self.seeds]

    def sweep(self) -> list[Recipe]:
        """Losses, then σ rising, then seeds."""
        return grid(self.losses, sorted(self.sigmas), self.seeds, **self.shared)

    def frontier(self) -> list[Recipe]:
        """Both of the latents' rates, then losses, then σ rising, all of the first seed.

        With the sweep's own rate, the report has them with every other seed too.
        """
        sigmas = sorted(self.frontier_sigmas)
        return [
            self.recipe(loss, sigma, latent_rate=rate)
            for rate in (self.latent_rate, self.learning_latent_rate)
            for loss in self.losses
            for sigma in sigmas
        ]

    def traps(self) -> dict[str, Recipe]:
        """Without a trap (""), and with each by its key, all of the first seed."""
        base = self.recipe(self.chosen_loss, self.trap_sigma)
        return {"": base, **{trap.key: with_traps(base, trap.key) for trap in TRAPS}}

    def methods(self) -> dict[str, Recipe]:
        """Each method by its key, of the first seed."""
        return {method.key: self._of_method(method) for method in METHODS}

    def curves(self) -> dict[str, dict[float, Recipe]]:
        """The methods with a number that is varied, by key, then by that number, rising.

        "handed-in" by σ, "cvae" by β. All of the first seed; the report trains "handed-in" with
        every other seed too.
        """
        methods = self.methods()
        varied = {
            "handed-in": ("sigma", self.handed_in_sigmas),
            "cvae": ("beta", self.betas),
        }
        return {
            key: {value: methods[key].model_copy(update={name: value}) for value in sorted(values)}
            for key, (name, values) in varied.items()
        }

    def recipes(self) -> list[Recipe]:
        """Every recipe of the report, each once: the sweep's first, then the others'."""
        curves = self.curves()
        others = [*self.traps().values(), *self.methods().values(), *curves["handed-in"].values()]
        seeded = [each for recipe in others for each in self.over_seeds(recipe)]
        of_first = [*self.frontier(), *curves["cvae"].values()]
        return list(dict.fromkeys([*self.sweep(), *seeded, *of_first]))

    def _of_method(self, method: Method) -> Recipe:
        exercise = self.recipe(OLD_LOSS, OLD_SIGMA).model_dump()
        epochs = {name: times * self.epochs for name, times in method.budget.items()}
        return method.kind(**{**exercise, **epochs, **method.changes})


class _Loader(yaml.SafeLoader):
    """YAML with numbers as people write them: 010 is ten, 1e-3 a number, and `no` a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [str(name.value) for name, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise yaml.YAMLError(f"{', '.join(sorted(twice))} is given twice")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for kind, form in (
    ("bool", "true|True|false|False"),
    ("int", r"[-+]?[0-9]+(_[0-9]+)*"),
    ("float", r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    ("null", "null|~|"),
):
    pattern = re.compile(rf"^({form})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, None)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
SHORT = reprlib.Repr()  # of values in messages, however large or deep
SHORT.maxstring, SHORT.maxother, SHORT.maxlevel = 80, 80, 2
# The last three are PyYAML's for a value that is not of the kind that its own tag names.
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, LookupError, TypeError, AttributeError)


def read(path: Path | str, overrides: dict[str, Any] | None = None) -> Parameters:
    """The parameters of a YAML file, with some of them replaced.

    Raises ParameterError, naming all that is wrong at once: an unknown name (with the nearest
    right one), a missing one, a value that is not allowed, a file that is not there.
    """
    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)
    except (OSError, *UNREADABLE) as error:
        raise ParameterError(f"cannot read the parameter file {path}: {error}") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{path}: expected lines of the form `name: value`")
    try:
        return Parameters.model_validate({**values, **(overrides or {})})
    except ValidationError as error:
        problems = "\n".join(f"  {_explained(problem)}" for problem in error.errors())
        raise ParameterError(f"parameters that cannot be used ({path}):\n{problems}") from error


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """What the words `NAME=VALUE` behind `make` say, by name.

    Warns of parameters in the environment, as by `EPOCHS=3 make report`: they are not used, since
    a machine may have an N or a DATA of its own.
    """
    found: dict[str, Any] = {}
    for name, value in map(parse_override, assignments):
        if name in found:
            raise ParameterError(f"{name} is given twice: write it once")
        found[name] = value
    for name in Parameters.model_fields.keys() - found.keys():
        if value := os.environ.get(name.upper()):
            word = f"{name.upper()}={value}"
            log.warning(
                "%s stands in the environment, which is not used: write it after `make report`",
                word,
            )
    return found


def parse_override(text: str) -> tuple[str, Any]:
    """`SIGMAS=0,0.1` as ("sigmas", [0, 0.1]): names in any case, lists with commas.

    Values are read as YAML reads them, but for numbers, which are as people write them.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    name, said = name.lower(), SHORT.repr(text)
    if not equals:
        raise ParameterError(f"{said}: expected NAME=VALUE")
    field = Parameters.model_fields.get(name)
    if field is not None and field.annotation is str:
        return name, value
    if field is not None and not value:
        raise ParameterError(f"{said} has no value: write one, or leave {name} out")
    if field is not None and get_origin(field.annotation) is tuple and value[0] != "[":
        if not all(part.strip() for part in value.split(",")):
            raise ParameterError(f"{said}: there is a comma without a value beside it")
        value = f"[{value}]"
    try:
        return name, yaml.load(value, _Loader)
    except UNREADABLE as error:
        raise ParameterError(f"{said}: cannot read the value") from error


def _explained(problem: Any) -> str:
    """One validation error in the words of the parameter file."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name, *place = (str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = [*Parameters.model_fields, "params"]  # PARAMS=FILE is make's
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else f"there are {', '.join(Parameters.model_fields)}"
        )
        return f"unknown name {name!r}: {hint}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    where = f"{name}[{place[0]}]" if place else name
    return f"{where} = {SHORT.repr(problem['input'])}: {message}"
