from types import SimpleNamespace

import pytest
import torch
from conftest import make_digits

from glo_core.recipe import Recipe
from glo_core.runs.trainers import train
from reports.lab import explorer


class FewModels:
    """What the lab asks of a study, with models that have learned almost nothing."""

    losses, sigmas, pair = ("l1", "l2"), [0.0, 0.1], (2, 1)
    parameters = SimpleNamespace(chosen_loss="l1", chosen_sigma=0.1)

    def __init__(self):
        self.digits = make_digits()
        recipes = [
            Recipe(loss=loss, sigma=sigma, epochs=2, batch_size=16)
            for loss in self.losses
            for sigma in self.sigmas
        ]
        models = train(recipes, self.digits)
        self.models = {(glo.recipe.loss, glo.recipe.sigma): glo for glo in models}

    def model(self, loss, sigma):
        return self.models[loss, sigma]

    def pick(self, label, count):
        return torch.nonzero(self.digits.labels == label)[:count, 0]


@pytest.fixture(scope="module")
def study():
    return FewModels()


def test_every_control_changes_its_pictures_and_no_other(study):
    box = explorer(study)
    moves = {
        "sigma": (0, {"conversion", "image", "scratch"}),
        "loss": ("l2", {"conversion", "image", "scratch"}),
        "source": (3, {"conversion", "image"}),
        "target": (0, {"conversion"}),
        "image": (3, {"conversion", "image"}),
        "scratch": (8, {"scratch"}),
        "prior": ("normal", {"scratch"}),
    }
    assert moves.keys() == box.controls.keys()
    for name, (value, expected) in moves.items():
        before = {key: picture.value for key, picture in box.pictures.items()}
        box.controls[name].value = value
        changed = {key for key, picture in box.pictures.items() if picture.value != before[key]}
        assert changed == expected, name


def test_the_lab_starts_with_the_chosen_model_and_the_exercises_conversion(study):
    controls = explorer(study).controls
    names = ("sigma", "loss", "source", "target")
    assert [controls[name].value for name in names] == [0.1, "l1", 2, 1]
