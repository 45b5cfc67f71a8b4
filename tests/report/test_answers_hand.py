"""What the section on style and leakage says, on planted measures."""

import numpy as np
import pytest
import torch
from conftest import make_digits

from glo_core.measures.concordance import pair_sums
from glo_core.measures.intervals import Proportion
from glo_core.measures.style import FEATURES
from glo_core.peers.cvae import CvaeRecipe
from glo_core.recipe import Recipe
from reports.answers import hand, leaks
from reports.answers.leaks import Leaks
from reports.answers.text import Text
from reports.comparison import Spread
from reports.methods import TARGET
from reports.results import Results

TEXT = Text("hand")
NAMES = {"exercise": "the exercise", "ours": "our GLO", "cvae": "a VAE"}
RECIPES = {"exercise": Recipe(), "ours": Recipe(sigma=1.0), "cvae": CvaeRecipe()}
SPACE = "\N{NO-BREAK SPACE}"

SOURCES = np.random.default_rng(0).standard_normal((60, 3))


def sums(kept, noise=0.1, seed=1):
    """Of 60 images whose conversions keep a proportion of the style, but for noise."""
    random = np.random.default_rng(seed).standard_normal((60, 9, 3))
    return {"sums": pair_sums(SOURCES, kept * SOURCES[:, None] + noise * random).tolist()}


def planted(kept, leakage, training, seed, *, has_start=True, is_variational=False):
    """What one model was measured by; the strongest probe is the same everywhere."""
    folds = {"folds": 5 * [leakage - 0.01, leakage + 0.01]}
    measured = {
        "reconstruction_l1": {"images": [0.02, 0.04]},
        "held_out_l1": {"images": [0.03, 0.05]},
        "conversion": {"rates": [0.9, 1.0], "cases": 9},
        "style": {name: [2 * kept, 0.0, 1.0, 0.0] for name in FEATURES},
        "style_concordance": sums(kept, seed=seed),
        "style_ceiling": sums(1, noise=0),
        "held_out_style_concordance": sums(0, noise=0),
        **{f"leakage_{name}": {"folds": [0.05, 0.05]} for name in ("linear", "knn", "mlp")},
        "codes_leakage": {"svm": {"folds": [training, training]}, "qda": {"folds": [0.01, 0.02]}},
        "strongest": "qda",
        "unseen_strongest": folds,
        "curve": {"1000": leakage, "250": leakage / 2},
        "longer_fit": {"strongest": {"folds": [leakage / 2, leakage / 2]}},
        "other_kind": {"l1": {"images": [0.1]}, "strongest": folds},
    }
    if has_start:
        measured["learned_strongest"] = {"folds": [2 * leakage, 2 * leakage]}
    if is_variational:
        measured["encoded"] = {"means": {"strongest": folds}, "samples": {"strongest": folds}}
    return measured


@pytest.fixture(scope="module")
def results():
    """Two seeds; the exercise keeps 0.1, ours 0.9, and the VAE 0.5 of the style."""
    measured = {}
    for seed in (0, 1):
        for key, recipe in RECIPES.items():
            kept, leakage = {"exercise": (0.1, 0.5), "ours": (0.9, 0.2), "cvae": (0.5, 0.4)}[key]
            measured[recipe.model_copy(update={"seed": seed})] = planted(
                kept,
                leakage,
                0.08 if key == "ours" else 0.11,
                seed,
                has_start=key != "cvae",
                is_variational=key == "cvae",
            )
    return Results(measured)


@pytest.fixture(scope="module")
def styles(results):
    return {key: hand.of_method(NAMES[key], results, recipe) for key, recipe in RECIPES.items()}


def baseline(name, kept):
    """A method without a network."""
    measured = {"conversion": {"rates": [0.8, 1.0]}, "style_concordance": sums(kept, seed=9)}
    return hand.of_baseline(name, measured)


# --- pictures -------------------------------------------------------------------------------------


def test_an_image_stands_in_its_classs_column_above_its_conversions():
    digits = make_digits(count=8)

    def convert(images, to):
        assert images.tolist() == [6] * 4
        return to[:, None, None].expand(-1, 28, 28) / 10

    rows = hand.same_image(digits, torch.tensor([6]), [convert, convert])
    assert rows.shape == (4, 4, 28, 28)
    assert torch.equal(rows[0, 2], digits.images[6])
    assert not rows[0, [0, 1, 3]].any()
    assert rows[1, :, 0, 0].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert torch.equal(rows[1], rows[2])
    assert not rows[3].any()


# --- style ----------------------------------------------------------------------------------------


def test_a_method_has_its_means_over_seeds(styles):
    ours = styles["ours"]
    assert ours.conversion == pytest.approx(0.95)
    assert ours.correlation == pytest.approx(1.8)
    assert ours.ceiling == pytest.approx(1)
    assert ours.unseen == 0
    assert ours.concordance == pytest.approx(ours.kept.mean)
    assert 0.95 < ours.kept.least < ours.kept.mean < ours.kept.largest < 1
    assert ours.sums.shape == (2, 60, 3, 12)
    assert styles["exercise"].kept.mean < 0.3 < styles["cvae"].kept.mean < ours.kept.mean


@pytest.mark.parametrize(("kept", "found"), [(1, 1), (0, 0), (0.5, 0.8)])
def test_a_baseline_keeps_what_it_keeps_and_has_a_ceiling_of_1(kept, found):
    measured = {
        "conversion": {"rates": [0.8, 1.0]},
        "style_concordance": {"sums": pair_sums(SOURCES, kept * SOURCES[:, None]).tolist()},
    }
    of = hand.of_baseline("none", measured)
    # 2·c·s² / (s² + c²·s²), and the means hardly differ
    assert of.kept == pytest.approx((found, found, found), abs=0.01)
    assert of.ceiling == pytest.approx(1)
    assert of.concordance == pytest.approx(of.kept.mean)
    assert of.conversion == pytest.approx(0.9)
    assert (of.correlation, of.unseen) == (None, None)
    assert of.sums.shape == (1, 60, 3, 12)


def test_a_row_of_the_table_has_all_columns_and_dashes_for_what_was_not_measured(styles):
    known = styles["ours"]._replace(kept=Spread(0.834, 0.8, 0.9), concordance=0.8)
    rows = hand.style_rows([known, baseline("none", 0)])
    assert {len(row) for row in rows} == {len(hand.STYLE_HEADER)}
    assert rows[0] == [
        "our GLO",
        "95.0%",
        "1.80",
        "0.80",
        "1.00",
        f"0.83{SPACE}±{SPACE}0.05",
        "0.00",
    ]
    assert [rows[1][k] for k in (0, 2, 4, 6)] == ["none", "–", "1.00", "–"]


def test_what_is_recorded_has_numbers_by_their_names(styles):
    recorded = hand.recorded(styles.values())
    assert recorded.keys() == {*NAMES.values()}
    ours = recorded["our GLO"]
    assert ours.keys() == {"conversion", "correlation", "concordance", "ceiling", "kept", "unseen"}
    assert ours["kept"]["least"] == styles["ours"].kept.least


def test_methods_are_compared_with_the_better_baseline(styles):
    found = hand.against_baselines(styles, [baseline("weak", 0.05), baseline("good", 0.5)])
    assert found["best"].name == "good"
    assert (found["less"], found["more"]) == (["the exercise"], ["our GLO"])
    assert found["equal"] == ["a VAE"]
    assert found["blind"].name == "our GLO"
    text = TEXT.part("style", found)
    assert "for our GLO: 1.80 against 0.99." in text
    assert "*good* keeps 0.79 of the style. A network that keeps less than that" in text
    assert (
        "this holds of: the exercise. More is kept by: our GLO. It cannot be told of: a VAE."
        in text
    )
    assert "at a level of 5%" in text


def test_where_all_methods_keep_more_nothing_is_said_of_less(styles):
    text = TEXT.part("style", hand.against_baselines(styles, [baseline("weak", 0)]))
    assert "More is kept by: the exercise; our GLO; a VAE." in text
    assert "keeps less" not in text
    assert "cannot be told" not in text


def test_where_all_methods_keep_less_nothing_is_said_of_more(styles):
    measured = {
        "conversion": {"rates": [1.0]},
        "style_concordance": {"sums": pair_sums(SOURCES, SOURCES[:, None]).tolist()},
    }
    compared = hand.against_baselines(styles, [hand.of_baseline("perfect", measured)])
    text = TEXT.part("style", compared)
    assert "this holds of: the exercise; our GLO; a VAE. A difference" in text


def test_the_captions_name_the_features_and_the_images():
    facts = {"images": 300, "features": FEATURES, "kept": ("slant", "width")}
    caption, _ = TEXT.caption("tbl-style", facts)
    assert "How much of the style of 300 training images" in caption
    assert "the mean of slant, width, in all conversions" in caption
    caption, alt = TEXT.caption("fig-same-image", {"sources": ["4", "a_b"], "pick_seed": 7})
    assert "of class 4 and, below, one of class a\\_b, picked at random (seed 7)" in caption
    assert alt


# --- leakage --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaked(results):
    return {key: leaks.of_method(NAMES[key], results, recipe) for key, recipe in RECIPES.items()}


def test_the_strongest_of_all_probes_counts_on_training_codes(leaked):
    assert leaked["exercise"].training.value == pytest.approx(0.11)  # the SVM's, not the MLP's
    assert leaked["exercise"].learned.value == pytest.approx(1.0)
    assert leaked["exercise"].unseen.value == pytest.approx(0.5)
    assert leaked["exercise"].unseen.low < 0.5 < leaked["exercise"].unseen.high
    assert leaked["exercise"].probe == "QDA"
    assert leaked["cvae"].learned is None


def test_the_table_has_a_column_for_digits_of_another_kind_only_if_there_are_any(leaked):
    header, rows = leaks.table(leaked.values())
    assert header[-1] == "other digits"
    assert {len(row) for row in rows} == {len(header)}
    assert rows[2][:3] == ["a VAE", "11.0%", "–"]
    assert rows[2][3].startswith(f"40.0%{SPACE}±{SPACE}")
    header, rows = leaks.table([each._replace(other_kind=None) for each in leaked.values()])
    assert header == [*leaks.HEADER]
    assert {len(row) for row in rows} == {len(header)}


EVEN = Leaks(
    "one",
    Proportion(0.2, 0.18, 0.22),
    Proportion(0.2, 0.18, 0.22),
    Proportion(0.2, 0.18, 0.22),
    "SVM",
    Proportion(0.2, 0.18, 0.22),
    None,
)


def leaks_text(**changed):
    """Of two methods, the second of which differs from EVEN."""
    both = {"ours": EVEN, "exercise": EVEN._replace(name="two", **changed)}
    return leaks_part(both)


def leaks_part(of):
    return TEXT.part("leaks", leaks.facts(of, floor=0.1) | {"longer": 4})


def test_if_training_codes_tell_as_much_the_text_says_so():
    text = leaks_text()
    assert text.startswith("In no method does the strongest probe find less in training codes")
    assert "masks" not in text
    assert "below chance" not in text
    assert "codes of one, the strongest probe predicts the class of 20.0% (18.0–22.0%)" in text
    assert "another kind" not in text


def test_a_method_whose_training_codes_hide_what_was_learned_is_named():
    text = leaks_text(training=Proportion(0.1, 0.09, 0.12), learned=Proportion(0.2, 0.13, 0.3))
    assert text.startswith("The strongest probe finds less in training codes than its whole")
    assert "lies above that on training codes, in: two." in text
    assert "below chance" not in text


def test_training_codes_that_are_below_chance_are_named():
    text = leaks_text(training=Proportion(0.05, 0.03, 0.07), learned=None)
    assert "The whole interval on training codes lies below chance in: two." in text
    assert "masks" not in text
    just = leaks_text(training=Proportion(0.05, 0.03, 0.1), learned=None)
    assert "below chance" not in just


def test_if_training_codes_of_every_method_tell_less_none_is_listed(leaked):
    text = leaks_part(leaked)
    assert text.startswith("In every method, the strongest probe finds less in training codes")
    assert "In codes of digits of another kind, it is 20.0%" in text


def test_the_text_says_what_a_longer_fit_takes_away_and_blames_the_fit_only_if_it_does(leaked):
    text = leaks_part(leaked)
    assert "for 4 times as many steps takes the exercise's 50.0% (" in text
    assert "to 25.0% (25.0–25.0%), and ours to 10.0% (10.0–10.0%): part of what" in text
    text = leaks_part(leaked | {"ours": leaked["ours"]._replace(longer=leaked["ours"].unseen)})
    assert "is not done" not in text


def test_the_row_of_style_alone_has_its_strongest_probe_and_all_columns(leaked):
    header, _ = leaks.table(leaked.values())
    found = {name: {"folds": [0.1, 0.1]} for name in leaks.PROBES} | {"knn": {"folds": [0.1, 0.2]}}
    row = leaks.style_row(found | {"strongest": found["knn"]}, len(header))
    assert len(row) == len(header)
    assert row[0] == "style alone"
    assert row[3].startswith(f"15.0%{SPACE}±{SPACE}")
    assert row[4] == leaks.PROBE_NAMES["knn"]


def test_an_encoders_means_and_samples_are_told_apart(results):
    found = leaks.encoded(results, RECIPES)
    assert found.keys() == {"cvae"}
    text = TEXT.part("encoders", {"encoders": {"a VAE": found["cvae"]}})
    assert "a VAE 40.0% (" in text
    assert "in posterior means and 40.0% (" in text
    assert "A VAE promises something about these draws" in text
    plain = {"LORD": {"means": Proportion(0.3, 0.2, 0.4), "samples": None}}
    text = TEXT.part("encoders", {"encoders": plain})
    assert text.endswith("in those: LORD 30.0% (20.0–40.0%).")


def test_a_curve_has_its_sizes_rising_and_the_text_says_whether_it_has_settled(results):
    sizes, curves = leaks.curves_of(results, RECIPES)
    assert sizes == [250, 1000]
    assert curves["ours"] == pytest.approx([0.1, 0.2])
    text = TEXT.part("unseen-curve", leaks.curve_facts(sizes, curves))
    assert "From 250 to 1,000 codes, the accuracy moves from 10.0% to 20.0% for our GLO" in text
    assert "In 3 of 3 methods it still rises by more than 1%" in text
    flat = {"ours": [0.1, 0.105], "exercise": [0.5, 0.4]}
    text = TEXT.part("unseen-curve", leaks.curve_facts(sizes, flat))
    assert "In none of 2 methods does it still rise" in text


def test_of_few_unseen_images_the_accuracy_of_cross_validation_stands_for_the_curve():
    few = planted(0.5, 0.4, 0.1, 0) | {
        "curve": {},
        "unseen_leakage": {"svm": {"folds": [0.2, 0.4]}},
    }
    few["held_out_l1"] = {"images": 50 * [0.1]}
    sizes, curves = leaks.curves_of(Results({Recipe(): few}), {"ours": Recipe()})
    assert sizes == [40]
    assert curves == {"ours": [pytest.approx(0.3)]}
    facts = leaks.curve_facts(sizes, {"ours": [0.1], "exercise": [0.9]})
    assert facts["rising"] == 0
    text = TEXT.part("unseen-curve", facts)
    assert text.startswith("With 40 codes, the accuracy is 10.0% for our GLO and 90.0% for")


@pytest.mark.parametrize(
    ("several", "words"),
    [(True, "on the same 500 unseen codes"), (False, "cross-validated on all")],
)
def test_the_captions_of_leakage_say_on_which_codes(several, words):
    caption, _ = TEXT.caption("fig-unseen-curve", {"several": several, "tested": 500})
    assert words in caption
    facts = {"probes": ["linear", "QDA"], "unseen": 1000, "floor": 0.1, "longer": 4}
    caption, _ = TEXT.caption("tbl-leaks", facts | {"other_images": 1000 if several else 0})
    assert "of the probes linear, QDA predicts" in caption
    assert ("and of 1,000 digits of another kind" in caption) == several


# --- style against leakage ------------------------------------------------------------------------


def corner(**places):
    """Methods by how much leaks and how much is kept."""
    spreads = {key: Spread(kept, kept, kept) for key, (_, kept) in places.items()}
    styles = {
        key: hand.Style(key, 0, 0, 0, 0, of, None, np.empty(0)) for key, of in spreads.items()
    }
    found = {
        key: EVEN._replace(unseen=Proportion(leakage, 0, 1)) for key, (leakage, _) in places.items()
    }
    return hand.corner(styles, found)


def test_a_method_is_within_the_bounds_only_if_it_meets_both():
    most, least = TARGET["unseen_strongest"], TARGET["style"]
    found = corner(
        ours=(most, least), leaky=(most + 0.01, 1.0), empty=(0.1, least - 0.01), best=(0.1, 1.0)
    )
    assert found == {"within": ["ours", "best"], "as_good": ["best"]}
    text = TEXT.part("style-leakage", found | {"target": TARGET})
    assert text.startswith(
        "Within both bounds, a leakage of at most 25% and a style of at least 0.60"
    )
    assert "lie the means of: ours; best." in text
    assert "with at most its leakage: best." in text


def test_if_no_method_is_within_the_bounds_or_as_good_the_text_says_so():
    found = corner(ours=(0.5, 0.5), other=(0.6, 0.9))
    text = TEXT.part("style-leakage", found | {"target": TARGET})
    assert text.startswith("No method's means lie within both bounds")
    assert "No other method keeps as much style as our GLO with as little leakage." in text


def test_a_models_place_and_its_row(results):
    leakage, kept = hand.place(results, RECIPES["ours"])
    assert leakage == pytest.approx(0.2)
    assert kept > 0.95
    (row,), numbers = hand.beta_rows(results, {0.25: RECIPES["ours"]})
    assert numbers["0.25"]["held_out_l1"] == pytest.approx(0.04)
    assert row == ["0.25", "0.0300", "0.0400", "95.0%", "0.99", "20.0%"]
    assert len(row) == len(hand.BETA_HEADER)


@pytest.mark.parametrize("betas", [[1.0, 4.0], [4.0]])
def test_the_caption_says_which_row_has_all_seeds_if_one_has(betas):
    caption, _ = TEXT.caption("tbl-beta", {"beta": 1.0, "betas": betas})
    assert ("with β = 1, that of @tbl-methods" in caption) == (1.0 in betas)


# --- the answer -----------------------------------------------------------------------------------


def answer(styles, *, searched=True, **changed):
    reached = TARGET | changed
    compared = hand.against_baselines(styles, [baseline("none", 0.5)])
    facts = {"reached": reached, "target": TARGET, "missed": hand.missed(reached)}
    return TEXT.part("answer", compared | facts | {"searched": searched, "searched_with": "a set"})


@pytest.mark.parametrize(
    ("name", "worse", "words"),
    [
        ("held_out_l1", 0.033, "the error on unseen images"),
        ("conversion", 0.98, "conversions"),
        ("unseen_strongest", 0.26, "leakage"),
        ("style", 0.59, "style"),
    ],
)
def test_every_bound_can_be_missed(styles, name, worse, words):
    assert hand.missed(TARGET) == []
    assert hand.missed(TARGET | {name: worse}) == [words]
    assert f"does not meet that of {words}: a style" in answer(styles, **{name: worse})


def test_the_answer_says_what_is_reached_and_that_all_bounds_are_met(styles):
    text = answer(styles, style=0.834)
    assert text.startswith("**Answer.** Our GLO keeps 0.83 of the style")
    assert "without a network keeps 0.79 of it, *the exercise* 0.19." in text
    assert "It meets all four bounds: a style of at least 0.60, at least 99.5%" in text
    assert "an error of at most 0.032 and a leakage of at most 25%." in text
    both = answer(styles, style=0.1, conversion=0.5)
    assert "does not meet that of conversions and that of style:" in both


def test_the_answer_says_whether_the_recipe_was_found_on_these_images(styles):
    assert "which therefore flatter it" in answer(styles)
    other = answer(styles, searched=False)
    assert other.endswith("and the bounds were set, on another set of images, `a set`.")


def test_what_is_reached_is_what_the_target_bounds(results):
    reached = hand.reached(results, RECIPES["ours"])
    assert reached.keys() == TARGET.keys() == hand.BOUNDS.keys()
    assert reached["held_out_l1"] == pytest.approx(0.04)
    assert reached["conversion"] == pytest.approx(0.95)
    assert reached["unseen_strongest"] == pytest.approx(0.2)
    assert reached["style"] > 0.95
