"""What several test files need: small digits with a known structure, and tiny trained models."""

from collections.abc import Iterator

import pytest
import torch

from glo_core import data
from glo_core.classifier import train_classifier
from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.training import train

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
