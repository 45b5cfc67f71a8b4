"""What the comparison's text says, on planted measures."""

import pytest

from reports.answers import comparison
from reports.answers.text import Text
from reports.comparison import MEASURES, Spread
from reports.methods import TARGET

TEXT = Text("comparison")
NAMES = {
    "ours": "our GLO",
    "no-swap": "our GLO without swap",
    "exercise": "the exercise, corrected",
}
REACHED = {"held_out_l1": 0.031, "conversion": 0.998, "unseen_strongest": 0.24, "style": 0.83}


def in_numbers(leading=(), **changed):
    """Every measure is 0.5, but for those of our recipe that the target bounds.

    `leading` has who leads in what; in other measures nobody does.
    """
    equal = {measure.name: {key: Spread(0.5, 0.5, 0.5) for key in NAMES} for measure in MEASURES}
    for name, value in (REACHED | changed).items():
        equal[comparison.BOUNDED[name]]["ours"] = Spread(value, value, value)
    nobody: dict[str, list[str]] = {measure.name: [] for measure in MEASURES}
    return comparison.in_numbers(equal, nobody | dict(leading), NAMES)


def text_of(found):
    facts = {"judge_accuracy": 0.988, "measures": len(MEASURES), "target": TARGET}
    return TEXT.part("in-numbers", found | facts)


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("held_out_l1", 0.036),
        ("conversion", 0.98),
        ("unseen_strongest", 0.31),
        ("style", 0.5),
    ],
)
def test_the_target_is_met_only_if_all_of_its_bounds_are(name, worse):
    assert in_numbers()["target_reached"]
    assert in_numbers(**TARGET)["target_reached"]
    missed = in_numbers(**{name: worse})
    assert not missed["target_reached"]
    assert "It does not meet all of the bounds" in text_of(missed)


def test_what_the_target_bounds_are_measures_of_the_table():
    assert comparison.BOUNDED.keys() == TARGET.keys()
    assert {*comparison.BOUNDED.values()} <= {measure.name for measure in MEASURES}


def test_the_text_says_what_is_reached_and_what_swap_changes():
    text = text_of(in_numbers())
    assert "an L1 error of 0.0310, and the strongest probe predicts the class from 24.0% of" in text
    assert "99.8% succeed, and they keep 0.83 of the style" in text
    assert "It meets all of the bounds" in text
    assert f"the {len(MEASURES)} measures of @tbl-comparison" in text
    assert "conversions from 50.0% to 99.8%, the unseen L1 error from 0.5000 to 0.0310" in text
    assert "is kept from 0.50 to 0.83 and the strongest probe from 50.0% to 24.0%" in text
    assert "\n" not in text


def test_the_text_says_who_leads_in_what_and_where_nobody_does():
    led = {measure.name: ["ours"] for measure in MEASURES[:-1]}
    found = in_numbers(led | {"L1 error": ["exercise", "ours"]})
    assert found["wins"]["our GLO"] == [measure.name for measure in MEASURES[:-1]]
    text = text_of(found)
    assert "**our GLO** in L1 error, SSIM, " in text
    assert "**our GLO without swap** in none;" in text
    assert "**the exercise, corrected** in L1 error." in text
    assert f"Nobody can be told to lead in {MEASURES[-1].name}." in text
    led[MEASURES[-1].name] = ["exercise"]
    assert "Nobody can be told" not in text_of(in_numbers(led))


SAMPLES = {
    prior: {
        "frechet": frechet,
        "density": 0.5,
        "coverage": 0.25,
        "legible": 0.8,
        "memorised": 0.01,
    }
    for prior, frechet in zip(comparison.PRIORS, (21.0, 20.0, 22.0, 23.0), strict=True)
}


def test_a_row_of_samples_has_every_priors_distance_and_the_mixtures_other_measures():
    row = comparison.samples_row("LORD", SAMPLES, has_classes=True)
    assert row == ["LORD", "21.0", "20.0", "22.0", "23.0", "0.50", "0.25", "80.0%", "1.0%"]
    assert len(row) == len(comparison.SAMPLES_HEADER)
    assert comparison.samples_row("GLO", SAMPLES, has_classes=False)[7] == "–"


def test_the_row_of_real_images_has_the_means_over_draws_and_no_priors():
    real = {"frechet": 2.0, "density": 1.0, "coverage": 0.8, "legible": 0.98}
    drawn = {name: {"draws": [value / 2, 3 * value / 2]} for name, value in real.items()}
    assert comparison.means(drawn) == pytest.approx(real)
    row = comparison.real_row(real)
    assert row == ["real images", "2.0", "–", "–", "–", "1.00", "0.80", "98.0%", "–"]
    assert len(row) == len(comparison.SAMPLES_HEADER)


def test_the_best_prior_has_the_least_distance():
    assert comparison.best_prior(SAMPLES) == "diagonal"
    facts = {
        "best_prior": {"LORD": "diagonal", "our GLO": "normal"},
        "nearest_distance": {"LORD": 0.1849, "our GLO": 0.182},
    }
    text = TEXT.part("samples", facts)
    assert "the best prior is *diagonal* for LORD, *normal* for our GLO. In @fig-nearest" in text
    assert "is 0.185 for LORD and 0.182 for our GLO on average, where a copy has 0." in text
