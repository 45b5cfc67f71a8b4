from dataclasses import replace

import numpy as np
import pytest
import torch

from glo_core.measures.agreement import agreement, scratch_agreement


@pytest.fixture
def styles():
    """The style of each code, (4000, 1, 2): two features."""
    return np.random.default_rng(0).normal(size=(4000, 1, 2))


def test_one_style_in_every_class_is_perfect_however_features_are_scaled(styles):
    assert agreement(styles.repeat(5, 1) * [1, 100] + np.arange(5)[:, None]) == pytest.approx(1)


def test_a_style_of_its_own_in_every_class_is_chance():
    values = np.random.default_rng(1).normal(size=(4000, 5, 2))
    assert agreement(values) == pytest.approx(0, abs=0.02)


def test_half_a_style_is_half_way(styles):
    own = np.random.default_rng(1).normal(size=(4000, 5, 2))
    assert agreement(styles + own) == pytest.approx(0.5, abs=0.03)


def test_one_of_two_features_counts_half(styles):
    values = styles.repeat(5, 1)
    values[..., 1] = 7
    assert agreement(values) == pytest.approx(0.5)


def test_a_missing_value_counts_as_the_mean(styles):
    values = styles.repeat(5, 1)
    values[:3, 2] = np.nan
    assert 0.95 < agreement(values) < 1
    assert agreement(np.full((9, 3, 2), np.nan)) == 0


def test_images_of_a_model_that_ignores_the_class_share_their_style(models):
    blind = torch.zeros_like(models[0].class_table)
    far = 30 * models[0].content_table  # so that the untrained network draws different images
    same, others = scratch_agreement(replace(models[0], class_table=blind, content_table=far), 60)
    assert same == pytest.approx(1, abs=1e-6)
    assert abs(others) < 0.3
