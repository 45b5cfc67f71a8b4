"""Which method leads in what, on planted measures."""

import numpy as np
import pytest

from glo_core.measures.style import FEATURES
from glo_core.recipe import Recipe
from reports import comparison

RECIPES = {
    "good": Recipe(),
    "bad": Recipe(encoder="variational"),
    "classless": Recipe(class_dim=0),
}


class Planted:
    """A study of two seeds whose measures are all 0.2 and 0.4, or twice that for "bad"."""

    def over_each_seed(self, recipe, *place):
        factor = 2 if recipe == RECIPES["bad"] else 1
        # A style feature has a value of its own, so that their mean can be told from each.
        factor *= 1 + FEATURES.index(place[1]) if place[0] == "style" else 1
        return [0.2 * factor, 0.4 * factor]


@pytest.fixture(scope="module")
def compared():
    return comparison.compare(Planted(), RECIPES)


def test_a_measure_is_the_mean_over_seeds_with_the_least_and_the_largest(compared):
    assert compared["L1 error"]["good"] == pytest.approx((0.3, 0.2, 0.4))
    assert compared["L1 error"]["bad"] == pytest.approx((0.6, 0.4, 0.8))


def test_a_measure_of_several_places_is_their_mean_in_each_seed(compared):
    features = 1 + np.arange(len(FEATURES))
    expected = features.mean() * np.array([0.3, 0.2, 0.4])
    assert compared["hand kept"]["good"] == pytest.approx(tuple(expected))


def test_a_method_has_only_the_measures_that_mean_something_for_it(compared):
    assert compared["encoded L1"].keys() == {"bad"}
    assert compared["conversion"].keys() == {"good", "bad"}
    assert compared["MLP probe"].keys() == RECIPES.keys()


def test_the_lowest_error_and_the_highest_share_lead_with_all_whose_range_meets_theirs(compared):
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
    table = comparison.table(compared, RECIPES)
    written = {name.replace(space, " "): cells for name, *cells in table}
    assert written["conversion ↑"] == [
        f"**30.0%{space}±{space}10.0%**",
        f"**60.0%{space}±{space}20.0%**",
        "–",
    ]
    assert written["L1 error ↓"][0].startswith("**0.3000")
    assert written["encoded L1 ↓"] == ["–", f"**0.6000{space}±{space}0.2000**", "–"]
