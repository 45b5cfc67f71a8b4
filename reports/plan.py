"""What a report takes, before it is built: models to train, minutes, disk and memory.

    python -m reports.plan reports/full.yaml N=60000 SIGMAS=0,0.1,1

Training is told from some steps that are made on the spot; other times are those of a usual
machine, made longer or shorter as much as these steps were.
"""

import logging
import sys
from dataclasses import dataclass

from glo_core import group
from glo_core.data import DataError
from glo_core.measures.evaluation import MEASURES, measures_of
from glo_core.measures.subject import MEASURED
from glo_core.recipe import Recipe
from glo_core.runs.sweep import equal_models, work
from glo_core.training import WIDTH, side_by_side
from reports.measuring import measure_file
from reports.reading import ParameterError, parse_overrides
from reports.study import Study, open_study

log = logging.getLogger("report")

# A report that takes more than this is built only if it is asked for with YES=1.
MOST_MINUTES, MOST_GIGABYTES = 60, 20
# Above this, Adam over all content codes takes longer than the rest of a step.
MANY_IMAGES = 10_000
# Seconds, on the machine that `Measure.seconds` are of: a step of a plain recipe's model beside
# nine others, the judge, and all sections with both documents.
USUAL_STEP, JUDGE, DOCUMENTS = 1.8e-3, 17, 45
# Bytes: the measures of a model, for each image that it is measured with; and all sections with
# both documents, which are written beside the last ones.
MEASURES_BYTES, DOCUMENTS_BYTES = 650, 50e6
# Bytes of memory: what a process takes that measures or runs a notebook, and this one.
PROCESS, MAIN = 0.7e9, 1.2e9


class PlanError(ValueError):
    """A report that takes long or much, and was not asked for explicitly."""


@dataclass(frozen=True)
class Plan:
    """What a report takes.

    Fields:
        models: How many models it has.
        found: How many of them the store has.
        trained: How many are trained; more are lacking where some equal others.
        steps: How many steps these are trained for, in those of a plain recipe's model.
        step: Seconds a step of one model.
        minutes: To train, to measure, and for sections and documents.
        disk: Bytes that new models and their measures take.
        memory: Bytes at most, all processes together.
        advice: What would make it cheaper; "" for nothing.
    """

    models: int
    found: int
    trained: int
    steps: float
    step: float
    minutes: tuple[float, float, float]
    disk: float
    memory: float
    advice: str

    def lines(self) -> list[str]:
        """The plan in words."""
        lacking = self.models - self.found
        equal = f", {lacking - self.trained} equal to others" * (lacking > self.trained)
        training, measuring, documents = self.minutes
        return [
            f"{self.models} models: {self.found} found, {self.trained} to train{equal}",
            f"{self.steps:,.0f} steps of {1e3 * self.step:.1f} ms: {training:.1f} minutes of "
            f"training, {measuring:.1f} of measuring, {documents:.1f} of sections and documents",
            f"about {sum(self.minutes):.0f} minutes, {self.disk / 1e9:.1f} GB of disk, "
            f"{self.memory / 1e9:.1f} GB of memory",
            *([self.advice] if self.advice else []),
        ]

    def check(self, yes: bool) -> None:
        """Raises PlanError for a dear plan without a yes."""
        minutes, gigabytes = sum(self.minutes), max(self.disk, self.memory) / 1e9
        if not yes and (minutes > MOST_MINUTES or gigabytes > MOST_GIGABYTES):
            raise PlanError(
                f"this takes {minutes:.0f} minutes and {gigabytes:.0f} GB, more than "
                f"{MOST_MINUTES} minutes or {MOST_GIGABYTES} GB: add YES=1 to go on"
            )


def plan(study: Study) -> Plan:
    """What building the report of this study takes. Trains nothing."""
    chosen, digits = study.parameters, study.digits
    recipes = chosen.recipes()
    lacking = [recipe for recipe in recipes if not study.has(recipe)]
    trained = [twins[0] for twins in equal_models(recipes) if not any(map(study.has, twins))]
    to_measure = _to_measure(study)
    # Equal models are measured once
    measures = sum(
        MEASURES[name].seconds
        for twins in equal_models(to_measure)
        for name in to_measure[twins[0]]
    )
    step = step_seconds(study) if trained or measures else 0.0
    slowness, workers = step / USUAL_STEP, chosen.workers or chosen.threads
    effort = sum(work(recipe, digits) for recipe in trained)
    alone = 0 if study.judged else JUDGE * slowness
    # How many images are measured, trained on and unseen, in those that `Measure.seconds` are of
    size = (min(len(digits), MEASURED) / 2000 + len(study.unseen) / 1000) / 2
    minutes = (
        (effort * step + alone) / workers / 60,
        slowness * size * measures / chosen.threads / 60,
        slowness * DOCUMENTS / 60,
    )
    advice = ""
    if chosen.content_adam == "dense" and len(digits) > MANY_IMAGES:
        advice = (
            f"each step moves the content codes of all {len(digits):,} images: with "
            "CONTENT_ADAM=sparse only those of its batch, in less time"
        )
    return Plan(
        models=len(recipes),
        found=len(recipes) - len(lacking),
        trained=len(trained),
        steps=effort,
        step=step,
        minutes=minutes,
        disk=sum(_stored_bytes(recipe, len(digits)) for recipe in lacking)
        + len(to_measure) * MEASURES_BYTES * min(len(digits), MEASURED),
        memory=_memory(study, trained, workers),
        advice=advice,
    )


def step_seconds(study: Study) -> float:
    """Seconds a step of a plain recipe's model, beside as many others as usual, by one thread."""
    recipes = [twins[0] for twins in equal_models(study.parameters.sweep())]
    return group.step_seconds(side_by_side(recipes)[0], study.digits)


def _to_measure(study: Study) -> dict[Recipe, list[str]]:
    """Which measures the store lacks of each recipe; a recipe of which it has all is left out."""
    judge, unseen, found = study.judge_weights, study.unseen.fingerprint, {}
    for recipe, scope in study.scopes().items():
        (key,) = study.keys(recipe)
        names = [
            name
            for name in measures_of(scope)
            if not (study.store.root / key / f"{measure_file(name, judge, unseen)}.json").exists()
        ]
        if names:
            found[recipe] = names
    return found


def _stored_bytes(recipe: Recipe, images: int) -> float:
    """What the store takes for a model: float32 weights and codes, and pictures of every epoch."""
    classes, panel = 10, 20
    codes = images * recipe.content_dim + classes * recipe.class_dim
    network = 84 * (recipe.class_dim + recipe.content_dim) + 65_000
    return 4 * (codes + network) + recipe.epochs * (panel + classes) * 28 * 28


def _memory(study: Study, trained: list[Recipe], workers: int) -> float:
    """The most of training and of measuring: tables with gradients, moments and noise, and images.

    A content code takes its number, gradient, two moments and the noise of an epoch, and space for
    one more of these while Adam computes; images are held twice.
    """
    chosen, images = study.parameters, len(study.digits)
    numbers = max((recipe.content_dim for recipe in trained), default=0)
    tables = workers * WIDTH * images * numbers * 4 * 6
    pictures = images * 28 * 28 * 4
    training = MAIN + tables + 2 * pictures if trained else 0
    return max(training, MAIN + chosen.threads * (PROCESS + 4 * pictures))


def main(arguments: list[str]) -> int:
    """`reports.plan [PARAMETER_FILE [NAME=VALUE ...]]`: prints the plan; 0 if there is one."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parameter_file, *assignments = arguments or ["reports/full.yaml"]
    try:
        overrides = parse_overrides(assignments)
        overrides.pop("yes", None)
        print("\n".join(plan(open_study(parameter_file, overrides)).lines()))
    except (ParameterError, DataError) as error:
        log.error("make plan: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
