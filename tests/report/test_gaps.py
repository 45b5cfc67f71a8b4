"""What a report leaves out because models have diverged, and what it cannot be made without."""

from types import SimpleNamespace

import pytest
from conftest import ROOT

from reports.answers import noise
from reports.answers.text import Text
from reports.gaps import Gaps, StudyError, told
from reports.reading import read
from reports.results import Results
from reports.study import Study, gaps_of

CHANGES = {
    "sigmas": [0, 0.1, 1, 1e38],
    "losses": ["l1", "l2"],
    "seeds": [5, 3],
    "frontier_sigmas": [0.1, 1, 1e38],
    "handed_in_sigmas": [0.1, 1e38],
    "betas": [1, 16],
}


def gaps(lost, **changes) -> Gaps:
    """Those where each recipe has diverged, at step 7, for which `lost` says so."""
    parameters = read(ROOT / "reports" / "quick.yaml", CHANGES | changes)
    return Gaps(parameters, {each: 7 for each in parameters.recipes() if lost(each)})


def test_without_models_that_have_diverged_nothing_is_left_out():
    found = gaps(lambda recipe: False)
    assert (found.sigmas, found.left_out) == ([0, 0.1, 1, 1e38], [])
    assert found.frontier == found.parameters.frontier()
    assert found.curves == found.parameters.curves()
    found.check()


def test_a_noise_level_is_left_out_where_a_model_of_the_first_seed_has_diverged():
    found = gaps(lambda recipe: recipe.sigma == 1e38)
    assert (found.sigmas, found.left_out) == ([0, 0.1, 1], [1e38])
    assert {recipe.sigma for recipe in found.frontier} == {0.1, 1}
    assert [*found.curves["handed-in"]] == [0.1]
    assert [*found.curves["cvae"]] == [1, 16]
    found.check()


def test_another_loss_at_the_same_level_is_left_out_too_and_no_other_level():
    found = gaps(lambda recipe: (recipe.method, recipe.loss, recipe.sigma) == ("glo", "l2", 1))
    assert found.sigmas == [0, 0.1, 1e38]


def test_another_seed_leaves_no_level_out():
    found = gaps(lambda recipe: recipe.sigma == 1 and recipe.seed == 3 and recipe.loss == "l2")
    assert found.sigmas == [0, 0.1, 1, 1e38]
    assert noise.diverged(found)["other_seeds"]
    found.check()


def test_the_mean_is_over_the_seeds_that_are_left():
    found = gaps(lambda recipe: recipe.sigma == 1 and recipe.seed == 3 and recipe.loss == "l2")
    study = Study(found.parameters, SimpleNamespace(train=None), store=None)
    left = [each for each in found.parameters.sweep() if each not in found.steps]
    results = Results({each: {"final_loss": each.seed / 10} for each in left})
    study.__dict__.update(gaps=found, results=results)
    assert study.series("final_loss", "l1") == pytest.approx([0.4] * 4)
    assert study.series("final_loss", "l2") == pytest.approx([0.4, 0.4, 0.5, 0.4])
    assert study.first(study.swept("l2", 1), "final_loss").value == 0.5
    assert study.first(study.swept("l1", 1), "final_loss").value == 0.5


@pytest.mark.parametrize(
    ("lost", "changes", "words"),
    [
        (
            lambda recipe: recipe.sigma == 1e38,
            {"chosen_sigma": 1e38},
            r"L1, σ = 10³⁸, seed 5 has diverged at step 7, .*: choose another chosen_sigma",
        ),
        (
            lambda recipe: recipe.sigma == 1e38,
            {"trap_sigma": 1e38},
            "choose another trap_sigma",
        ),
        (
            lambda recipe: recipe.method == "lord" and recipe.seed == 3,
            {},
            "lord, L1, σ = 1, .* seed 3 has diverged .*: choose lower learning rates",
        ),
        (
            lambda recipe: recipe.sigma == 1e38,
            {"frontier_sigmas": [1e38]},
            r"frontier_sigmas = \[1e\+38\]: .* choose at least one that is smaller",
        ),
        (
            lambda recipe: recipe.sigma == 1e38,
            {"handed_in_sigmas": [1e38]},
            r"handed_in_sigmas = \[1e\+38\]",
        ),
        (lambda recipe: recipe.method == "cvae" and recipe.beta == 16, {"betas": [16]}, "betas ="),
        (lambda recipe: True, {}, "has diverged at step 7"),
    ],
)
def test_what_the_report_cannot_be_made_without_is_named_with_the_way_out(lost, changes, words):
    with pytest.raises(StudyError, match=words):
        gaps(lost, **changes).check()


def test_what_has_diverged_is_said_with_loss_seed_and_step():
    found = gaps(lambda recipe: recipe.sigma == 1e38 and recipe.seed == 5)
    text = Text("noise").part("diverged", noise.diverged(found))
    assert "So ended: L1, σ = 10³⁸, seed 5 (step 7); " in text
    assert "L2, σ = 10³⁸, latent_rate 0.01, seed 5 (step 7)" in text
    assert "At σ = 10³⁸ a model of the first seed is among them" in text
    assert "; the exercise as handed in, σ = 10³⁸, seed 5 (step 7)" in text
    assert "another seed" not in text
    assert found.recorded()[0]["step"] == 7


def test_models_are_found_by_their_history():
    parameters = gaps(lambda recipe: False).parameters
    models = {
        recipe: SimpleNamespace(
            history=SimpleNamespace(diverged=3 if recipe.sigma == 1e38 else None)
        )
        for recipe in parameters.recipes()
    }
    found = gaps_of(parameters, models)
    assert {recipe.sigma for recipe in found.steps} == {1e38}
    assert told(next(iter(found.steps))) == "L1, σ = 10³⁸, seed 5"
