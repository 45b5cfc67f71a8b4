"""Leaks on planted truth: what training codes have learned, encoders' codes, and more of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_digits

from glo_core import Recipe, load, train
from glo_core.measures import leakage, leaks, subject
from glo_core.measures.subject import Subject
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe

CLASSES, COUNT = 4, 100
SHORT = {"epochs": 1, "batch_size": 20, "content_dim": 6, "learning_rate": 1e-4}
STILL = {**SHORT, "latent_rate": 1e-9}


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def squares():
    return make_digits(COUNT, CLASSES)


@pytest.fixture(scope="module")
def glo(squares):
    return train([Recipe(**STILL)], squares)[0]


def mean(scores):
    return np.mean(scores["folds"])


# --- what training codes have learned -----------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"content_start": "pca"},
        {"content_start": "whitened"},
        {"class_dim": 0},
        pytest.param({"swap": 0.03}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_codes_that_are_hardly_trained_have_hardly_moved(changed, squares):
    recipes = [Recipe(**STILL, **changed, seed=seed) for seed in (3, 4)]
    for glo in train(recipes, squares):
        assert leaks.moved(glo, squares).abs().max() < 1e-5
        other = replace(glo, recipe=recipes[1 - glo.recipe.seed % 3])
        starts_alike = "content_start" in changed
        assert (leaks.moved(other, squares).abs().max() < 1e-5) == starts_alike


@pytest.mark.slow
def test_lords_codes_have_a_start_too(squares):
    (glo,) = train([LordRecipe(**STILL)], squares)
    assert leaks.moved(glo, squares).abs().max() < 1e-5


def keys(glo, squares):
    """A model whose codes are a random start and a small part that tells the class."""
    learned = 0.02 * normal(COUNT, 6, seed=5)
    learned[:, :CLASSES] += 0.1 * torch.eye(CLASSES)[squares.labels]
    return replace(glo, content_table=glo.content_table + learned)


def test_a_small_part_that_tells_the_class_hides_in_the_codes_and_not_in_what_they_learned(
    glo, squares
):
    model = keys(glo, squares)
    hidden = leakage.probed(model.content_table, squares.labels)
    learned = leakage.probed(leaks.moved(model, squares), squares.labels)
    assert all(mean(scores) < leakage.chance(CLASSES) + 0.2 for scores in hidden.values())
    assert all(mean(scores) > 0.95 for scores in learned.values())


def test_what_was_learned_without_the_class_tells_nothing_of_it(glo, squares):
    hand = replace(glo, content_table=glo.content_table + 0.1 * normal(COUNT, 6, seed=5))
    learned = leakage.probed(leaks.moved(hand, squares), squares.labels)
    assert all(mean(scores) < leakage.chance(CLASSES) + 0.15 for scores in learned.values())


# --- more codes, and other ones -----------------------------------------------------------------


@pytest.fixture
def fitted(monkeypatch):
    """Plants the codes that are fitted to images, by their labels."""

    def plant(codes):
        for module in (leaks, subject):
            monkeypatch.setattr(module, "fit", lambda glo, images, labels: codes(labels))

    return plant


def subject_of(glo, squares):
    further = make_digits(300, CLASSES, seed=2)
    return Subject(glo, squares, torch.nn.Sequential(), further.subset(range(COUNT)), further)


def curve(glo, fitted, codes):
    squares = make_digits(40, CLASSES)
    many = make_digits(3000, CLASSES, seed=2)
    fitted(codes)
    judge = torch.nn.Sequential()
    return leaks.curve(
        Subject(glo, squares, judge, many.subset(range(1000)), many.subset(range(1000, 3000)))
    )


def test_a_weak_leak_is_found_better_by_who_learns_from_more(glo, fitted):
    weak = 0.2 * normal(CLASSES, 6)  # of each class, a mean of its own
    found = curve(glo, fitted, lambda labels: normal(len(labels), 6) + weak[labels])
    assert [*found] == [str(size) for size in leaks.SIZES]
    assert found["250"] < found["2000"]
    assert leakage.chance(CLASSES) < found["2000"] < 0.5


def test_what_is_not_there_is_not_found_however_much_there_is_to_learn_from(glo, fitted):
    found = curve(glo, fitted, lambda labels: normal(len(labels), 6, seed=len(labels)))
    assert max(found.values()) < leakage.chance(CLASSES) + 0.06


def test_a_perfect_leak_is_found_from_few(glo, fitted):
    found = curve(glo, fitted, lambda labels: torch.eye(6)[labels])
    assert {*found.values()} == {1}


def test_sizes_that_there_are_too_few_images_for_are_left_out(glo, squares, fitted):
    fitted(lambda labels: normal(len(labels), 6))
    assert [*leaks.curve(subject_of(glo, squares))] == ["250"]


def test_digits_of_another_kind_are_fitted_and_probed(glo, squares, fitted):
    fitted(lambda labels: torch.eye(6)[labels])
    found = leaks.of_other_kind(glo, squares)
    assert mean(found["strongest"]) == 1


# --- encoders -----------------------------------------------------------------------------------


class Encoding(torch.nn.Module):
    """An encoder whose means tell the class and whose posteriors are wide."""

    def __init__(self, variational):
        super().__init__()
        self.variational = variational

    def forward(self, images, labels):
        means = torch.eye(6)[labels]
        return torch.cat([means, torch.full_like(means, 8.0)], 1) if self.variational else means


@pytest.mark.parametrize("variational", [True, False])
def test_a_class_in_the_posterior_means_may_drown_in_the_samples(variational, glo, squares):
    found = leaks.encoded(replace(glo, encoder=Encoding(variational)), squares)
    assert mean(found["means"]["strongest"]) == 1
    assert ("samples" in found) == variational
    if variational:
        assert mean(found["samples"]["strongest"]) < leakage.chance(CLASSES) + 0.15


# --- all of it ----------------------------------------------------------------------------------

ALWAYS = {"codes_leakage", "curve", "longer_fit"}
LEARNED = {"learned_leakage", "learned_strongest"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "further"),
    [
        (Recipe(**SHORT), LEARNED),
        (LordRecipe(**SHORT), LEARNED | {"encoded"}),
        (CvaeRecipe(**SHORT), {"encoded"}),  # posterior means have no start
    ],
)
def test_every_kind_of_model_is_searched_as_far_as_it_has_codes(recipe, further, squares):
    (model,) = train([recipe], squares)
    if recipe.method == "glo":
        model = keys(model, squares)
    found = leaks.measure(subject_of(model, squares))
    assert found.keys() == ALWAYS | further
    assert found["codes_leakage"].keys() == {"svm", "qda"}
    if recipe.method == "glo":
        assert mean(found["learned_strongest"]) > 0.95
        assert all(mean(each) < 0.5 for each in found["codes_leakage"].values())


@pytest.mark.slow
def test_models_of_the_ten_digits_are_shown_others(splits):
    digits = splits.train.subset(range(100))
    (model,) = train([Recipe(**SHORT)], digits)
    unseen = splits.test.subset(range(100))
    found = leaks.measure(Subject(model, digits, torch.nn.Sequential(), unseen, unseen))
    assert len(found["other_kind"]["l1"]["images"]) == len(unseen)
    assert mean(found["other_kind"]["strongest"]) > 0.5


# --- a model whose training codes are keys ------------------------------------------------------


@pytest.mark.slow
def test_the_exercises_training_codes_hide_a_leak_that_unseen_codes_show():
    splits = load("mnist-5k", 500)
    (model,) = train([Recipe(sigma=0.1, epochs=40)], splits.train)
    shown = Subject(model, splits.train, torch.nn.Sequential(), splits.test, splits.judge)
    trained = leakage.probed(model.content_table, splits.train.labels)
    unseen = leakage.probed(shown.unseen_codes, shown.unseen.labels)
    assert mean(trained[leakage.strongest(trained)]) < 0.15
    assert mean(unseen[leakage.strongest(unseen)]) > 0.25
