"""A classifier on real digits that it has not seen, and the images it is trained on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from glo_core.classifier import (
    FEATURES,
    distorted,
    lenet,
    logits,
    shared_classifier,
    train_classifier,
)
from glo_core.measures.judge import features, predictions
from glo_core.stacked import as_pixels


def test_a_classifier_classifies_real_digits_it_has_never_seen(judge, splits):
    """After a fifth of the judge's steps; see `test_report` for the judge itself."""
    unseen = [splits.test, splits.train]
    right = [predictions(judge, digits.images) == digits.labels for digits in unseen]
    assert torch.cat(right).float().mean() >= 0.97
    assert not any(weight.requires_grad for weight in judge.parameters())
    seen = features(judge, splits.test.images)
    assert seen.shape == (len(splits.test), FEATURES)
    assert torch.equal(judge[-1](seen).argmax(1), predictions(judge, splits.test.images))
    plainly = [judge[:-1](chunk[:, None]) for chunk in splits.test.images.split(250)]
    torch.testing.assert_close(seen, torch.cat(plainly), atol=1e-4, rtol=0)  # pooled another way


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(digits):
    first, again, other = (train_classifier(digits, seed, steps=20) for seed in (0, 0, 1))
    for a, b, c in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_it_trains_with_one_thread_and_leaves_the_number_of_threads_alone(digits, monkeypatch):
    torch.set_num_threads(3)
    during = []

    def undistorted(images, random):
        during.append(torch.get_num_threads())
        return images

    monkeypatch.setattr("glo_core.classifier.distorted", undistorted)
    train_classifier(digits, steps=2)
    assert during == [1, 1]
    assert torch.get_num_threads() == 3


def test_logits_are_those_of_the_stock_layers_for_the_images_of_several_models():
    network, images = lenet(4), torch.rand(2, 5, 28, 28)
    expected = network(images.flatten(0, 1)[:, None]).unflatten(0, (2, 5))
    torch.testing.assert_close(logits(network, as_pixels(images)), expected)


def test_threads_that_share_a_classifier_have_it_trained_once(digits, monkeypatch):
    trained = []

    def counted(digits, seed=0, steps=0):
        trained.append(steps)
        return train_classifier(digits, seed, steps)

    monkeypatch.setattr("glo_core.classifier.train_classifier", counted)
    monkeypatch.setattr("glo_core.classifier._shared", {})
    alike = [digits, replace(digits)]
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda digits: shared_classifier(digits, 3), alike)
    assert first is second
    assert shared_classifier(digits.subset(range(20)), 3) is not first
    assert shared_classifier(digits, 4) is not first
    assert trained == [3, 3, 4]


def test_one_class_is_an_error(digits):
    with pytest.raises(ValueError, match="at least 2"):
        train_classifier(replace(digits, class_names=("0",)))


def test_distortions_move_an_image_a_little_and_each_differently():
    dot = torch.zeros(200, 28, 28)
    dot[:, 13:15, 13:15] = 1
    moved = distorted(dot, torch.Generator().manual_seed(0))
    rows = (moved.sum(2) * torch.arange(28)).sum(1) / moved.sum((1, 2))
    assert rows.mean().item() == pytest.approx(13.5, abs=0.3)
    assert 0.5 < rows.std() < 2  # pixels
    assert (rows - 13.5).abs().max() < 3
    assert moved.sum((1, 2)).std() > 0.1  # scaled, too
