"""Each rule on numbers for which the claim plainly holds, and on numbers for which it does not."""

from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, make_digits

from glo_core.measures.intervals import Proportion
from glo_core.measures.leakage import CHEAP
from reports import claims
from reports.claims import Measured
from reports.gaps import Gaps
from reports.reading import read
from reports.results import Results
from reports.study import Study

RISING, FLAT = [0.04, 0.05, 0.08, 0.11], [0.05, 0.05, 0.05, 0.05]
CLEAR, UNCLEAR = Proportion(0.99, 0.98, 1.0), Proportion(0.80, 0.78, 0.82)
AT_CHANCE, LEAKING = Proportion(0.12, 0.09, 0.15), Proportion(0.5, 0.47, 0.53)
HOLDS = Measured(
    sigmas=[0, 0.1, 1, 1000],
    final_losses={"l1": RISING, "l2": RISING},
    conversions=[UNCLEAR, CLEAR, CLEAR, UNCLEAR],
    sharpness=[0.7, 0.6, 0.5, 0.2],
    variety=[0.3, 0.2, 0.1, 0.012],
    training_leakage=[AT_CHANCE] * 4,
    unseen_leakage=[LEAKING, LEAKING, LEAKING._replace(value=0.49), AT_CHANCE],
    panel_errors=[0.2, 0.1, 0.08, 0.07],
)
RULES = {
    1: claims.more_noise_higher_loss,
    2: lambda measured: claims.low_noise_unclear_conversions(measured, 0.95),
    3: claims.high_noise_blurs,
    4: claims.reconstructions_improve,
    5: lambda measured: claims.low_noise_leaks(measured, 0.11),
}


@pytest.mark.parametrize("claim", RULES)
def test_a_claim_holds_where_it_plainly_does(claim):
    assert RULES[claim](HOLDS).holds is True


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        (1, {"final_losses": {"l1": RISING, "l2": FLAT}}),
        (1, {"final_losses": {"l1": RISING, "l2": RISING[::-1]}}),
        (2, {"conversions": [CLEAR] * 4}),
        (2, {"conversions": [Proportion(0.97, 0.95, 0.985), *[CLEAR] * 3]}),  # intervals overlap
        (3, {"sharpness": [1, 1, 1, 0.9]}),
        (3, {"variety": [1, 1, 1, 0.5]}),
        (4, {"panel_errors": FLAT}),
        (4, {"panel_errors": [0.07, 0.2, 0.07, 0.1]}),
        (5, {"unseen_leakage": [AT_CHANCE, *[LEAKING] * 3]}),  # only higher noise leaks
    ],
)
def test_a_claim_does_not_hold_where_it_plainly_does_not(claim, changes):
    assert RULES[claim](replace(HOLDS, **changes)).holds is False


@pytest.mark.parametrize(
    ("unseen", "training", "holds"),
    [
        (LEAKING, AT_CHANCE, True),  # training codes that hide behind their random start
        (AT_CHANCE, LEAKING, True),
        (LEAKING, LEAKING, True),
        (AT_CHANCE, AT_CHANCE, False),
    ],
)
def test_low_noise_leaks_if_unseen_codes_or_training_codes_tell_the_class(unseen, training, holds):
    rest = [AT_CHANCE] * 3
    changed = {"unseen_leakage": [unseen, *rest], "training_leakage": [training, *rest]}
    assert claims.low_noise_leaks(replace(HOLDS, **changed), 0.11).holds is holds


def first(measured):
    """The same with the first noise level and the first epoch alone."""
    columns = [field.name for field in fields(measured) if field.name != "final_losses"]
    short = {name: getattr(measured, name)[:1] for name in columns}
    return replace(measured, **short | {"sigmas": [0.1], "final_losses": {"l1": [0.1]}})


@pytest.mark.parametrize("claim", RULES)
def test_a_claim_about_noise_levels_or_epochs_that_were_not_tried_is_left_open(claim):
    verdict = RULES[claim](first(HOLDS))
    assert verdict.holds is None
    assert verdict.words == "cannot be decided here"


EVIDENCE = {
    1: "L1 goes from 0.040 at σ = 0 to 0.110 at σ = 1000 (rank correlation 1.00); "
    "L2 goes from 0.110 at σ = 0 to 0.040 at σ = 1000 (rank correlation −1.00)",
    2: "at σ = 0 the judge classifies 80.0% (78.0–82.0%) of the conversions as their target, at "
    "σ = 0.1, the best, 99.0% (98.0–100.0%); of real images it classifies 95.0% correctly",
    3: "at σ = 1000 the reconstructions have 20% of the real images' sharpness and 1.2% of their "
    "variety within a class; at σ = 0 they have 70% and 30%",
    4: "the error of the panel's reconstructions fell in 3 of 3 steps from one epoch to the next, "
    "from 0.200 to 0.070 (rank correlation −1.00)",
    5: "at σ = 0 the strongest of 5 probes predicts the class from 50.0% (47.0–53.0%) of the "
    "content codes that are fitted to unseen images (first seed), where chance is 11.0%; from the "
    "training images' own codes the strongest of 3 predicts 12.0% (9.0–15.0%); at σ = 1, the "
    "highest at which the images of a class still differ, it is 49.0% (47.0–53.0%) of unseen "
    "images' codes",
}


@pytest.mark.parametrize("claim", RULES)
def test_the_evidence_states_the_numbers(claim):
    measured = replace(HOLDS, final_losses={"l1": RISING, "l2": RISING[::-1]})
    assert RULES[claim](measured).evidence == EVIDENCE[claim]


def test_higher_noise_is_no_evidence_of_leakage_where_all_images_of_a_class_are_alike():
    alike = replace(HOLDS, variety=[0.3, 0.04, 0.03, 0.012])
    assert claims.low_noise_leaks(alike, 0.11).evidence.endswith("12.0% (9.0–15.0%)")


def test_every_number_of_the_evidence_is_recorded():
    found = HOLDS.recorded()
    assert found["final_loss_ranks"] == {"l1": 1, "l2": 1}
    assert found["panel_error_rank"] == -1
    assert found["unseen_leakage"][0] == LEAKING
    assert found["sharpness"] == HOLDS.sharpness


# --- claims of a study ----------------------------------------------------------------------------


def panel_of(digits, *epochs):
    """A model whose panel shows all of some digits, and is as given after each epoch."""
    panel = torch.stack([(255 * images).round().byte() for images in epochs])
    history = SimpleNamespace(indices=torch.arange(len(digits)), panel=panel)
    return SimpleNamespace(history=history)


def test_the_panels_variety_is_that_of_its_reconstructions(digits):
    real = digits.images
    found = claims.panel_variety(panel_of(digits, real[:1].expand_as(real), real / 2, real), digits)
    assert found == pytest.approx([0, 0.25, 1], abs=0.01)


def test_the_panels_error_is_that_of_its_reconstructions(digits):
    real = digits.images
    found = claims.panel_errors(panel_of(digits, real / 2, real), digits)
    assert found == pytest.approx([float(real.mean()) / 2, 0], abs=0.003)


def planted(base, seed, first_seed):
    """Measures of a model that only it has: all are `base` and a little, and more with the seed."""
    numbers = {name: base + k / 1000 for k, name in enumerate(("final_loss", "sharpness"))}
    numbers["variety"] = base + 0.002
    folds = {f"leakage_{name}": base + (3 + k) / 1000 for k, name in enumerate(CHEAP)}
    if seed == first_seed:
        folds["unseen_strongest"] = base + 0.3
    found = {name: value + seed / 10000 for name, value in (numbers | folds).items()}
    measures = {
        name: {"folds": [found[name]] * 5} if name in folds else found[name] for name in found
    }
    return measures | {"conversion": {"rates": [base] * 4, "cases": 1}}


@pytest.fixture
def study():
    """A study without models, whose measures are planted: 0.1 for the exercise, else 0.5."""
    changes = {"losses": ["l1", "l2"], "sigmas": [0, 0.1, 1000], "seeds": [4, 2]}
    parameters = read(ROOT / "reports" / "quick.yaml", changes)
    digits = make_digits(count=20)
    study = Study(parameters, SimpleNamespace(train=digits), store=None)
    study.__dict__["gaps"] = Gaps(study.parameters, {})
    study.__dict__["judge_accuracy"] = Proportion(0.38, 0.3, 0.4)
    handed_in = [*parameters.curves()["handed-in"].values(), parameters.methods()["handed-in"]]
    bases = {recipe: 0.1 + recipe.sigma / 10000 for recipe in parameters.sweep()}
    bases |= {each: 0.5 for recipe in handed_in for each in parameters.over_seeds(recipe)}
    study.__dict__["results"] = Results(
        {recipe: planted(base, recipe.seed, 4) for recipe, base in bases.items()}
    )
    half, third = panel_of(digits, digits.images / 2), panel_of(digits, digits.images / 3)
    study.__dict__["models"] = {study.swept(): half, handed_in[-1]: third}
    return study


def test_each_rule_is_given_the_studys_own_measures(study):
    exercise, handed_in = claims.decided_on(study).values()
    assert exercise.sigmas == [0, 0.1, 1000]
    assert handed_in.sigmas == [0, 1]
    assert exercise.final_losses.keys() == {"l1", "l2"}
    assert handed_in.final_losses == {"l1": pytest.approx([0.5003, 0.5003])}  # over seeds 2 and 4
    assert exercise.final_losses["l1"] == pytest.approx([0.1003, 0.10031, 0.2003])
    assert exercise.sharpness[0] == pytest.approx(0.1013)
    assert exercise.variety[0] == pytest.approx(0.1023)
    assert exercise.conversions[0].value == pytest.approx(0.1)
    assert exercise.training_leakage[0].value == pytest.approx(0.1053)  # the strongest
    assert exercise.unseen_leakage[0].value == pytest.approx(0.4004)  # of seed 4
    mean = float(study.digits.images.mean())
    assert exercise.panel_errors == pytest.approx([mean / 2], abs=0.003)
    assert handed_in.panel_errors == pytest.approx([mean * 2 / 3], abs=0.003)


def test_each_claim_has_a_verdict_for_each_method(study):
    found = claims.findings(study)
    assert [finding.id for finding in found.values()] == [*found] == [1, 2, 3, 4, 5]
    names = ["the exercise, corrected", "the exercise as handed in"]
    assert all([*finding.verdicts] == names for finding in found.values())
    assert "L1 goes from 0.100" in found[1].verdicts[names[0]].evidence
    assert "L1 goes from 0.500" in found[1].verdicts[names[1]].evidence
    assert "38.0% correctly" in found[2].verdicts[names[1]].evidence
    assert "chance is 25.0%" in found[5].verdicts[names[0]].evidence
    assert found[3].verdicts[names[1]].words == "cannot be decided here"
    assert {found[k].figure for k in found} == {figure for _, figure in claims.CLAIMS.values()}
