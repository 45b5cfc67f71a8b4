"""A study on real digits, small enough to train in seconds."""

from functools import partial

import numpy as np
import pytest
import torch

from glo_core import data
from glo_core.classifier import train_classifier
from glo_core.data import DataError
from glo_core.runs import store as store_module
from glo_core.runs.store import Store
from reports import study as study_module
from reports.parameters import Parameters, read
from reports.study import ROOT, Study, open_study


def small(**changes) -> Parameters:
    values = {"n": 60, "epochs": 1, "sigmas": [0, 0.1], "losses": ["l1", "l2"], "data": "mnist-5k"}
    return read(ROOT / "reports" / "quick.yaml", values | changes)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    parameters = small()
    store = Store(tmp_path_factory.mktemp("runs"))
    study = Study(parameters, data.load(parameters.data, parameters.n), store)
    with pytest.MonkeyPatch.context() as patch:  # a judge that has learned for some seconds
        patch.setattr(store_module, "train_classifier", partial(train_classifier, steps=300))
        assert study.judge
    return study


def test_models_are_found_by_loss_and_sigma(study):
    assert study.model().recipe.sigma == 0.1
    assert study.model("l2", 0).recipe.loss == "l2"
    assert [glo.recipe.sigma for glo in study.across("l2")] == study.sigmas == [0, 0.1]
    with pytest.raises(KeyError, match=r"'l1', 0\.5"):
        study.model("l1", 0.5)


def test_measures_are_taken_once_and_kept(study, monkeypatch):
    conversion = study.measure("conversion", "l1")
    assert conversion.shape == (2, 3)
    assert study.measure("reconstruction_l1", "l1").shape == (2,)
    again = Study(study.parameters, study.splits, study.store)
    monkeypatch.setattr(study_module.measures, "evaluate", None)  # must not be called
    assert np.array_equal(again.measure("conversion", "l1"), conversion)
    assert again.shares("conversion", "l1")[0].value == conversion[0, 0]


def test_models_that_draw_alike_are_measured_once(study, monkeypatch):
    assert study.measured  # all but those of the two new noise levels
    other = Study(small(sigmas=[1e-200, 1e-100, 0.1], threads=1), study.splits, study.store)
    measured = []

    def evaluate(glo, *inputs):
        measured.append(glo.recipe)
        return study_evaluate(glo, *inputs)

    study_evaluate = study_module.measures.evaluate
    monkeypatch.setattr(study_module.measures, "evaluate", evaluate)
    tiny, small_one = (other.swept("l1", sigma) for sigma in (1e-200, 1e-100))
    assert other.summary(tiny)["conversion"] == other.summary(small_one)["conversion"]
    assert [recipe.loss for recipe in measured] == ["l1", "l2"]
    spread = other.summary(tiny)["content_spread"]
    assert other.summary(small_one)["noise_to_code"] == pytest.approx(1e-100 / spread)
    assert other.summary(tiny)["noise_to_code"] == pytest.approx(1e-200 / spread)


def test_the_methods_are_examined_once_and_their_seeds_are_told_apart(study, monkeypatch):
    recipe = study.parameters.methods()["ours"]
    (kept,) = study.over_each_seed(recipe, "held_out_l1")
    assert study.examination(recipe)["held_out_l1"] == kept > 0
    assert study.over_each_seed(recipe, "conversion") == [study.summary(recipe)["conversion"][0]]
    (nested,) = study.over_each_seed(recipe, "samples", "mixture", "frechet")
    assert nested == study.examination(recipe)["samples"]["mixture"]["frechet"] > 0
    again = Study(study.parameters, study.splits, study.store)

    def fail(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(study_module.measures, "examine", fail)
    assert again.examination(recipe) == study.examination(recipe)


def test_the_judge_is_trained_once_and_kept(study, monkeypatch):
    again = Study(study.parameters, study.splits, study.store)
    monkeypatch.setattr(store_module, "train_classifier", None)  # must not be called
    for first, second in zip(study.judge.parameters(), again.judge.parameters(), strict=True):
        assert torch.equal(first, second)


def test_a_pick_is_random_of_its_class_and_set_by_its_seed(study):
    picked = study.pick(4, 5)
    assert study.digits.labels[picked].tolist() == [4] * 5
    assert torch.equal(picked, study.pick(4, 5))
    other = Study(small(pick_seed=1), study.splits, study.store)
    assert not torch.equal(picked, other.pick(4, 5))
    assert len(study.pick(4, 100)) == 6


@pytest.mark.parametrize(("n", "words"), [(40, "train split .* larger n"), (4995, "smaller n")])
def test_too_few_images_of_a_class_is_an_error_before_anything_is_trained(n, words):
    with pytest.raises(DataError, match=f"n = {n}: .*{words}"):
        open_study(ROOT / "reports" / "quick.yaml", {"data": "mnist-5k", "n": n})


def test_measures_are_means_over_seeds(study):
    results = study.measured
    recipes = study.parameters.recipes()
    twice = {r.model_copy(update={"seed": 1}): {**results[r], "sharpness": 3.0} for r in recipes}
    once = {r: {**results[r], "sharpness": 1.0} for r in recipes}
    two = Study(small(seeds=[0, 1]), study.splits, study.store)
    two.__dict__["measured"] = once | twice
    assert two.measure("sharpness", "l1").tolist() == [2, 2]
    assert two.summary(two.swept("l1", 0))["conversion"] == pytest.approx(
        list(results[recipes[0]]["conversion"])
    )


def test_a_folder_in_the_project_can_be_named_relative_to_it(monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(study_module, "ROOT", tmp_path)
    with pytest.raises(DataError, match=str(tmp_path / "mine")):
        open_study(ROOT / "reports" / "quick.yaml", {"data": "mine"})
