"""The list of measures, and each one's version."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import scipy
import sklearn

from glo_core import priors
from glo_core.measures import (
    conversions,
    held_out,
    leakage,
    leaks,
    reconstruction,
    samples,
    scratch,
    style_kept,
)
from glo_core.measures.subject import Subject
from glo_core.provenance import imported, syntax_hash

# Of which models a measure is taken, from the cheapest to the dearest: of every one, of those of
# the first seed and of all compared methods, of the compared methods alone, or of these with the
# first seed alone.
Scope = Literal["model", "first seed", "method", "method of the first seed"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Measure(NamedTuple):
    """A measure: what computes it, of which models it is taken, and how dear it is.

    `compute` returns what was measured by its names, in a form that JSON can hold. `seconds` is
    about how long it takes of a model of 2,000 images with 1,000 unseen ones: dear models are
    measured first, and progress is counted in these.
    """

    compute: Callable[[Subject], dict[str, Any]]
    scope: Scope = "model"
    seconds: float = 0.1


MEASURES = {
    "reconstruction": Measure(reconstruction.measure, seconds=0.15),
    "conversions": Measure(conversions.measure, seconds=0.7),
    "leakage": Measure(leakage.measure, seconds=0.35),
    "scratch": Measure(scratch.measure, seconds=0.05),
    "held-out": Measure(held_out.measure, "first seed", 4.3),  # the fit to unseen images among it
    "style": Measure(style_kept.measure, "first seed", 0.4),
    "unseen-style": Measure(style_kept.measure_unseen, "method", 0.35),
    "further": Measure(held_out.measure_further, "method", 0.75),
    "leaks": Measure(leaks.measure, "method of the first seed", 20),
    "samples": Measure(samples.measure, "method", 3.0),
}


def measures_of(scope: Scope) -> list[str]:
    """The names of the measures that a model of this scope gets: its own, and all wider ones."""
    wider = SCOPES[: SCOPES.index(scope) + 1]
    return [name for name, measure in MEASURES.items() if measure.scope in wider]


@cache
def version(name: str) -> str:
    """A hash of the code of a measure's own modules, and of the libraries it computes with.

    The modules that generate images are left out: a run's key has their versions.
    """
    file = Path(inspect.getfile(MEASURES[name].compute))
    files = {file} | imported(file.read_text(encoding="utf-8"))
    own = [each for each in files if each.parent == file.parent or each == Path(priors.__file__)]
    content = f"{syntax_hash(own)} {np.__version__} {scipy.__version__} {sklearn.__version__}"
    return hashlib.sha256(content.encode()).hexdigest()[:12]
