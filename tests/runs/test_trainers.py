"""Who trains which kind of recipe."""

import json
import math
import re
from typing import ClassVar

import numpy as np
import pytest
import torch

import glo_core
from glo_core import Recipe, train
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.recorder import Epoch
from glo_core.runs import trainers
from glo_core.runs.store import Store, run_key
from glo_core.runs.trainers import with_felt_sigma
from glo_core.training import Watch
from reports.traps import OwnStatistics, TrapRecipe


class OtherRecipe(Recipe):
    method: ClassVar[str] = "other"


def test_recipes_of_any_kind_are_trained_and_keep_their_order(digits):
    recipes = [
        CvaeRecipe(epochs=1),
        Recipe(epochs=1),
        LordRecipe(epochs=1),
        Recipe(epochs=1, seed=1),
    ]
    models = train(recipes, digits)
    assert [glo.recipe for glo in models] == recipes
    assert [glo.encoder is not None for glo in models] == [True, False, True, False]
    assert [glo.prior for glo in models] == ["normal", "gaussian", "gaussian", "gaussian"]


def test_an_encoder_is_asked_for_in_vain_where_there_is_none(digits):
    (glo,) = train([Recipe(epochs=1)], digits)
    with pytest.raises(ValueError, match="method = 'glo': this model has no encoder"):
        glo.encode(digits.images, digits.labels)


def test_a_kind_that_nobody_registered_is_an_error_that_names_the_known_ones(digits):
    with pytest.raises(TypeError, match="OtherRecipe; there are CvaeRecipe, LordRecipe, Recipe"):
        train([OtherRecipe(epochs=1)], digits)


def test_a_registered_kind_is_trained_by_its_trainer(digits, monkeypatch):
    monkeypatch.setattr(trainers, "_TRAINERS", dict(trainers._TRAINERS))
    seen = []

    def other(recipes, digits, device, watch):
        seen.extend(recipes)
        return glo_core.training.train_group(recipes, digits, device, watch)

    trainers.register(OtherRecipe, trainers.Trainer(other, versions=lambda recipe: {"other": 1}))
    recipe = OtherRecipe(epochs=1)
    (glo,) = train([recipe], digits)
    assert seen == [recipe]
    assert glo.recipe == recipe
    assert run_key(recipe, digits) != run_key(Recipe(epochs=1), digits)


@pytest.mark.parametrize(
    "recipe",
    [Recipe(epochs=2), LordRecipe(epochs=1, encoder_epochs=1), CvaeRecipe(epochs=2)],
    ids=lambda recipe: recipe.method,
)
def test_training_tells_of_every_step_and_can_be_ended_at_any(recipe, digits):
    told: list[int] = []
    epochs: list[Epoch] = []
    train([recipe], digits, Watch(lambda: told.append(len(epochs)), epochs.append))
    batches = math.ceil(len(digits) / recipe.batch_size)
    assert told == [0] * batches + [1] * batches
    assert [epoch.number for epoch in epochs] == [1, 2]

    def end():
        if len(told) == 1:
            raise InterruptedError("planted")
        told.append(0)

    told.clear()
    epochs.clear()
    with pytest.raises(InterruptedError, match="planted"):
        train([recipe], digits, Watch(end, epochs.append))
    assert epochs == []


def test_no_digits_is_an_error(digits):
    with pytest.raises(ValueError, match="at least one"):
        train([Recipe()], digits.subset([]))


def test_the_face_of_the_library_is_what_it_says():
    listed = re.findall(r"^    (\w+)  +\w", glo_core.__doc__ or "", re.M)
    assert sorted(listed) == sorted({*glo_core.__all__} - {"__version__"})
    for name in listed:
        assert getattr(glo_core, name).__doc__


def test_the_device_of_the_cpu_can_be_named(digits):
    (glo,) = train([Recipe(epochs=1)], digits, device="cpu")
    assert glo.class_table.device == torch.device("cpu")


@pytest.mark.parametrize(("sigma", "felt"), [(0.1, float(np.float32(0.1))), (1e39, math.inf)])
def test_sigma_is_felt_as_32_bits_hold_it(sigma, felt):
    assert with_felt_sigma(Recipe(sigma=sigma)).sigma == felt


def test_a_recipe_is_made_again_from_its_description():
    for recipe in (Recipe(sigma=2.0), CvaeRecipe(beta=4.0), LordRecipe(encoder_epochs=3)):
        described = json.loads(json.dumps(recipe.model_dump()))
        assert trainers.recipe_of(recipe.method, described) == recipe


def test_a_description_of_no_known_method_is_refused():
    with pytest.raises(ValueError, match=r"method = 'strange': there are cvae, glo, lord"):
        trainers.recipe_of("strange", {})
    with pytest.raises(ValueError, match="strange"):
        trainers.recipe_of("glo", {"strange": 1})


def test_a_model_is_the_same_from_training_and_from_the_store(tmp_path, digits):
    recipe = TrapRecipe(epochs=1, traps=("train_mode",))
    store, images = Store(tmp_path), torch.arange(8)
    (trained,) = train([recipe], digits)
    store.save(trained, digits)
    loaded = store.load(recipe, digits)
    assert type(trained) is type(loaded) is OwnStatistics
    assert torch.equal(trained.reconstruct(images), loaded.reconstruct(images))
