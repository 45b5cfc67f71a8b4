"""Which method leads in what, on planted measures."""

import numpy as np
import pytest

from glo_core.measures.concordance import pair_sums
from glo_core.recipe import Recipe
from reports import comparison
from reports.results import Results

# The third has the encoder, whatever the recipe.
RECIPES = {"good": Recipe(), "classless": Recipe(class_dim=0), "bad": Recipe(sigma=1.0)}
IMAGES = 200


def sums(kept, rng):
    """Of images whose conversions keep this much of each feature."""
    style = rng.standard_normal((IMAGES, 3))
    return {"sums": pair_sums(style, kept * style[:, None]).tolist()}


def planted(value, has_encoder=False, noise=0.01):
    """Measures whose mean is `value`, with noise that is the same for every method and seed."""
    rng = np.random.default_rng(0)
    around = {"images": (value + noise * rng.standard_normal(IMAGES)).tolist()}
    rates = {"rates": np.clip(around["images"], 0, 1).tolist(), "cases": 9}
    names = {path for measure in comparison.MEASURES for path in measure.paths}
    found = {name: around for name in names if "/" not in name}
    found |= {"conversion": rates, "style_concordance": sums(value, rng)}
    found |= {"style_ceiling": sums(1.0, rng)}
    draws = {"draws": [value, value]}
    found["samples"] = {"mixture": {"frechet": draws, "coverage": draws}}
    return {name: of for name, of in found.items() if has_encoder or name != "encoded_l1"}


def results_of(bad=2.0, seeds=(0.2, 0.4), **options):
    """Two seeds, of 0.2 and 0.4, or `bad` times that for "bad"."""
    return Results(
        {
            recipe.model_copy(update={"seed": seed}): planted(
                (bad if key == "bad" else 1) * value, key == "bad", **options
            )
            for key, recipe in RECIPES.items()
            for seed, value in enumerate(seeds)
        }
    )


@pytest.fixture(scope="module")
def compared():
    return comparison.compare(results_of(noise=0.0), RECIPES)


def test_a_measure_is_the_mean_over_seeds_with_the_least_and_the_largest(compared):
    assert compared["L1 error"]["good"] == pytest.approx((0.3, 0.2, 0.4))
    assert compared["L1 error"]["bad"] == pytest.approx((0.6, 0.4, 0.8))
    assert compared["conversion"]["good"] == pytest.approx((0.3, 0.2, 0.4))


def test_style_that_is_kept_is_a_concordance_in_proportion_to_its_ceiling():
    rng = np.random.default_rng(1)
    half = np.array([sums(0.5, rng)["sums"]])
    full = np.array([sums(1.0, rng)["sums"]])
    assert comparison.style_kept(np.concatenate([full, full], -1)) == pytest.approx(1)
    # Half of the style keeps a concordance of 2·0.5 / (1 + 0.25).
    assert comparison.style_kept(np.concatenate([half, full], -1)) == pytest.approx(0.8, abs=0.01)


def test_a_method_has_only_the_measures_that_mean_something_for_it(compared):
    assert compared["encoded L1"].keys() == {"bad"}
    assert compared["conversion"].keys() == {"good", "bad"}
    assert compared["strongest probe"].keys() == RECIPES.keys()


def test_the_best_leads_with_all_that_cannot_be_told_from_it():
    ahead = comparison.leaders(results_of(bad=1.5, seeds=(0.3, 0.3)), RECIPES)
    assert ahead["L1 error"] == ["good", "classless"]
    assert ahead["SSIM"] == ahead["encoded L1"] == ["bad"]
    assert ahead["coverage"] == []  # of few draws, however far apart
    assert ahead.keys() == {measure.name for measure in comparison.MEASURES}


def test_where_no_method_can_be_told_from_the_best_none_leads():
    assert comparison.leaders(results_of(bad=1.0), RECIPES)["L1 error"] == []


def test_a_lead_that_only_one_seed_of_two_shows_is_none():
    first, second = (planted(value) for value in (0.30, 0.30)), (planted(0.31), planted(0.20))
    recipes = {"a": Recipe(), "b": Recipe(sigma=1.0)}
    measured = {
        recipe.model_copy(update={"seed": seed}): found
        for recipe, of_seeds in zip(recipes.values(), (first, second), strict=True)
        for seed, found in enumerate(of_seeds)
    }
    with_encoder = {
        each: found | {"encoded_l1": {"images": [0.5] * 9}} for each, found in measured.items()
    }
    assert comparison.leaders(Results(with_encoder), recipes)["L1 error"] == []


def test_the_table_writes_a_spread_marks_the_leaders_and_leaves_out_what_has_no_meaning(compared):
    space = "\N{NO-BREAK SPACE}"
    ahead = {name: ["bad"] for name in compared} | {"L1 error": ["good"]}
    table = comparison.table(compared, ahead, ["good", "bad", "classless"])
    written = {name.replace(space, " "): cells for name, *cells in table}
    assert written["conversion ↑"] == [
        f"30.0% ±{space}10.0%",
        f"**60.0% ±{space}20.0%**",
        "–",
    ]
    assert written["L1 error ↓"][0].startswith("**0.3000")
    assert written["encoded L1 ↓"] == ["–", f"**0.6000 ±{space}0.2000**", "–"]
