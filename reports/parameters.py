"""The parameters of a report: one file, one validated model, the same names everywhere."""

import os
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)

from glo_core.peers.cvae import Beta
from glo_core.recipe import ContentAdam, Count, LossName, Rate, Recipe, Seed, Sigma, grid
from reports.methods import METHODS, OLD_LOSS, OLD_SIGMA, Method
from reports.traps import TRAPS, with_traps

# Threads or workers for each processor: more would only take memory and wait for each other.
MOST_A_PROCESSOR = 4
MOST_MODELS = 10_000


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
