"""The score, the ranking by it, and what the text says of the best model and the claims."""

from dataclasses import replace

import pytest

from glo_core.recipe import Recipe
from reports.answers import discussion
from reports.answers.discussion import Ranking, Scored
from reports.answers.text import Text
from reports.results import Results
from reports.schema import Finding


def model(loss, sigma, score, conversion=None, scores=None):
    """A model whose three parts are all as its score, unless its conversions differ a little."""
    conversion = score if conversion is None else conversion
    parts = {"conversion": conversion, "fidelity": score, "separation": score}
    return Scored(
        loss, sigma, **parts, reconstruction_l1=0.05, leakage_mlp=0.2, scores=scores or (score,)
    )


def answer(ranking):
    return Text("discussion").part("best", ranking.facts() | {"our_recipe_score": 0.987})


BEST = model("l2", 0.0, 0.80)
TIED = model("l2", 1.0, 0.795, conversion=0.81)
OLD = model("l1", 0.1, 0.5)
REST = [model("l1+l2", sigma, 0.6 - sigma / 100) for sigma in (0.0, 0.1, 1.0, 2.0)]
NAME = "L2 with σ = 1"


def test_the_score_is_low_as_soon_as_one_part_is():
    assert discussion.score(1, 1, 1) == 1
    assert discussion.score(0.5, 0.5, 0.5) == pytest.approx(0.5)
    assert discussion.score(1, 0, 1) == discussion.score(1, -0.2, 1) == 0
    assert discussion.score(1, 0.1, 1) < 0.3


def test_the_score_of_a_recipe_is_that_of_its_mean_measures():
    parts = [
        {"conversion": [0.4, 0.3, 0.5], "fidelity": 0.2, "separation": 1.0},
        {"conversion": [0.6, 0.5, 0.7], "fidelity": 0.8, "separation": 0.0},
    ]
    results = Results({Recipe(seed=seed): found for seed, found in enumerate(parts)})
    assert discussion.score_of(results, Recipe()) == pytest.approx(0.5)


def test_of_models_with_equal_scores_the_surest_conversions_are_chosen():
    ranking = Ranking.of([OLD, TIED, BEST, *REST])
    assert ranking.models[0] == BEST
    assert ranking.tied == [BEST, TIED]
    assert ranking.best == TIED
    assert ranking.facts()["best"]["rank"] == 2
    apart = replace(TIED, fidelity=0.7)  # converts more surely, but is no longer equal
    assert Ranking.of([OLD, apart, BEST, *REST]).best == BEST


def test_the_table_lists_the_best_models_our_choice_and_the_old_one():
    rows = Ranking.of([OLD, TIED, BEST, *REST]).rows()
    assert [len(row) for row in rows] == [len(discussion.HEADER)] * 6
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "7"]
    assert rows[1][:3] == ["2", f"{NAME} (our choice)", "81.0%"]
    assert rows[-1][1] == "L1 with σ = 0.1 (the old report's choice)"


def test_negative_fidelity_has_a_proper_minus_sign():
    (row,) = Ranking.of([replace(BEST, fidelity=-0.123)]).rows()
    assert row[4] == "−0.12"


@pytest.mark.parametrize(
    ("of_old", "words"),
    [
        ((0.4, 0.6), "is refuted by these measures"),
        ((0.4, 0.75), "is not refuted by these measures"),  # only a tie below our least score
    ],
)
def test_the_old_choice_is_refuted_only_if_every_seed_scores_worse(of_old, words):
    ours = replace(TIED, scores=(0.755, 0.83))
    text = answer(Ranking.of([replace(OLD, scores=of_old), ours, BEST, *REST]))
    assert words in text
    assert "takes rank 7 of 7" in text
    assert f"between 0.400 and {of_old[1]:.3f}, our choice between 0.755 and 0.830" in text
    assert f"**{NAME}**" in text
    assert "our recipe of @sec-comparison scores 0.987" in text
    assert "\n" not in text


def test_the_text_says_if_the_old_choice_is_ours_or_was_not_tried():
    same = answer(Ranking.of([model("l1", 0.1, 0.9), *REST]))
    assert "It is the one that the old report chose by eye." in same
    without = answer(Ranking.of([BEST, *REST]))
    assert "old report" not in without
    assert "\n" not in same + without
    assert Ranking.of([BEST]).facts()["exercise"] is None


def finding(number, holds):
    return Finding(id=number, claim="c", holds=holds, evidence="e", figure="fig-f")


def test_claims_are_listed_by_verdict():
    claims = {k: finding(k, holds) for k, holds in ((3, True), (1, True), (2, False))}
    found = discussion.verdicts(claims)
    assert found == {"holds": [1, 3], "does not hold": [2], "cannot be decided here": []}
    text = Text("discussion").part("claims", {"verdicts": found})
    assert text == "**Answer.** Claims that hold: 1, 3. Claims that do not hold: 2."
    open_ = discussion.verdicts({4: finding(4, None)})
    text = Text("discussion").part("claims", {"verdicts": open_})
    assert text == "**Answer.** Claims that cannot be decided here: 4."
