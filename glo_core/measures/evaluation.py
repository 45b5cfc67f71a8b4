"""The list of measures, and each one's version."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
import sklearn

from glo_core import priors
from glo_core.measures import (
    conversions,
    held_out,
    leakage,
    reconstruction,
    samples,
    scratch,
    style,
)
from glo_core.measures.subject import Subject
from glo_core.provenance import imported, syntax_hash


class Measure(NamedTuple):
    """A measure: what computes it, and whether every model gets it or only the compared methods.

    `compute` returns numbers by their names, in a form that JSON can hold.
    """

    compute: Callable[[Subject], dict[str, Any]]
    of_every_model: bool = True


MEASURES = {
    "reconstruction": Measure(reconstruction.measure),
    "conversions": Measure(conversions.measure),
    "leakage": Measure(leakage.measure),
    "scratch": Measure(scratch.measure),
    "held-out": Measure(held_out.measure, of_every_model=False),
    "style": Measure(style.measure, of_every_model=False),
    "samples": Measure(samples.measure, of_every_model=False),
}


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
