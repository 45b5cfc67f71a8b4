"""The score, the ranking by it, and what the text says of the best model and the claims."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT

from glo_core.measures.concordance import pair_sums
from reports.answers import discussion
from reports.answers.discussion import Parts, Ranking, Scored
from reports.answers.text import Text
from reports.gaps import Gaps
from reports.reading import read
from reports.results import Results
from reports.schema import Finding, Verdict
from reports.study import Study


def model(loss, sigma, score, conversion=None):
    """A model whose four parts are all as its score, unless its conversions differ a little."""
    parts = Parts(score if conversion is None else conversion, score, score, score)
    return Scored(loss, sigma, parts, reconstruction_l1=0.05, unseen_strongest=0.2)


def answer(ranking):
    return Text("discussion").part("best", ranking.facts())


BEST = model("l2", 0.0, 0.80)
TIED = model("l2", 1.0, 0.795, conversion=0.81)
OLD = model("l1", 0.1, 0.5)
REST = [model("l1+l2", sigma, 0.6 - sigma / 100) for sigma in (0.0, 0.1, 1.0, 2.0)]
NAME = "L2 with σ = 1"


# --- the score ------------------------------------------------------------------------------------


def test_the_score_is_low_as_soon_as_one_part_is():
    assert Parts(1, 1, 1, 1).score == 1
    assert Parts(0.5, 0.5, 0.5, 0.5).score == pytest.approx(0.5)
    assert Parts(1, 0, 1, 1).score == Parts(1, -0.2, 1, 1).score == 0


@pytest.mark.parametrize("part", Parts._fields)
def test_every_part_counts_the_same(part):
    low = Parts(1, 1, 1, 1)._replace(**{part: 0.1})
    assert low.score == pytest.approx(4 / 13)


HAND = np.random.default_rng(0).normal(size=(200, 3))


def measures(kept, rate=0.5, fidelity=0.5, separation=0.5):
    """Measures of a model whose reconstructions keep all of the style, and conversions `kept`.

    Its conversions have the source's style in a proportion of images, and an average one in others.
    """
    converted = HAND * (np.arange(200) < 200 * kept)[:, None]
    sums = {"style_concordance": pair_sums(HAND, converted[:, None])}
    sums["style_ceiling"] = pair_sums(HAND, HAND[:, None])
    return {
        "conversion": {"rates": [rate] * 4, "cases": 3},
        "fidelity": fidelity,
        "separation": separation,
        "reconstruction_l1": {"images": [fidelity / 10] * 4},
        "unseen_strongest": {"folds": [0.2] * 5},
        **{name: {"sums": found.tolist()} for name, found in sums.items()},
    }


def of_seed(measured, seed, recipe):
    return {recipe.model_copy(update={"seed": seed}): measured}


def study_of(measured):
    """A study with the seeds 4 and 2 whose measures are planted."""
    parameters = read(ROOT / "reports" / "quick.yaml", {"seeds": [4, 2]})
    study = Study(parameters, SimpleNamespace(train=None), store=None)
    study.__dict__["gaps"] = Gaps(study.parameters, {})
    study.__dict__["results"] = Results(measured(parameters))
    return study


def test_a_model_of_the_sweep_is_scored_by_the_first_seed_alone():
    """Its style and its separation are not measured with the other."""
    further = ("separation", "unseen_strongest", "style_concordance", "style_ceiling")

    def measured(parameters):
        recipe = parameters.recipe("l2", 1)
        other = {k: v for k, v in measures(1, 0.1, 0.1).items() if k not in further}
        return of_seed(measures(1, 0.4, 0.6, 0.7), 4, recipe) | of_seed(other, 2, recipe)

    found = discussion.scored(study_of(measured), "l2", 1)
    assert found.parts == pytest.approx((0.4, 0.6, 1, 0.7))
    assert (found.reconstruction_l1, found.unseen_strongest) == pytest.approx((0.06, 0.2))


def test_a_model_that_is_a_method_too_is_scored_by_the_first_seed_like_the_others():
    def measured(parameters):
        recipe = parameters.recipe("l1", 0.1)
        both = (4, measures(1, 0.4, 0.6, 0.7)), (2, measures(0, 0.1, 0.1, 0.1))
        return {k: v for seed, found in both for k, v in of_seed(found, seed, recipe).items()}

    found = discussion.scored(study_of(measured), "l1", 0.1)
    assert found.parts == pytest.approx((0.4, 0.6, 1, 0.7))


def test_style_is_kept_in_proportion_to_its_ceiling_and_never_below_nothing():
    def styles(kept):
        study = study_of(lambda parameters: of_seed(kept, 4, parameters.recipe("l2", 1)))
        return discussion.scored(study, "l2", 1).parts.style

    assert styles(measures(0)) == 0
    assert styles(measures(0.5)) == pytest.approx(0.66, abs=0.06)  # half of the variance
    against = {"sums": pair_sums(HAND, -HAND[:, None]).tolist()}
    assert styles(measures(1) | {"style_concordance": against}) == 0
    assert styles(measures(1) | {"style_ceiling": measures(0.5)["style_concordance"]}) == 1


# --- the sweep ------------------------------------------------------------------------------------


def test_of_models_with_equal_scores_the_surest_conversions_are_chosen():
    ranking = Ranking.of([OLD, TIED, BEST, *REST])
    assert ranking.models[0] == BEST
    assert ranking.tied == [BEST, TIED]
    assert ranking.best == TIED
    assert ranking.facts()["best"]["rank"] == 2
    # Converts more surely, but is no longer equal
    apart = replace(TIED, parts=TIED.parts._replace(style=0.7))
    assert Ranking.of([OLD, apart, BEST, *REST]).best == BEST


def test_the_table_lists_the_best_models_our_choice_and_the_old_one():
    rows = Ranking.of([OLD, TIED, BEST, *REST]).rows()
    assert [len(row) for row in rows] == [len(discussion.HEADER)] * 6
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "7"]
    assert rows[1][:3] == ["2", f"{NAME} (our choice)", "81.0%"]
    assert rows[-1][1] == "L1 with σ = 0.1 (the old report's choice)"


def test_a_row_has_its_numbers_in_the_headers_order():
    parts = Parts(conversion=0.9, fidelity=-0.123, style=0.2, separation=0.5)
    (row,) = Ranking.of([replace(BEST, parts=parts)]).rows()
    shown = dict(zip(discussion.HEADER, row, strict=True))
    assert shown["conversion"] == "90.0%"
    assert (shown["fidelity"], shown["style"], shown["separation"]) == ("−0.12", "0.20", "0.50")
    assert (shown["L1 error"], shown["strongest probe"]) == ("0.0500", "20.0%")
    assert shown["score"] == "0.000"


def test_the_text_names_the_best_model_and_the_old_choices_place():
    text = answer(Ranking.of([OLD, TIED, BEST, *REST]))
    assert "The best score of the sweep is 0.800" in text
    assert f"**{NAME}**" in text
    assert "L1 with σ = 0.1, scores 0.500 and takes rank 7 of 7." in text
    assert "All of this is of the first seed's models" in text
    assert "\n" not in text


def test_the_text_says_if_the_old_choice_is_ours_or_was_not_tried():
    same = answer(Ranking.of([model("l1", 0.1, 0.9), *REST]))
    assert "It is the one that the old report chose by eye." in same
    without = answer(Ranking.of([BEST, *REST]))
    assert "old report" not in without
    assert "\n" not in same + without
    assert Ranking.of([BEST]).facts()["exercise"] is None


# --- the methods ----------------------------------------------------------------------------------


def test_methods_are_scored_with_every_seed():
    def measured(parameters):
        return {
            recipe: measures(1, 0.4, 0.4, 0.4 if recipe.seed == 4 else 0.8)
            for method in parameters.methods().values()
            for recipe in parameters.over_seeds(method)
        }

    methods = discussion.of_methods(study_of(measured))
    assert "our GLO" in methods
    assert "GLO without class codes" not in methods  # there is nothing to convert
    assert methods["our GLO"] == [(0.4, 0.4, 1, 0.8), (0.4, 0.4, 1, 0.4)]  # seeds 2 and 4


METHODS = {
    "GLO": [Parts(0.5, 0.5, 0.5, 0.5), Parts(0.7, 0.7, 0.7, 0.7)],
    "cVAE": [Parts(0.9, 0.8, 0.85, 0.87)] * 2,
}


def test_a_methods_row_has_means_and_the_range_of_its_scores():
    rows = discussion.method_rows(METHODS)
    assert [len(row) for row in rows] == [len(discussion.METHODS_HEADER)] * 2
    (*parts, spread), of_cvae = rows
    assert parts == ["GLO", "60.0%", "0.60", "0.60", "0.60"]
    assert spread.replace("\N{NO-BREAK SPACE}", " ") == "0.600 ± 0.100"
    assert of_cvae[:5] == ["cVAE", "90.0%", "0.80", "0.85", "0.87"]


def test_the_text_ranks_the_methods_the_best_first():
    found = discussion.method_facts(METHODS)
    assert found["method_scores_with_each_seed"]["GLO"] == pytest.approx([0.5, 0.7])
    assert found["method_parts"]["cVAE"]["style"] == 0.85
    text = Text("discussion").part("methods", found)
    assert text.endswith("the methods rank cVAE (0.853), GLO (0.600).")


# --- the claims -----------------------------------------------------------------------------------


def finding(number, exercise, handed_in):
    verdicts = {
        name: Verdict(holds=holds, evidence=f"evidence {number}")
        for name, holds in (("the exercise", exercise), ("the other", handed_in))
    }
    return Finding(id=number, claim=f"claim {number}.", figure="fig-f", verdicts=verdicts)


FINDINGS = {
    3: finding(3, True, None),
    1: finding(1, True, True),
    2: finding(2, False, True),
    4: finding(4, False, False),
}


def words_on(claims):
    facts = {"verdicts": discussion.verdicts(claims), "differing": discussion.differing(claims)}
    return Text("discussion").part("claims", facts)


def test_each_verdict_has_a_row_under_its_claim():
    rows = discussion.claim_rows(FINDINGS)
    assert rows[:2] == [
        ["1", "claim 1. (@fig-f)", "the exercise", "holds", "evidence 1"],
        ["", "", "the other", "holds", "evidence 1"],
    ]
    assert rows[5] == ["", "", "the other", "cannot be decided here", "evidence 3"]
    assert [row[0] for row in rows[::2]] == ["1", "2", "3", "4"]


def test_claims_are_listed_by_method_and_verdict():
    assert discussion.verdicts(FINDINGS) == {
        "the exercise": {"holds": [1, 3], "does not hold": [2, 4]},
        "the other": {"holds": [1, 2], "cannot be decided here": [3], "does not hold": [4]},
    }
    text = words_on(FINDINGS)
    assert "For the exercise, 1, 3 hold; 2, 4 do not hold. For the other, 1, 2 hold;" in text
    assert "hold; 3 cannot be decided here; 4 does not hold. The two differ on 2: there" in text
    assert "\n" not in text


def test_verdicts_differ_only_where_both_are_decided():
    assert discussion.differing(FINDINGS) == [2]
    agreed = {3: FINDINGS[3], 1: FINDINGS[1]}
    assert words_on(agreed).endswith(
        "For the exercise, 1, 3 hold. For the other, 1 holds; 3 cannot be decided here. Where both "
        "can be decided, they do not differ."
    )
