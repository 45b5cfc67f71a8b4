"""The digits of another kind are like MNIST's."""

import pytest
import torch
from conftest import make_digits

from glo_core.data import load
from glo_core.measures.judge import predictions
from glo_core.measures.other_kind import other_kind


def test_digits_of_another_kind_are_centred_like_mnists_and_reach_full_ink() -> None:
    found = other_kind(load("mnist-5k", 500).train)
    assert found is not None
    assert found.images.shape == (1797, 28, 28)
    assert found.labels.bincount().min() > 170
    assert found.images.min() == 0
    assert found.images.max() == 1
    assert (found.images.amax((1, 2)) > 0.95).float().mean() > 0.95
    mass = found.images.sum((1, 2))
    for along in (1, 2):
        centre = (found.images.sum(3 - along) * torch.arange(28)).sum(1) / mass
        assert (centre - 14).abs().max() < 1
    mnist = load("mnist-5k", 500).test.images
    assert found.images.mean().item() == pytest.approx(mnist.mean().item(), rel=0.2)


def test_images_that_are_not_mnists_have_no_digits_of_another_kind() -> None:
    assert other_kind(make_digits(classes=10)) is None  # called 0 to 9, but of what?


@pytest.mark.slow
def test_a_judge_of_mnist_classifies_most_digits_of_another_kind(judge: torch.nn.Module) -> None:
    found = other_kind(load("mnist-5k", 500).train)
    assert found is not None
    assert (predictions(judge, found.images) == found.labels).float().mean() > 0.75
