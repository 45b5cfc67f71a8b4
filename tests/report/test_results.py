"""How results are asked for, on planted measures."""

import numpy as np
import pytest

from glo_core.measures.intervals import corrected_interval, proportion
from glo_core.recipe import Recipe
from reports.results import Results

RECIPE = Recipe(sigma=2)
# Of four images, the proportion of two cases that succeed.
RATES = {0: [0.0, 0.5, 0.5, 0.0], 1: [1.0, 0.5, 0.5, 0.0]}


def planted(seed, value):
    measures = {
        "final_loss": value,
        "l1": {"images": [value, value, 2 * value]},
        "conversion": {"rates": RATES[seed], "cases": 2},
        "leakage": {"folds": [value, value + 0.1]},
        "samples": {"mixture": {"frechet": {"draws": [value, value + 0.2]}}},
        "matrix": [[value, 0.0], [0.0, 1.0]],
        "style": {"slant": [value, 0.0, 1.0, -0.5]},
        "strongest": "svm",
    }
    return {RECIPE.model_copy(update={"seed": seed}): measures}


@pytest.fixture
def results():
    first_alone = {RECIPE.model_copy(update={"seed": 2}): {"final_loss": 0.3}}
    return Results(planted(1, 0.4) | planted(0, 0.2) | first_alone | {Recipe(): {"l1": 7.0}})


def test_a_number_is_the_mean_over_seeds_with_the_seeds_in_order(results):
    found = results[RECIPE, "final_loss"]
    assert found.value == pytest.approx(0.3)
    assert found.of_each_seed == [0.2, 0.4, 0.3]
    assert results[RECIPE.model_copy(update={"seed": 1}), "final_loss"].value == found.value


def test_a_measure_of_images_or_draws_is_their_mean_and_keeps_each(results):
    found = results[RECIPE, "l1"]
    assert found.of_each_seed == pytest.approx([0.8 / 3, 1.6 / 3])
    assert found.raw.shape == (2, 3)
    assert results[RECIPE, "samples/mixture/frechet"].value == pytest.approx(0.4)


def test_a_proportion_has_one_interval_of_its_mean_over_seeds(results):
    found = results[RECIPE, "conversion"]
    # Image by image over two seeds of two cases: 0.5, 0.5, 0.5, 0
    assert found.proportion == proportion(np.array([0.5, 0.5, 0.5, 0.0]), cases=4)
    assert found.of_each_seed == [0.25, 0.5]
    assert found.mean.tolist() == list(found.proportion)
    assert found.value == 0.375


def test_seeds_that_differ_do_not_widen_or_narrow_the_interval_of_a_proportion():
    def of(first, second):
        seeds = [Recipe(seed=seed) for seed in range(2)]
        rates = zip(seeds, (first, second), strict=True)
        results = Results({seed: {"p": {"rates": each, "cases": 1}} for seed, each in rates})
        return results[Recipe(), "p"].proportion

    same = of([1.0, 0.0] * 50, [1.0, 0.0] * 50)
    # The same images by another seed are no other images: an image more is what narrows it.
    assert same.high - same.low == pytest.approx(0.19, abs=0.01)
    assert of([1.0, 0.0] * 500, [1.0, 0.0] * 500).high < same.high


def test_a_cross_validated_score_has_the_interval_of_its_folds_averaged_over_seeds(results):
    expected = corrected_interval(np.array([0.3, 0.4]), 1 / 4)
    assert results[RECIPE, "leakage"].proportion == pytest.approx(expected)


def test_a_measure_without_interval_is_no_proportion(results):
    with pytest.raises(ValueError, match="images"):
        _ = results[RECIPE, "l1"].proportion


def test_what_lies_deeper_is_named_by_its_path(results):
    assert results[RECIPE, "style/slant"].mean.tolist() == pytest.approx([0.3, 0, 1, -0.5])


def test_a_matrix_is_averaged_entry_by_entry(results):
    assert np.allclose(results[RECIPE, "matrix"].mean, [[0.3, 0], [0, 1]])


def test_what_was_measured_with_some_seeds_is_of_those(results):
    assert len(results[RECIPE, "l1"].of_each_seed) == 2


def test_everything_of_a_recipe_is_averaged_alike(results):
    everything = results.all(RECIPE)
    assert everything["l1"] == results[RECIPE, "l1"].value
    assert everything["style"]["slant"] == pytest.approx([0.3, 0, 1, -0.5])
    assert everything["conversion"] == list(results[RECIPE, "conversion"].proportion)
    assert everything["samples"] == {"mixture": {"frechet": pytest.approx(0.4)}}
    assert everything["strongest"] == "svm"


def test_what_there_is_not_is_an_error_and_can_be_asked_about(results):
    for recipe, name in ((RECIPE, "l2"), (Recipe(sigma=3), "l1"), (RECIPE, "style/width")):
        assert not results.has(recipe, name)
        with pytest.raises(KeyError):
            results[recipe, name]
    assert results.has(RECIPE, "style/slant")
