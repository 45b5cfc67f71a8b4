"""Concordance on planted truth: all, none, half and a tenth of a style."""

import math

import numpy as np
import pytest
import torch

from glo_core.data import Digits
from glo_core.measures import concordance as measured
from glo_core.measures.concordance import COLUMNS, Standards, concordance, pair_sums, standardised
from glo_core.measures.style import FEATURES, style

IMAGES, TARGETS = 3000, 4


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


SOURCES = normal(IMAGES, 3)
EACH = np.repeat(SOURCES[:, None], TARGETS, 1)


def kept(converted):
    return float(concordance(pair_sums(SOURCES, converted)))


def test_all_of_a_style_is_one_none_is_zero_and_its_opposite_minus_one():
    assert kept(EACH) == pytest.approx(1)
    assert kept(np.zeros_like(EACH)) == 0
    assert kept(normal(IMAGES, TARGETS, 3, seed=1)) == pytest.approx(0, abs=0.05)
    assert kept(-EACH) == pytest.approx(-1, abs=0.01)


def test_a_tenth_of_a_style_is_little_though_it_is_perfectly_correlated():
    tenth = 0.1 * EACH
    assert np.corrcoef(SOURCES[:, 0], tenth[:, 0, 0])[0, 1] == pytest.approx(1)
    assert kept(tenth) == pytest.approx(0.2 / 1.01, abs=0.005)  # 2·0.1 / (1 + 0.1²)
    assert kept(0.5 * EACH) == pytest.approx(1 / 1.25, abs=0.005)
    assert kept(2 * EACH) == pytest.approx(4 / 5, abs=0.005)  # too much is no better


def test_half_of_the_style_and_half_noise_is_a_half():
    noisy = math.sqrt(0.5) * (EACH + normal(IMAGES, TARGETS, 3, seed=1))
    assert kept(noisy) == pytest.approx(math.sqrt(0.5), abs=0.02)
    half = np.where(
        np.arange(TARGETS)[:, None] < TARGETS / 2, EACH, 0
    )  # y = x in half of the pairs
    assert kept(half) == pytest.approx(2 * 0.5 / 1.5, abs=0.01)


def test_conversions_that_are_all_too_bold_keep_less():
    assert kept(EACH + 1) == pytest.approx(2 / 3, abs=0.01)  # 2 / (1 + 1 + 1²)


def test_it_is_the_mean_over_features():
    only_width = EACH * np.array([0, 0, 1])
    assert kept(only_width) == pytest.approx(1 / 3)


def test_it_equals_the_formula_on_all_pairs():
    converted = 0.3 * EACH + normal(IMAGES, TARGETS, 3, seed=1) + 0.2
    expected = []
    for k in range(3):
        x, y = EACH[..., k].ravel(), converted[..., k].ravel()
        both = np.cov(x, y, ddof=0)
        apart = both[0, 0] + both[1, 1] + (x.mean() - y.mean()) ** 2
        expected.append(2 * both[0, 1] / apart)
    assert kept(converted) == pytest.approx(np.mean(expected))


def test_resampled_images_count_as_often_as_they_are_drawn():
    sums = pair_sums(SOURCES, 0.3 * EACH + normal(IMAGES, TARGETS, 3, seed=1))
    draws = np.random.default_rng(0).integers(IMAGES, size=(2, 5, IMAGES))
    found = concordance(sums[draws])
    assert found.shape == (2, 5)
    assert found[1, 2] == pytest.approx(float(concordance(sums[draws[1, 2]])))
    often = np.bincount(draws[1, 2], minlength=IMAGES)
    assert found[1, 2] == pytest.approx(float(concordance(sums * often[:, None, None])))


def test_what_varies_in_neither_keeps_nothing():
    still = np.ones((5, 3))
    assert concordance(pair_sums(still, still[:, None])) == 0


# --- among real images of the class --------------------------------------------------------------

REAL = Standards(np.array([[10.0, 2, 8], [20, 3, 9]]), np.array([[5.0, 1, 2], [10, 1, 0]]))


def test_a_style_is_told_in_standard_deviations_of_the_class():
    styles = np.array([[15.0, 4, 8, 0, 0], [10, 3, 9, 0, 0]])
    assert standardised(styles, np.array([0, 1]), REAL).tolist() == [[1, 2, 0], [-1, 0, 0]]
    of_pairs = standardised(styles[:, None], np.array([[0], [1]]), REAL)
    assert of_pairs.shape == (2, 1, 3)


def test_what_cannot_be_told_is_an_average_digit():
    blank = np.full((1, 5), np.nan)
    assert standardised(blank, np.array([0]), REAL).tolist() == [[0, 0, 0]]
    wide = np.array([[20.0, 3, 99, 0, 0]])  # no real image of class 1 is wider than another
    assert standardised(wide, np.array([1]), REAL).tolist() == [[0, 0, 0]]


def test_standards_are_the_real_images_moments_and_are_kept(splits, monkeypatch):
    digits = splits.train
    found = measured.standards(digits)
    members = style(digits.images[digits.labels == 3])[:, COLUMNS]
    np.testing.assert_allclose(found.means[3], members.mean(0))
    np.testing.assert_allclose(found.deviations[3], members.std(0))
    monkeypatch.setattr(measured, "style", None)
    assert measured.standards(digits) is found


def test_standards_leave_blank_images_out_and_allow_for_missing_classes():
    images = torch.zeros(4, 28, 28)
    images[0, 4:24, 10:13] = images[1, 4:24, 8:14] = images[3, 4:24, 6:9] = 1
    digits = Digits(images, torch.tensor([0, 0, 0, 2]), ("0", "1", "2"), "planted bars")
    found = measured.standards(digits)
    width = FEATURES.index("width")
    assert found.means[0, COLUMNS.index(width)] == pytest.approx(4.5)
    assert np.isnan(found.means[1]).all()
    assert (found.deviations[1:] == 0).all()
    assert np.array_equal(
        standardised(style(images), np.array([0, 0, 0, 1]), found)[2:], np.zeros((2, 3))
    )
