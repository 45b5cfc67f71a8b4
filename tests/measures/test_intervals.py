"""Proportions and their intervals, against textbooks' values."""

import numpy as np
import pytest

from glo_core.measures.intervals import proportion


def test_a_proportion_has_its_wilson_interval():
    found = proportion(np.arange(100) < 50)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.4038, abs=1e-3)  # the textbook's values
    assert found.high == pytest.approx(0.5962, abs=1e-3)
    assert proportion(np.ones(10, bool)).high == pytest.approx(1, abs=1e-12)
    assert proportion(np.zeros(10, bool)).low == pytest.approx(0, abs=1e-12)


def test_cases_that_share_a_code_do_not_count_as_independent():
    alike = np.repeat(np.arange(100)[:, None] < 50, 9, axis=1)  # a row is all hits or none
    assert proportion(alike).low == pytest.approx(proportion(alike[:, 0]).low, abs=2e-3)
    mixed = np.random.default_rng(0).random((100, 9)) < 0.5  # independent within each row
    assert proportion(mixed).high - proportion(mixed).low < 0.8 * (
        proportion(alike).high - proportion(alike).low
    )
    assert proportion(np.ones((100, 9), bool)).low == proportion(np.ones(100, bool)).low


def test_a_proportion_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        proportion(np.zeros(0, bool))
