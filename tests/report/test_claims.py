"""Each rule on numbers for which the claim plainly holds, and on numbers for which it does not."""

from dataclasses import replace

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
        assert not claims.more_noise_higher_loss(SIGMAS, {"l1": RISING, "l2": other}).holds


def test_low_noise_gives_unclear_conversions():
    clear, unclear = Proportion(0.99, 0.98, 1.0), Proportion(0.80, 0.78, 0.82)
    holds = claims.low_noise_unclear_conversions(SIGMAS, [unclear, clear, clear, unclear], 0.95)
    assert holds.holds
    assert "80.0% (78.0–82.0%)" in holds.evidence
    assert not claims.low_noise_unclear_conversions(SIGMAS, [clear] * 4, 0.95).holds
    overlapping = Proportion(0.97, 0.95, 0.985)
    assert not claims.low_noise_unclear_conversions(SIGMAS, [overlapping, clear], 0.95).holds


@pytest.mark.parametrize(
    ("sharpness", "variety", "holds"), [(0.3, 0.01, True), (0.9, 0.01, False), (0.3, 0.5, False)]
)
def test_high_noise_blurs(sharpness, variety, holds):
    found = claims.high_noise_blurs(SIGMAS, [1, 1, 1, sharpness], [1, 1, 1, variety])
    assert found.holds is holds


def test_reconstructions_improve():
    assert claims.reconstructions_improve(np.array([0.2, 0.1, 0.08, 0.07])).holds
    assert not claims.reconstructions_improve(np.array([0.1, 0.1, 0.1, 0.1])).holds
    assert not claims.reconstructions_improve(np.array([0.07, 0.2, 0.07, 0.1])).holds


def test_low_noise_leaks():
    at_chance, leaking = Proportion(0.11, 0.09, 0.13), Proportion(0.5, 0.47, 0.53)
    assert claims.low_noise_leaks(SIGMAS, {"linear": at_chance, "MLP": leaking}, 0.11).holds
    assert not claims.low_noise_leaks(SIGMAS, {"linear": at_chance, "MLP": at_chance}, 0.11).holds


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


def test_the_panels_variety_is_that_of_its_reconstructions(models, digits):
    glo = models[0]
    real = (digits.images[glo.history.indices] * 255).byte()
    alike = real[:1].expand_as(real)
    paler = real // 2
    history = replace(glo.history, panel=torch.stack([alike, paler, real]))
    found = claims.panel_variety(replace(glo, history=history), digits)
    assert found == pytest.approx([0, 0.25, 1], abs=0.01)
