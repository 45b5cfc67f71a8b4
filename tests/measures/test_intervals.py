"""Proportions and their intervals, against textbooks' values."""

import numpy as np
import pytest

from glo_core.measures.intervals import proportion


def test_a_proportion_has_its_wilson_interval():
    found = proportion(np.arange(100) < 50)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.4038, abs=1e-3)  # the textbook's values
    assert found.high == pytest.approx(0.5962, abs=1e-3)
    assert proportion(np.ones(10)).high == pytest.approx(1, abs=1e-12)
    assert proportion(np.zeros(10)).low == pytest.approx(0, abs=1e-12)


def width(rates, cases):
    found = proportion(rates, cases)
    return found.high - found.low


def test_cases_that_share_a_code_do_not_count_as_independent():
    alike = np.repeat([0.0, 1.0], 50)  # all nine cases of an image hit, or none does
    assert proportion(alike, 9).low == pytest.approx(proportion(alike).low, abs=2e-3)
    mixed = (np.random.default_rng(0).random((100, 9)) < 0.5).mean(1)  # independent cases
    assert width(mixed, 9) < 0.8 * width(alike, 9)
    assert proportion(np.ones(100), 9).low == proportion(np.ones(100)).low


def test_independent_cases_count_in_full_and_never_for_more():
    mixed = (np.random.default_rng(0).random((400, 9)) < 0.5).mean(1)
    every_case = np.arange(3600) < round(3600 * mixed.mean())
    assert width(mixed, 9) == pytest.approx(width(every_case, 1), rel=0.15)
    regular = np.tile([0.5 - 1 / 9, 0.5 + 1 / 9], 200)  # varies less than chance would
    assert width(regular, 9) == pytest.approx(width(np.arange(3600) < 1800, 1), rel=1e-6)


def test_a_proportion_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        proportion(np.zeros(0))
