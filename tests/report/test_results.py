"""How results are asked for, on planted measures."""

import numpy as np
import pytest

from glo_core.recipe import Recipe
from reports.results import Results

RECIPE = Recipe(sigma=2)


def planted(seed, value):
    measures = {
        "l1": value,
        "conversion": [value, value - 0.1, value + 0.1],
        "matrix": [[value, 0.0], [0.0, 1.0]],
        "style": {"slant": [value, 0.0, 1.0, -0.5]},
    }
    return {RECIPE.model_copy(update={"seed": seed}): measures}


@pytest.fixture
def results():
    return Results(planted(1, 0.4) | planted(0, 0.2) | {Recipe(): {"l1": 7.0}})


def test_a_number_is_the_mean_over_seeds_with_the_seeds_in_order(results):
    found = results[RECIPE, "l1"]
    assert found.value == pytest.approx(0.3)
    assert found.of_each_seed == [0.2, 0.4]
    assert results[RECIPE.model_copy(update={"seed": 1}), "l1"].value == found.value


def test_a_proportion_has_the_mean_of_its_intervals_ends(results):
    found = results[RECIPE, "conversion"]
    assert found.proportion == pytest.approx((0.3, 0.2, 0.4))
    assert found.of_each_seed == [0.2, 0.4]


def test_what_lies_deeper_is_named_by_its_path(results):
    assert results[RECIPE, "style/slant"].mean.tolist() == pytest.approx([0.3, 0, 1, -0.5])
    assert results[RECIPE, "style/slant"].proportion.high == 1


def test_a_matrix_is_averaged_entry_by_entry(results):
    assert np.allclose(results[RECIPE, "matrix"].mean, [[0.3, 0], [0, 1]])


def test_everything_of_a_recipe_is_averaged_alike(results):
    everything = results.all(RECIPE)
    assert everything["l1"] == results[RECIPE, "l1"].value
    assert everything["style"]["slant"] == pytest.approx([0.3, 0, 1, -0.5])


def test_what_there_is_not_is_an_error_and_can_be_asked_about(results):
    for recipe, name in ((RECIPE, "l2"), (Recipe(sigma=3), "l1"), (RECIPE, "style/width")):
        assert not results.has(recipe, name)
        with pytest.raises(KeyError):
            results[recipe, name]
    assert results.has(RECIPE, "style/slant")
