from types import SimpleNamespace

import pytest
import torch
from conftest import make_digits

from glo_core.recipe import Recipe
from glo_core.runs.trainers import train
from reports.lab import explorer
from reports.methods import METHODS


class FewModels:
    """What the lab asks of a study, with models that have learned almost nothing."""

    losses, sigmas, pair = ("l1", "l2"), [0.0, 0.1], (2, 1)

    def __init__(self):
        self.digits = make_digits()
        methods = {method.key: Recipe(seed=k, epochs=2) for k, method in enumerate(METHODS)}
        self.parameters = SimpleNamespace(
            chosen_loss="l1", chosen_sigma=0.1, methods=lambda: methods
        )
        recipes = [
            Recipe(loss=loss, sigma=sigma, epochs=2, batch_size=16)
            for loss in self.losses
            for sigma in self.sigmas
        ]
        every = [*recipes, *methods.values()]
        self.models = dict(zip(every, train(every, self.digits), strict=True))
        self.asked = []

    def swept(self, loss, sigma):
        return Recipe(loss=loss, sigma=sigma, epochs=2, batch_size=16)

    def has(self, recipe):
        return recipe in self.asked

    def alone(self, recipe):
        self.asked.append(recipe)
        return self.models[recipe]

    def pick(self, label, count):
        return torch.nonzero(self.digits.labels == label)[:count, 0]


@pytest.fixture(scope="module")
def study():
    return FewModels()


def test_every_control_changes_its_pictures_and_no_other(study):
    box = explorer(study)
    moves = {
        "method": ("exercise", {"conversion", "image", "scratch"}),
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


def test_the_lab_starts_with_our_method(study):
    control = explorer(study).controls["method"]
    assert (control.value, control.label) == ("ours", "our GLO")
    assert [key for _, key in control.options] == [method.key for method in METHODS]


def test_noise_level_and_loss_are_chosen_for_the_exercise_alone(study):
    box = explorer(study)

    def disabled():
        return {name for name, control in box.controls.items() if control.disabled}

    assert disabled() == {"sigma", "loss"}
    before = box.pictures["conversion"].value
    box.controls["sigma"].value = 0.0  # has no effect
    assert box.pictures["conversion"].value == before
    box.controls["method"].value = "exercise"
    assert disabled() == set()
    box.controls["method"].value = "ours"
    assert disabled() == {"sigma", "loss"}
    assert box.pictures["conversion"].value == before


def test_a_model_is_asked_for_when_it_is_chosen_and_once():
    study = FewModels()
    box, said = explorer(study), []
    methods = study.parameters.methods()
    assert study.asked == [methods["ours"]]  # the first pictures need no other
    box.status.observe(lambda change: said.append(change.new), "value")
    box.controls["image"].value = 3
    assert study.asked == [methods["ours"]]
    assert not said
    box.controls["method"].value = "exercise"
    assert study.asked == [methods["ours"], study.swept("l1", 0.1)]
    assert said == ["training the exercise, corrected: once, then it is kept in runs/ …", ""]
    box.controls["method"].value = "ours"
    assert len(study.asked) == len(said) == 2
