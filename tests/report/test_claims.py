"""Each rule on numbers for which the claim plainly holds, and on numbers for which it does not."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glo_core.measures.intervals import Proportion
from reports import claims

SIGMAS = [0, 0.1, 1, 1000]
RISING, FLAT = [0.04, 0.05, 0.08, 0.11], [0.05, 0.05, 0.05, 0.05]


def test_more_noise_higher_loss():
    assert claims.more_noise_higher_loss(SIGMAS, {"l1": RISING, "l2": RISING}).holds
    for other in (FLAT, RISING[::-1]):
        assert claims.more_noise_higher_loss(SIGMAS, {"l1": RISING, "l2": other}).holds is False


def test_low_noise_gives_unclear_conversions():
    clear, unclear = Proportion(0.99, 0.98, 1.0), Proportion(0.80, 0.78, 0.82)
    holds = claims.low_noise_unclear_conversions(SIGMAS, [unclear, clear, clear, unclear], 0.95)
    assert holds.holds
    assert "80.0% (78.0–82.0%)" in holds.evidence
    assert claims.low_noise_unclear_conversions(SIGMAS, [clear] * 4, 0.95).holds is False
    overlapping = Proportion(0.97, 0.95, 0.985)
    assert claims.low_noise_unclear_conversions(SIGMAS, [overlapping, clear], 0.95).holds is False


@pytest.mark.parametrize(
    ("sharpness", "variety", "holds"), [(0.3, 0.01, True), (0.9, 0.01, False), (0.3, 0.5, False)]
)
def test_high_noise_blurs(sharpness, variety, holds):
    found = claims.high_noise_blurs(SIGMAS, [1, 1, 1, sharpness], [1, 1, 1, variety])
    assert found.holds is holds


def test_reconstructions_improve():
    assert claims.reconstructions_improve(np.array([0.2, 0.1, 0.08, 0.07])).holds
    assert claims.reconstructions_improve(np.array([0.1, 0.1, 0.1, 0.1])).holds is False
    assert claims.reconstructions_improve(np.array([0.07, 0.2, 0.07, 0.1])).holds is False


def test_low_noise_leaks():
    at_chance, leaking = Proportion(0.12, 0.09, 0.15), Proportion(0.5, 0.47, 0.53)
    assert claims.low_noise_leaks(SIGMAS, {"linear": at_chance, "MLP": leaking}, 0.11).holds
    assert (
        claims.low_noise_leaks(SIGMAS, {"linear": at_chance, "MLP": at_chance}, 0.11).holds is False
    )


def test_a_claim_about_noise_levels_that_were_not_tried_is_left_open():
    one, half = [0.1], Proportion(0.5, 0.4, 0.6)
    assert claims.more_noise_higher_loss(one, {"l1": [0.1]}).holds is None
    assert claims.low_noise_unclear_conversions(one, [half], 0.9).holds is None
    assert claims.high_noise_blurs(one, [0.1], [0.0]).holds is None
    assert claims.low_noise_leaks(one, {"MLP": half}, 0.1).holds is None
    assert claims.reconstructions_improve(np.array([0.1])).verdict == "cannot be decided here"


def test_the_verdict_changes_its_words():
    found = claims.high_noise_blurs(SIGMAS, [1, 1, 1, 0.3], [1, 1, 1, 0.01])
    assert found.verdict == "holds"
    assert claims.reconstructions_improve(np.ones(4)).verdict == "does not hold"


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


def test_the_evidence_states_the_numbers():
    half, most = Proportion(0.5, 0.4, 0.6), Proportion(0.9, 0.8, 1.0)
    assert claims.more_noise_higher_loss(SIGMAS, {"l2": RISING[::-1]}).evidence == (
        "L2 goes from 0.110 at σ = 0 to 0.040 at σ = 1000 (rank correlation −1.00)"
    )
    assert claims.low_noise_unclear_conversions([0, 1e-5], [half, most], 0.987).evidence == (
        "at σ = 0 the judge classifies 50.0% (40.0–60.0%) of the conversions as their target, at "
        "σ = 10⁻⁵, the best, 90.0% (80.0–100.0%); of real images it classifies 98.7% correctly"
    )
    assert claims.high_noise_blurs([0, 1000], [0.7, 0.2], [0.3, 0.012]).evidence == (
        "at σ = 1000 the reconstructions have 20% of the real images' sharpness and 1.2% of their "
        "variety within a class; at σ = 0 they have 70% and 30%"
    )
    assert claims.reconstructions_improve(np.array([0.2, 0.1, 0.15])).evidence == (
        "the error of the panel's reconstructions fell in 1 of 2 steps from one epoch to the next, "
        "from 0.200 to 0.150 (rank correlation −0.50)"
    )
    assert claims.low_noise_leaks([0], {"kNN": half, "MLP": most}, 0.1).evidence == (
        "at σ = 0 the class is predicted from the content code with an accuracy of 50.0% "
        "(40.0–60.0%) with the kNN probe, 90.0% (80.0–100.0%) with the MLP probe, where chance is "
        "10.0%"
    )


def test_each_rule_is_given_the_studys_own_measures(digits):
    """The evidence of each claim holds a number that only its own measure has."""
    own = {"final_loss": 0.31, "sharpness": 0.32, "variety": 0.33}
    proportions = {"conversion": 0.34, "leakage_linear": 0.35, "leakage_knn": 0.36}
    proportions["leakage_mlp"] = 0.37
    study = SimpleNamespace(
        sigmas=[0, 1000],
        losses=("l1",),
        parameters=SimpleNamespace(chosen_loss="l1"),
        digits=digits,
        judge_accuracy=Proportion(0.38, 0.3, 0.4),
        series=lambda name, loss: np.array([own[name], own[name] + 0.1]),
        proportions=lambda name, loss: [Proportion(proportions[name], 0.2, 0.4)] * 2,
        model=lambda: panel_of(digits, digits.images / 2, digits.images),
    )
    found = claims.findings(study)
    assert list(found) == [1, 2, 3, 4, 5]
    assert "L1 goes from 0.310" in found[1].evidence
    assert "34.0%" in found[2].evidence
    assert "38.0% correctly" in found[2].evidence
    assert "they have 32% and 33%" in found[3].evidence
    assert "fell in 1 of 1 steps" in found[4].evidence
    for stated in ("35.0% (20.0–40.0%) with the linear", "36.0%", "37.0%", "chance is 25.0%"):
        assert stated in found[5].evidence
