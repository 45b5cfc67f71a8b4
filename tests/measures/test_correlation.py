"""Whether style follows, on planted correlations."""

import math

import numpy as np
import pytest

from glo_core.measures import correlation
from glo_core.measures.correlation import correlations
from glo_core.measures.style import FEATURES

IMAGES, CLASSES = 400, 10
LABELS = np.arange(IMAGES) % CLASSES
PAIRS = np.repeat(np.arange(IMAGES), CLASSES)  # every image to every class
TARGETS = np.tile(np.arange(CLASSES), IMAGES)


def normal(count, seed):
    return np.random.default_rng(seed).normal(size=(count, len(FEATURES)))


def offsets(classes, seed):
    """Something large that depends on the class alone."""
    return 10 * normal(CLASSES, seed)[classes]


HANDS = normal(IMAGES, 0)
SOURCES = HANDS + offsets(LABELS, 1)


def follows(converted, images=PAIRS, targets=TARGETS):
    return correlations(SOURCES, LABELS, converted, images, targets)


def test_a_style_that_follows_scores_1_whatever_the_classes_add():
    found = follows(3 * HANDS[PAIRS] + offsets(TARGETS, 2))
    assert tuple(found) == FEATURES
    for name in FEATURES:
        assert found[name].value == pytest.approx(1, abs=0.02), name  # class means are estimates
        assert found[name].low > 0.97
        assert abs(found[name].random) < 0.2
    mirrored = follows(-HANDS[PAIRS])
    assert mirrored["slant"].value == pytest.approx(-1, abs=0.02)


def test_features_are_not_mixed_up():
    only_width = np.where(np.array(FEATURES) == "width", HANDS[PAIRS], normal(len(PAIRS), 3))
    found = follows(only_width)
    assert [name for name in FEATURES if found[name].value > 0.9] == ["width"]


def test_an_unrelated_style_scores_like_random_pairs():
    found = follows(normal(IMAGES, 4)[PAIRS] + offsets(TARGETS, 2))
    for name in FEATURES:
        assert abs(found[name].value) < 0.15, name
        assert abs(found[name].random) < 0.2
    # A 95 % interval misses now and then.
    assert sum(found[name].low < 0 < found[name].high for name in FEATURES) >= 4


def test_half_signal_and_half_noise_score_the_root_of_a_half():
    noisy = HANDS[PAIRS] + normal(len(PAIRS), 5) + offsets(TARGETS, 2)
    for found in follows(noisy).values():
        assert found.value == pytest.approx(math.sqrt(0.5), abs=0.05)
        assert found.low < found.value < found.high


def test_what_the_class_alone_decides_scores_exactly_0():
    # Values that binary fractions cannot hold: what is left after the mean must not count.
    for converted in (offsets(TARGETS, 2), np.full((len(PAIRS), len(FEATURES)), 0.1)):
        assert set(follows(converted).values()) == {(0, 0, 0, 0)}
    # Converted to its own class, style follows the source, but only as far as the class goes.
    own = offsets(LABELS, 1) + normal(IMAGES, 6)
    assert np.corrcoef(SOURCES[:, 0], own[:, 0])[0, 1] > 0.9
    assert abs(follows(own, np.arange(IMAGES), LABELS)["slant"].value) < 0.15


def test_conversions_that_share_a_code_do_not_count_as_independent():
    """Fisher's interval for as many independent pairs as there are images."""
    once = HANDS + normal(IMAGES, 7)
    many = follows(once[PAIRS])
    single = follows(once, np.arange(IMAGES), LABELS)
    for name in FEATURES:
        value = many[name].value
        spread = 1.96 / math.sqrt(IMAGES - 3)
        assert many[name].low == pytest.approx(math.tanh(math.atanh(value) - spread), abs=0.03)
        assert many[name].high == pytest.approx(math.tanh(math.atanh(value) + spread), abs=0.03)
        width = single[name].high - single[name].low
        assert many[name].high - many[name].low == pytest.approx(width, rel=0.25)


def test_undefined_styles_are_left_out_feature_by_feature():
    converted = HANDS[PAIRS] + normal(len(PAIRS), 5)
    gone = converted.copy()
    gone[::3, 1] = np.nan
    rest = np.arange(len(PAIRS)) % 3 != 0
    found, without = follows(gone), follows(converted[rest], PAIRS[rest], TARGETS[rest])
    assert found["thickness"] == without["thickness"]
    assert found["slant"] == follows(converted)["slant"]
    assert set(follows(np.full_like(converted, np.nan)).values()) == {(0, 0, 0, 0)}


def test_an_undefined_source_is_never_a_partner():
    sources = SOURCES.copy()
    sources[:50] = np.nan
    found = correlations(sources, LABELS, HANDS[PAIRS], PAIRS, TARGETS)
    assert np.isfinite(list(found.values())).all()
    assert found["slant"].value > 0.97


def test_a_random_pair_has_another_image_of_the_class():
    others = correlation._others(LABELS, np.random.default_rng(0))
    assert np.array_equal(LABELS[others], LABELS)
    assert (others != np.arange(IMAGES)).all()
    assert sorted(others) == list(range(IMAGES))


def test_the_same_seed_draws_the_same():
    converted = HANDS[PAIRS] + normal(len(PAIRS), 5)
    arguments = (SOURCES, LABELS, converted, PAIRS, TARGETS)
    assert (
        correlations(*arguments, seed=1)
        == correlations(*arguments, seed=1)
        != correlations(*arguments, seed=2)
    )
