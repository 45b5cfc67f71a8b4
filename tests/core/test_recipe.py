import math

import pytest
from pydantic import ValidationError

from glo_core.recipe import Recipe, grid, same_hand


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sigma", -1),
        ("sigma", math.nan),
        ("sigma", math.inf),
        ("sigma", "abc"),
        ("sigma", True),
        ("loss", "l3"),
        ("epochs", 0),
        ("epochs", True),
        ("epochs", 1.5),
        ("learning_rate", 0),
        ("seed", -1),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(field, value):
    with pytest.raises(ValidationError, match=field):
        Recipe.model_validate({field: value})


def test_all_errors_are_told_at_once_and_unknown_names_too():
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate({"sigma": -1, "loss": "l3", "sgima": 1})
    assert caught.value.error_count() == 3


def test_a_sigma_of_minus_zero_is_zero():
    assert Recipe(sigma=-0.0).model_dump_json() == Recipe(sigma=0.0).model_dump_json()


def test_a_recipe_cannot_change():
    with pytest.raises(ValidationError, match="frozen"):
        Recipe().sigma = 2


def test_the_recipe_that_keeps_the_style_can_be_changed():
    assert same_hand() == same_hand(seed=0)
    assert same_hand().content_whitening
    assert same_hand(sigma=0.5, epochs=3).changed() == same_hand().changed() | {
        "sigma": 0.5,
        "epochs": 3,
    }
    with pytest.raises(ValidationError, match="epoch"):
        same_hand(epoch=3)


def test_the_grid_is_every_combination_in_order():
    recipes = grid(["l1", "l2"], [0, 0.1], [0, 1], epochs=5)
    assert [(r.loss, r.sigma, r.seed) for r in recipes[:4]] == [
        ("l1", 0, 0),
        ("l1", 0, 1),
        ("l1", 0.1, 0),
        ("l1", 0.1, 1),
    ]
    assert len(recipes) == 8
    assert {r.epochs for r in recipes} == {5}


def test_an_empty_grid_and_a_repeated_recipe_are_errors():
    with pytest.raises(ValueError, match="empty"):
        grid([], [0], [0])
    with pytest.raises(ValueError, match="more than once"):
        grid(["l1"], [0, 0.0], [0])
