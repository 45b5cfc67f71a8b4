"""The abstract states the numbers that the sections recorded."""

from types import SimpleNamespace

import pytest

from reports.answers.abstract import abstract
from reports.schema import Finding

STUDY = SimpleNamespace(digits=range(2000), sigmas=[0.0, 1e-5, 1000.0], losses=("l1", "l1+l2"))
RESULTS = {
    "noise": {"chance": 0.11},
    "comparison": {
        "reached": {"reconstruction_l1": 0.03214, "conversion": 0.9934, "leakage_mlp": 0.1871}
    },
    "discussion": {"best": {"loss": "l1+l2", "sigma": 0.1, "score": 0.8}},
}


def finding(number, holds):
    return Finding(id=number, claim="c", holds=holds, evidence="e", figure="fig-f")


def test_the_abstract_states_what_the_sections_recorded():
    found = [finding(1, True), finding(2, None), finding(3, False), finding(4, True)]
    text = abstract(STUDY, found, RESULTS)
    for stated in (
        "2,000 images",
        "noise levels 0, 10⁻⁵, 1000 and the losses L1, L1+L2",
        "4 claims, 2 hold",
        "L1+L2 with σ = 0.1",
        "0.0321, 99.3%",
        "18.7% of its content codes",
        "chance is 11.0%",
    ):
        assert stated in text
    assert "\n" not in text


def test_a_number_that_no_section_recorded_is_an_error():
    with pytest.raises(KeyError, match="chance"):
        abstract(STUDY, [finding(1, True)], RESULTS | {"noise": {}})
