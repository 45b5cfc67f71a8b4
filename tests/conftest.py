"""What several test files need: small digits with a known structure, and tiny trained models."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from glo_core import data
from glo_core.classifier import train_classifier
from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.training import train

ROOT = Path(__file__).parents[1]
# Of every test and of what modules share: a module's own fixtures run before those of its tests.
THREADS = torch.get_num_threads()


def make_digits(count: int = 40, classes: int = 4, seed: int = 0) -> Digits:
    """Made-up images: each class a bright square in a place of its own, with noise on it."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    images = 0.2 * torch.rand(count, 28, 28, generator=stream)
    for k, label in enumerate(labels.tolist()):
        images[k, 5 * label : 5 * label + 8, 6:22] += 0.7
    names = tuple(str(label) for label in range(classes))
    return Digits(images, labels, names, "made-up squares")


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    """A study sets PyTorch's threads; the bits of another test's models depend on them."""
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(THREADS)


@pytest.fixture(scope="session")
def digits() -> Digits:
    return make_digits()


@pytest.fixture(scope="session")
def recipes() -> list[Recipe]:
    return [
        Recipe(loss=loss, sigma=sigma, epochs=3, batch_size=16)
        for loss, sigma in (("l1", 0.0), ("l2", 0.1), ("l1+l2", 2.0))
    ]


@pytest.fixture(scope="session")
def models(recipes: list[Recipe], digits: Digits) -> list[Glo]:
    torch.set_num_threads(THREADS)
    return train(recipes, digits)


@pytest.fixture(scope="session")
def splits() -> data.Splits:
    """Real digits."""
    return data.load("mnist-5k", 500)


@pytest.fixture(scope="session")
def judge(splits: data.Splits) -> torch.nn.Sequential:
    """A classifier of real digits, good enough to judge planted ones."""
    return train_classifier(splits.judge, steps=600)


class Project:
    """A copy of the project in a folder of its own, with no models, no digits and no report."""

    def __init__(self, root: Path):
        self.root = root
        for name in ("glo_core", "notebooks", "reports"):
            ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        self.build = root / "reports" / "build"

    def make(self, *assignments, parameter_file="reports/quick.yaml"):
        environment = os.environ | {"PYTHONPATH": str(self.root)}
        return subprocess.run(
            [sys.executable, "-m", "reports.build", parameter_file, *assignments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def results(self):
        return json.loads((self.build / "results.json").read_text(encoding="utf-8"))

    def times(self):
        return {
            path.name: path.stat().st_mtime_ns for path in (self.build / "sections").glob("*.ipynb")
        }

    def replace_in(self, notebook: str, old: str, new: str):
        path = self.root / "notebooks" / notebook
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def quick(tmp_path_factory):
    """The quick report as `make report PARAMS=reports/quick.yaml` builds it."""
    project = Project(tmp_path_factory.mktemp("quick"))
    done = project.make()
    assert done.returncode == 0, done.stderr
    project.said = done.stderr
    return project
