"""Shares and their intervals, against textbooks' values."""

import numpy as np
import pytest

from glo_core.measures.intervals import share


def test_a_share_has_its_wilson_interval():
    found = share(np.arange(100) < 50)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.4038, abs=1e-3)  # the textbook's values
    assert found.high == pytest.approx(0.5962, abs=1e-3)
    assert share(np.ones(10, bool)).high == pytest.approx(1, abs=1e-12)
    assert share(np.zeros(10, bool)).low == pytest.approx(0, abs=1e-12)


def test_cases_that_share_a_code_do_not_count_as_independent():
    alike = np.repeat(np.arange(100)[:, None] < 50, 9, axis=1)  # a row is all hits or none
    assert share(alike).low == pytest.approx(share(alike[:, 0]).low, abs=2e-3)
    mixed = np.random.default_rng(0).random((100, 9)) < 0.5  # rows know nothing of each other
    assert share(mixed).high - share(mixed).low < 0.8 * (share(alike).high - share(alike).low)
    assert share(np.ones((100, 9), bool)).low == share(np.ones(100, bool)).low


def test_a_share_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        share(np.zeros(0, bool))
