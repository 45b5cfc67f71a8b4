"""The parameters of a report: one file, one validated model, the same names everywhere."""

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
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


class ParameterError(ValueError):
    """Parameters that cannot be used; the message names each field, its value and why."""


def _number(value: Any) -> Any:
    """YAML reads `1e-3`, without a point, as text: text that is a number is taken as one."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _as_list(value: Any) -> Any:
    """`SIGMAS=0.1` is a list of one."""
    return value if isinstance(value, list | tuple) else [value]


Number = BeforeValidator(_number)
Listed = BeforeValidator(_as_list)


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
    n: Count
    sigmas: Annotated[tuple[Annotated[Sigma, Number], ...], Listed, Field(min_length=1)]
    losses: Annotated[tuple[LossName, ...], Listed, Field(min_length=1)]
    seeds: Annotated[tuple[Seed, ...], Listed, Field(min_length=1)]
    epochs: Count
    batch_size: Count
    learning_rate: Annotated[Rate, Number]
    latent_rate: Annotated[Rate, Number]
    learning_latent_rate: Annotated[Rate, Number]
    frontier_sigmas: Annotated[tuple[Annotated[Sigma, Number], ...], Listed, Field(min_length=1)]
    trap_sigma: Annotated[Sigma, Number]
    handed_in_sigmas: Annotated[tuple[Annotated[Sigma, Number], ...], Listed, Field(min_length=1)]
    unseen: Count
    betas: Annotated[tuple[Annotated[Beta, Number], ...], Listed, Field(min_length=1)]
    content_adam: ContentAdam
    chosen_loss: LossName
    chosen_sigma: Annotated[Sigma, Number]
    pick_seed: Seed
    threads: Count
    workers: Annotated[int, Strict(), Field(ge=0)]
    scheduler: str
    insecure: Annotated[bool, Strict()]
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


def read(path: Path | str, overrides: dict[str, Any] | None = None) -> Parameters:
    """The parameters of a YAML file, with some of them replaced.

    Raises ParameterError, naming all that is wrong at once: an unknown name (with the nearest
    right one), a missing one, a value that is not allowed, a file that is not there.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ParameterError(f"cannot read the parameter file {path}: {error}") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{path}: expected lines of the form `name: value`")
    try:
        return Parameters(**{**values, **(overrides or {})})
    except ValidationError as error:
        problems = "\n".join(f"  {_explained(problem)}" for problem in error.errors())
        raise ParameterError(f"parameters that cannot be used ({path}):\n{problems}") from error


def parse_override(text: str) -> tuple[str, Any]:
    """`SIGMAS=0,0.1` as ("sigmas", [0, 0.1]): names in any case, lists with commas.

    Values are read as YAML reads them; a value with a comma is a list.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"{text!r}: expected NAME=VALUE")
    name = name.strip().lower()
    field = Parameters.model_fields.get(name)
    if field is not None and field.annotation is str:
        return name, value
    listed = "," in value and not value.strip().startswith("[")
    try:
        return name, yaml.safe_load(f"[{value}]" if listed else value)
    except yaml.YAMLError as error:
        raise ParameterError(f"{text!r}: cannot read the value {value!r}") from error


def _explained(problem: Any) -> str:
    """One validation error in the words of the parameter file."""
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    name, *place = (str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = [*Parameters.model_fields, "params"]  # PARAMS=FILE is make's
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = (
            f"did you mean {near[0]!r}?"
            if near
            else f"there are {', '.join(Parameters.model_fields)}"
        )
        return f"unknown name {name!r}: {hint}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    where = f"{name}[{place[0]}]" if place else name
    return f"{where} = {problem['input']!r}: {problem['msg']}"
