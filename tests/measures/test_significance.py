"""The paired test of two methods, on planted differences."""

import numpy as np
import pytest

from glo_core.measures.significance import holm, p_value

IMAGES = 200


def mean(values):
    return values.mean(-1)


def planted(seed, effects, other=(0.0, 0.0, 0.0), common=0.0):
    """Two methods' values, (S, IMAGES) each: effects of each seed, and each image's luck."""
    rng = np.random.default_rng(seed)
    shared = common * rng.normal(size=IMAGES)
    return [
        np.array(own)[:, None] + shared + rng.normal(size=(len(own), IMAGES))
        for own in (effects, other)
    ]


def false_findings(seed_effect, seeds=3, times=100):
    """How often two equal methods differ with p < 5 %, whose seeds have effects of their own."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(times):
        one, other = planted(k, *(seed_effect * rng.normal(size=(2, seeds))))
        found.append(p_value(mean, one, other, draws=500, seed=k))
    return np.mean(np.array(found) < 0.05)


def test_methods_that_are_equal_seldom_differ_significantly():
    assert false_findings(0.0) <= 0.1
    # Where seeds differ far more than images would make them, resampled seeds find one in four.
    assert false_findings(1.0) <= 0.12


def test_one_seed_is_tested_for_other_images_alone():
    assert false_findings(0.0, seeds=1) == pytest.approx(0.05, abs=0.05)


def test_a_clear_difference_is_found():
    assert p_value(mean, *planted(0, (0.5, 0.6, 0.55))) < 0.02
    assert p_value(mean, *planted(0, (-0.5, -0.6, -0.55))) < 0.02
    assert p_value(mean, *planted(0, (0.5,), (0.0,))) == 1 / 2000


def test_a_difference_that_one_lucky_seed_has_is_none():
    assert p_value(mean, *planted(0, (1.5, 0.0, 0.0))) > 0.2


def test_what_both_methods_share_does_not_hide_a_difference():
    one, other = planted(0, (0.5, 0.55, 0.6), common=20.0)
    assert p_value(mean, one, other) < 0.03
    assert p_value(mean, one, other[:, ::-1]) > 0.3  # no longer the same image


def test_equal_values_do_not_differ_at_all():
    one, _ = planted(0, (0.0, 0.0, 0.0))
    assert p_value(mean, one, one) == 1


def test_a_method_without_seeds_is_compared_with_every_seed():
    one, other = planted(0, (0.5, 0.6, 0.55), (0.0,))
    assert p_value(mean, one, other) < 0.03


def test_a_statistic_may_be_of_more_than_one_number_an_image():
    one, other = (np.stack([each, 2 * each], -1) for each in planted(0, (0.1, 0.2, 0.15)))

    def of_pairs(values):
        return values.sum(-2)[..., 1] / values.shape[-2]

    expected = p_value(mean, one[..., 1], other[..., 1])
    assert p_value(of_pairs, one, other) == expected


def test_holms_adjustment_is_the_textbooks():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
