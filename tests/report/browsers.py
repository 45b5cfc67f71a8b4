"""What tests in real browsers share: the study of the quick report, and how pictures compare."""

import numpy as np
import torch
from conftest import Project
from numpy.typing import NDArray

from glo_core import data
from glo_core.runs.store import Store
from reports.answers.introduction import live_methods, live_model
from reports.reading import parse_override, read
from reports.show.live import Shown
from reports.study import Study


def quick_study(project: Project, *given: str) -> Study:
    """The study of the quick parameters in a project, with some that are given."""
    parameters = read(project.root / "reports" / "quick.yaml", dict(map(parse_override, given)))
    return Study(parameters, data.load("auto", parameters.n), Store(project.root / "runs"))


def shown_methods(study: Study) -> dict[str, list[Shown]]:
    """The models of the report's decoder by their method's name."""
    found = live_methods(study).items()
    return {name: [live_model(study, recipe) for recipe in recipes] for name, recipes in found}


@torch.inference_mode()
def expected(glo, start: int, end: int, mix: float, content: torch.Tensor) -> NDArray[np.float32]:
    """What PyTorch generates from a content code and a class code between two: (784,)."""
    code = torch.lerp(glo.class_table[start], glo.class_table[end], mix)
    return glo.generate(torch.cat([code, content])[None]).flatten().numpy()


def assert_close(pictures, generated, step: float = 0.0) -> None:
    """Asserts that pictures are PyTorch's, but for weights and codes of half precision.

    `step` is how far greys are rounded to on a canvas.
    """
    errors = np.abs(np.asarray(pictures).reshape(-1, 784) - np.asarray(generated).reshape(-1, 784))
    assert errors.max() <= 1e-2 + step
    assert np.median(errors.max(1)) <= 5e-3 + step
    assert errors.mean() <= 1e-3 + step
