"""The abstract states the numbers that the sections recorded."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from conftest import make_digits

from reports.answers.abstract import abstract
from reports.schema import Finding, Verdict


def study(*, mnist):
    digits = make_digits(count=2000)
    return SimpleNamespace(
        digits=replace(digits, mnist=mnist), sigmas=[0.0, 1e-5, 1000.0], losses=("l1", "l1+l2")
    )


STUDY = study(mnist=True)
REACHED = {
    "held_out_l1": 0.03214,
    "conversion": 0.9934,
    "unseen_strongest": 0.2371,
    "style": 0.826,
    "reconstruction_l1": 0.0263,
}
RESULTS = {
    "noise": {"chance": 0.11},
    "comparison": {"reached": REACHED, "target_reached": True},
    "discussion": {"best": {"loss": "l1+l2", "sigma": 0.1, "score": 0.8}},
}


def finding(number, exercise, handed_in):
    verdicts = {
        name: Verdict(holds=holds, evidence="e")
        for name, holds in (("the exercise", exercise), ("the other", handed_in))
    }
    return Finding(id=number, claim="c", figure="fig-f", verdicts=verdicts)


FINDINGS = [
    finding(1, True, True),
    finding(2, None, True),
    finding(3, False, None),
    finding(4, True, True),
]


def test_the_abstract_states_what_the_sections_recorded():
    text = abstract(STUDY, FINDINGS, RESULTS)
    for stated in (
        "2,000 handwritten digits",
        "noise levels 0, 10⁻⁵, 1000 and the losses L1, L1+L2",
        "4 claims, 2 hold for the exercise, 3 hold for the other (@tbl-claims)",
        "L1+L2 with σ = 0.1",
        "L1 error of 0.0321, 99.3% of its conversions",
        "keep 0.83 of the style",
        "from 23.7% of unseen images' content codes",
        "chance is 11.0% (@tbl-comparison). These meet the bounds that we set for all four.",
    ):
        assert stated in text
    assert "\n" not in text


def test_the_abstract_speaks_of_images_where_they_are_not_mnists():
    assert "2,000 images, for the noise" in abstract(study(mnist=False), FINDINGS, RESULTS)


def test_the_abstract_says_if_the_bounds_are_not_met():
    results = RESULTS | {"comparison": {"reached": REACHED, "target_reached": False}}
    text = abstract(STUDY, FINDINGS, results)
    assert text.endswith("These do not meet all four bounds that we set.")


def test_a_number_that_no_section_recorded_is_an_error():
    with pytest.raises(KeyError, match="chance"):
        abstract(STUDY, FINDINGS, RESULTS | {"noise": {}})
