"""What the comparison's text says, on planted measures."""

import numpy as np
import pytest

from glo_core.recipe import Recipe
from reports.answers import comparison
from reports.answers.comparison import StyleOf
from reports.answers.text import Text
from reports.comparison import MEASURES, STYLE, Spread
from reports.methods import TARGET
from reports.results import Results

TEXT = Text("comparison")
NAMES = {"ours": "our GLO", "no-swap": "our GLO without swap", "exercise": "the exercise's GLO"}
REACHED = {"reconstruction_l1": 0.03, "conversion": 0.995, "leakage_mlp": 0.15}


def in_numbers(**changed):
    """Every measure is 0.5 without spread, but for those of our recipe that the target bounds."""
    equal = {measure.name: {key: Spread(0.5, 0.5, 0.5) for key in NAMES} for measure in MEASURES}
    for name, value in (REACHED | changed).items():
        equal[comparison.BOUNDED[name]]["ours"] = Spread(value, value, value)
    return comparison.in_numbers(equal, NAMES)


def style_text(*methods):
    numbers = {"style_by_chance": 0.0623, "style_explained": 0.0128}
    return TEXT.part("style", numbers | comparison.style_and_leakage(methods))


@pytest.mark.parametrize(
    ("name", "worse"), [("reconstruction_l1", 0.036), ("conversion", 0.98), ("leakage_mlp", 0.21)]
)
def test_the_target_is_met_only_if_all_of_its_bounds_are(name, worse):
    assert comparison.meets_target(REACHED)
    assert comparison.meets_target(TARGET)
    assert not comparison.meets_target(REACHED | {name: worse})


def test_the_text_says_what_is_reached_who_leads_and_what_swap_changes():
    facts = in_numbers() | {"judge_accuracy": 0.988, "measures": len(MEASURES)}
    text = TEXT.part("in-numbers", facts)
    assert "L1 error of 0.0300, 99.5% of conversions and an MLP leakage of 15.0%" in text
    assert "it meets all three bounds" in text
    assert f"the {len(MEASURES)} measures" in text
    assert "**our GLO** in L1 error, PSNR (dB), SSIM" in text
    assert "conversions from 50.0% to 99.5%, the L1 error from 0.5000 to 0.0300" in text
    assert "the MLP probe from 50.0% to 15.0%" in text
    assert "\n" not in text


def test_a_missed_target_and_a_method_that_leads_in_nothing_are_said():
    facts = in_numbers(conversion=0.9) | {"judge_accuracy": 0.988, "measures": len(MEASURES)}
    facts["wins"]["our GLO without swap"] = []
    text = TEXT.part("in-numbers", facts)
    assert "it does not meet all three bounds" in text
    assert "**our GLO without swap** in none;" in text


def test_a_method_leads_in_a_measure_only_if_its_range_meets_the_best():
    wins = in_numbers()["wins"]
    assert "conversion" in wins["our GLO"]
    assert "conversion" not in wins["the exercise's GLO"]
    assert "SSIM" in wins["the exercise's GLO"]


def test_if_all_leaky_methods_keep_more_style_the_text_says_so():
    text = style_text(StyleOf("tight", 0.10, 0.9, 0.15), StyleOf("leaky", 0.38, 0.8, 0.65))
    assert "leaky keeps 0.38 (conversions 80%, MLP leakage 65%); tight keeps 0.10" in text
    assert "leak at most 20% keep 0.10 at most, the others 0.38 at least" in text
    assert "between −0.06 and 0.06: that is what chance gives.\n\n**Answer.**" in text
    assert "accounts for 1.3% of" in text


def test_if_only_some_leaky_methods_keep_more_style_the_text_says_so():
    text = style_text(
        StyleOf("tight", 0.10, 0.9, 0.15),
        StyleOf("leaky", 0.38, 0.8, 0.65),
        StyleOf("leaky, too", 0.04, 0.8, 0.39),
    )
    assert text.endswith("Methods that leak more do not all keep more of it.")


@pytest.mark.parametrize("leakage", [0.1, 0.6])
def test_of_methods_of_one_kind_nothing_is_said_about_leakage(leakage):
    text = style_text(StyleOf("a", 0.1, 0.9, leakage), StyleOf("b", 0.2, 0.9, leakage))
    assert text.endswith("on average.")


def test_style_is_that_of_methods_with_class_codes_averaged_over_seeds():
    recipes = {"exercise": Recipe(), "no-class": Recipe(class_dim=0), "ours": Recipe(sigma=1.0)}
    kept = {"exercise": (0.2, 0.4), "no-class": (1.0, 1.0), "ours": (-0.1, -0.1)}
    measured = {
        recipe.model_copy(update={"seed": seed}): {
            "style": {path.removeprefix("style/"): [value, 0.0, 0.5, -value / 2] for path in STYLE}
        }
        for key, recipe in recipes.items()
        for seed, value in enumerate(kept[key])
    }
    styles = comparison.styles(Results(measured), recipes)
    assert styles.keys() == {"exercise", "ours"}
    space = "\N{NO-BREAK SPACE}"
    names = NAMES | {"no-class": "GLO without class codes"}
    rows = comparison.style_rows(styles, names)
    assert rows[0] == [names["exercise"]] + [f"0.30{space}±{space}0.25"] * len(STYLE)
    assert rows[1][1] == f"−0.10{space}±{space}0.25"
    compared = {"style kept": {key: Spread(np.nan, 0, 0) for key in styles}}
    numbers = comparison.style_numbers(compared, styles, names)
    assert numbers["style_by_chance"] == pytest.approx(0.15)
    assert numbers["style_explained"] == pytest.approx(0.3**2)
    assert numbers["style_kept"].keys() == {names["exercise"], names["ours"]}


def test_the_styles_of_methods_come_with_their_conversions_and_leakage():
    compared = {
        "style kept": {"ours": Spread(0.1, 0, 1)},
        "conversion": {"ours": Spread(0.9, 0, 1)},
        "MLP probe": {"ours": Spread(0.2, 0, 1), "no-class": Spread(0.7, 0, 1)},
    }
    assert comparison.styles_of(compared, NAMES) == [StyleOf("our GLO", 0.1, 0.9, 0.2)]


SAMPLES = {
    prior: {
        "frechet": frechet,
        "density": 0.5,
        "coverage": 0.25,
        "legible": [0.8, 0.7, 0.9],
        "memorised": 0.01,
    }
    for prior, frechet in zip(comparison.PRIORS, (21.0, 20.0, 22.0, 23.0), strict=True)
}


def test_a_row_of_samples_has_every_priors_distance_and_the_mixtures_other_measures():
    row = comparison.samples_row("LORD", SAMPLES, has_classes=True)
    assert row == ["LORD", "21.0", "20.0", "22.0", "23.0", "0.50", "0.25", "80.0%", "1.0%"]
    assert len(row) == len(comparison.SAMPLES_HEADER)
    assert comparison.samples_row("GLO", SAMPLES, has_classes=False)[7] == "–"


def test_the_best_prior_has_the_least_distance():
    assert comparison.best_prior(SAMPLES) == "diagonal"
    facts = {
        "best_prior": {"LORD": "diagonal", "our GLO": "normal"},
        "nearest_distance": {"LORD": 0.1849, "our GLO": 0.182},
    }
    text = TEXT.part("samples", facts)
    assert "the best prior is *diagonal* for LORD, *normal* for our GLO. In @fig-nearest" in text
    assert "is 0.185 for LORD and 0.182 for our GLO on average, where a copy has 0." in text
