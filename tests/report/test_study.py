"""A study on real digits, small enough to train in seconds."""

import inspect
from functools import partial

import numpy as np
import pytest
import torch
from conftest import make_digits

from glo_core import data, group
from glo_core.classifier import train_classifier
from glo_core.data import DataError
from glo_core.measures import fitting, leaks, style_kept
from glo_core.measures.evaluation import MEASURES, version
from glo_core.runs import store as store_module
from glo_core.runs.store import Store
from reports import study as study_module
from reports.measuring import measure_file
from reports.parameters import Parameters
from reports.reading import read
from reports.study import ROOT, Study, open_study

pytestmark = pytest.mark.slow  # all train, or need what is trained


def small(**changes) -> Parameters:
    values = {
        "n": 60,
        "epochs": 1,
        "threads": 1,
        "sigmas": [0, 0.1],
        "losses": ["l1", "l2"],
        "unseen": 60,
        "frontier_sigmas": [0.1],
        "trap_sigma": 0.1,
        "handed_in_sigmas": [0.1],
        "betas": [1],
    }
    return read(ROOT / "reports" / "quick.yaml", {"data": "mnist-5k", **values, **changes})


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    parameters = small()
    store = Store(tmp_path_factory.mktemp("runs"))
    splits = data.load(parameters.data, parameters.n)
    study = Study(parameters, splits, store)
    with pytest.MonkeyPatch.context() as patch:  # classifiers and fits of few steps
        patch.setattr(store_module, "train_classifier", partial(train_classifier, steps=300))
        patch.setattr(group, "SWAP_STEPS", 100)
        patch.setattr(inspect.unwrap(fitting.fit), "__defaults__", (5, None))
        patch.setattr(leaks, "FIT_STEPS", 5)
        patch.setattr(style_kept, "PER_CLASS", 2)
        assert study.judge
        assert study.models
        assert study.results
    return study


def test_models_are_found_by_loss_and_sigma(study):
    assert study.model().recipe.sigma == 0.1
    assert study.model("l2", 0).recipe.loss == "l2"
    assert [glo.recipe.sigma for glo in study.across("l2")] == study.sigmas == [0, 0.1]
    with pytest.raises(KeyError, match=r"'l1', 0\.5"):
        study.model("l1", 0.5)


def test_one_model_is_trained_alone_and_kept(study, tmp_path):
    other = Study(study.parameters, study.splits, Store(tmp_path))
    recipe = other.swept()
    assert not other.has(recipe)
    alone = other.alone(recipe)
    assert torch.allclose(alone.content_table, study.model().content_table, atol=1e-4)
    assert other.has(recipe)
    assert not other.stored
    assert {path.name for path in tmp_path.iterdir()} == {*other.keys(recipe), ".locks"}
    assert torch.equal(other.alone(recipe).content_table, alone.content_table)


def fail(*_, **__):
    raise AssertionError("measured again")


def with_other_measures(monkeypatch, compute, names=tuple(MEASURES)):
    """Has these measures computed by another function, under their own versions."""
    changed = {name: MEASURES[name]._replace(compute=compute) for name in names}
    monkeypatch.setattr("reports.measuring.MEASURES", MEASURES | changed)


def test_measures_are_taken_once_and_kept(study, monkeypatch):
    conversion = study.series("conversion", "l1")
    assert conversion.shape == (2, 3)
    assert study.series("reconstruction_l1", "l1").shape == (2,)
    again = Study(study.parameters, study.splits, study.store)
    with_other_measures(monkeypatch, fail)
    assert np.array_equal(again.series("conversion", "l1"), conversion)
    assert again.proportions("conversion", "l1")[0].value == conversion[0, 0]


def test_only_the_measure_whose_code_has_changed_is_taken_again(study, monkeypatch):
    assert study.results
    again = Study(study.parameters, study.splits, study.store)
    with_other_measures(monkeypatch, fail, [name for name in MEASURES if name != "scratch"])
    changed = {"scratch_gaussian": {"rates": [0.5, 1.0], "cases": 10}}
    with_other_measures(monkeypatch, lambda _: changed, ["scratch"])
    monkeypatch.setattr(
        "reports.measuring.version",
        lambda name: "changed" if name == "scratch" else version(name),
    )
    assert again.results[study.swept(), "scratch_gaussian"].value == 0.75
    assert again.results[study.swept(), "conversion"].value == pytest.approx(
        study.results[study.swept(), "conversion"].value
    )


def test_models_that_generate_alike_are_measured_once(study, monkeypatch):
    assert study.results  # all but those of the two new noise levels
    other = Study(small(sigmas=[1e-200, 1e-100, 0.1]), study.splits, study.store)
    measured = []

    def compute(subject):
        measured.append(subject.glo.recipe.loss)
        return MEASURES["reconstruction"].compute(subject)

    with_other_measures(monkeypatch, compute, ["reconstruction"])
    tiny, small_one = (other.swept("l1", sigma) for sigma in (1e-200, 1e-100))
    ratios, spreads = (
        [other.results[recipe, name].value for recipe in (tiny, small_one)]
        for name in ("noise_to_code", "content_spread")
    )
    assert measured == ["l1", "l2"]
    assert ratios == pytest.approx([1e-200 / spreads[0], 1e-100 / spreads[1]])


def test_dear_measures_are_taken_of_fewer_models(study):
    results, methods = study.results, study.parameters.methods()
    ours, lord = methods["ours"], methods["lord"]
    assert results[ours, "samples/mixture/frechet"].value > 0
    assert results[ours, "longer_fit/strongest"].value > 0
    assert results[ours, "held_out_style_concordance"].value <= 1
    assert results.has(lord, "encoded_l1")
    assert not results.has(ours, "encoded_l1")
    swept = study.swept("l2", 0)
    assert results[swept, "held_out_l1"].value > 0
    assert not results.has(swept, "classified")


def test_each_seed_has_the_measures_of_its_scope(study):
    seeds = Study(small(seeds=[3, 4]), study.splits, study.store)
    scopes = seeds.scopes()
    assert {*scopes} == {*seeds.parameters.recipes()}
    ours = seeds.parameters.over_seeds(seeds.parameters.methods()["ours"])
    assert [scopes[each] for each in ours] == ["method of the first seed", "method"]
    swept = seeds.parameters.over_seeds(seeds.swept("l2", 0))
    assert [scopes[each] for each in swept] == ["first seed", "model"]


def test_the_judge_is_trained_once_and_kept(study, monkeypatch):
    again = Study(study.parameters, study.splits, study.store)
    monkeypatch.setattr(store_module, "train_classifier", None)  # must not be called
    for first, second in zip(study.judge.parameters(), again.judge.parameters(), strict=True):
        assert torch.equal(first, second)


def test_a_judge_with_other_weights_has_measures_of_its_own(study, tmp_path, monkeypatch):
    other = Study(study.parameters, study.splits, Store(tmp_path))
    assert other.judge_weights == ""
    monkeypatch.setattr(store_module, "train_classifier", partial(train_classifier, steps=1))
    assert other.judge
    first, second = (
        measure_file("style", each.judge_weights, each.unseen.fingerprint)
        for each in (study, other)
    )
    assert first != second
    key = study.keys(study.swept())[0]
    assert study.store.recall(key, first)
    assert study.store.recall(key, second) is None


def test_the_pair_shown_alone_is_the_exercises_for_mnist_and_random_for_other_data(study):
    assert study.pair == (4, 3)

    def pair(seed, classes):
        splits = study.splits._replace(train=make_digits(classes=classes))
        return Study(small(pick_seed=seed), splits, study.store).pair

    assert {pair(seed, 2) for seed in range(9)} == {(0, 1), (1, 0)}
    assert pair(1, 4) == pair(1, 4)
    many = [pair(seed, 4) for seed in range(30)]
    assert {label for found in many for label in found} == {0, 1, 2, 3}
    assert all(source != target for source, target in many)


def test_a_pick_is_random_of_its_class_and_set_by_its_seed(study):
    picked = study.pick(4, 5)
    assert study.digits.labels[picked].tolist() == [4] * 5
    assert torch.equal(picked, study.pick(4, 5))
    other = Study(small(pick_seed=1), study.splits, study.store)
    assert not torch.equal(picked, other.pick(4, 5))
    assert len(study.pick(4, 100)) == 6


@pytest.mark.parametrize(
    ("n", "words"),
    [(40, "train split .* larger n"), (4940, "sample of the test split .* smaller n")],
)
def test_too_few_images_of_a_class_is_an_error_before_anything_is_trained(n, words):
    with pytest.raises(DataError, match=f"n = {n}, .*{words}"):
        open_study(ROOT / "reports" / "quick.yaml", {"data": "mnist-5k", "n": n})


def test_a_class_that_is_rare_among_unseen_images_is_an_error():
    splits = data.load("mnist-5k", 60)
    test = splits.test
    rare = torch.cat(
        [torch.nonzero(test.labels != 7)[:, 0], torch.nonzero(test.labels == 7)[:9, 0]]
    )
    few = splits._replace(test=test.subset(rare))
    study_module.check(splits, 60, 300)
    with pytest.raises(DataError, match=r"sample of the test split .* class '7', .* least 5"):
        study_module.check(few, 60, 300)


def test_no_other_n_is_advised_where_the_whole_data_set_lacks_a_class():
    splits = data.load("mnist-5k", 60)
    sevens = [torch.nonzero(each.labels == 7)[:3, 0] for each in splits[:3]]
    others = [torch.nonzero(each.labels != 7)[:, 0] for each in splits[:3]]
    kept = [torch.cat(both) for both in zip(others, sevens, strict=True)]
    few = (each.subset(at) for each, at in zip(splits[:3], kept, strict=True))
    lacking = splits._replace(**dict(zip(("train", "judge", "test"), few, strict=True)))
    with pytest.raises(DataError, match=r"class '7', expected at least 5; the whole data set hol"):
        study_module.check(lacking, 60, 300)


def test_a_folder_in_the_project_can_be_named_relative_to_it(monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(study_module, "ROOT", tmp_path)
    with pytest.raises(DataError, match=str(tmp_path / "mine")):
        open_study(ROOT / "reports" / "quick.yaml", {"data": "mine"})


@pytest.mark.parametrize("name", ["x" * 300, "~no-such-user/digits"])
def test_data_whose_name_can_be_no_path_are_refused_in_words(name):
    with pytest.raises(DataError, match="found nothing of that name"):
        open_study(ROOT / "reports" / "quick.yaml", {"data": name})
