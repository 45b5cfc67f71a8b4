"""Which method leads in what, on planted measures."""

import numpy as np
import pytest

from glo_core.measures.style import FEATURES
from glo_core.recipe import Recipe
from reports import comparison
from reports.results import Results

# The third has the encoder, whatever the recipe.
RECIPES = {"good": Recipe(), "classless": Recipe(class_dim=0), "bad": Recipe(sigma=1.0)}
PLAIN = {path for measure in comparison.MEASURES for path in measure.paths if "/" not in path}
PROPORTIONS = {"conversion", "source_residue", "classified"}


def planted(value, has_encoder):
    """Measures that are all `value`, but for a style feature, which is a multiple of it."""
    names = PLAIN if has_encoder else PLAIN - {"encoded_l1"}
    return {
        **{name: [value, 0.0, 1.0] if name in PROPORTIONS else value for name in names},
        "style": {name: [k * value, 0.0, 1.0, 0.5] for k, name in enumerate(FEATURES, 1)},
        "samples": {"mixture": {"frechet": value, "coverage": value}},
    }


@pytest.fixture(scope="module")
def compared():
    """Two seeds, of 0.2 and 0.4, or twice that for "bad"."""
    measured = {
        recipe.model_copy(update={"seed": seed}): planted(
            (2 if key == "bad" else 1) * value, key == "bad"
        )
        for key, recipe in RECIPES.items()
        for seed, value in enumerate((0.2, 0.4))
    }
    return comparison.compare(Results(measured), RECIPES)


def test_a_measure_is_the_mean_over_seeds_with_the_least_and_the_largest(compared):
    assert compared["L1 error"]["good"] == pytest.approx((0.3, 0.2, 0.4))
    assert compared["L1 error"]["bad"] == pytest.approx((0.6, 0.4, 0.8))
    assert compared["conversion"]["good"] == pytest.approx((0.3, 0.2, 0.4))


def test_a_measure_of_several_paths_is_their_mean_in_each_seed(compared):
    features = 1 + np.arange(len(FEATURES))
    expected = features.mean() * np.array([0.3, 0.2, 0.4])
    assert compared["style kept"]["good"] == pytest.approx(tuple(expected))


def test_a_method_has_only_the_measures_that_mean_something_for_it(compared):
    assert compared["encoded L1"].keys() == {"bad"}
    assert compared["conversion"].keys() == {"good", "bad"}
    assert compared["MLP probe"].keys() == RECIPES.keys()


def test_the_lowest_error_and_the_highest_proportion_lead_with_all_whose_range_meets_theirs(
    compared,
):
    ahead = comparison.leaders(compared)
    assert ahead["L1 error"] == list(RECIPES)  # 0.2 to 0.4 meets 0.4 to 0.8
    apart = compared | {
        name: compared[name] | {"bad": comparison.Spread(0.6, 0.5, 0.8)}
        for name in ("L1 error", "conversion")
    }
    ahead = comparison.leaders(apart)
    assert ahead["L1 error"] == ["good", "classless"]
    assert ahead["conversion"] == ahead["encoded L1"] == ["bad"]
    assert ahead.keys() == {measure.name for measure in comparison.MEASURES}


def test_the_table_writes_a_spread_marks_the_leaders_and_leaves_out_what_has_no_meaning(compared):
    space = "\N{NO-BREAK SPACE}"
    table = comparison.table(compared, ["good", "bad", "classless"])
    written = {name.replace(space, " "): cells for name, *cells in table}
    assert written["conversion ↑"] == [
        f"**30.0%{space}±{space}10.0%**",
        f"**60.0%{space}±{space}20.0%**",
        "–",
    ]
    assert written["L1 error ↓"][0].startswith("**0.3000")
    assert written["encoded L1 ↓"] == ["–", f"**0.6000{space}±{space}0.2000**", "–"]
