"""Conversions without a network, on planted classes that differ in a known way."""

import numpy as np
import pytest
import torch

from glo_core.data import Digits
from glo_core.measures import baselines
from glo_core.measures.baselines import measure_baseline, nearest, optimal_map, transport
from glo_core.measures.concordance import concordance

EACH = 60


def planted():
    """Two classes of faint images, of which k and EACH + k have the same three numbers.

    A number is how bright one of three spots is. All images of class 1 are brighter.
    """
    numbers = 0.05 * torch.randn(EACH, 3, generator=torch.Generator().manual_seed(0))
    images = torch.full((2 * EACH, 28, 28), 0.3)
    for spot, values in enumerate(numbers.T):
        images[:, 4:12, 9 * spot : 9 * spot + 8] += values.repeat(2)[:, None, None]
    images[EACH:] += 0.2
    return Digits(images, torch.arange(2 * EACH) // EACH, ("dark", "bright"), "planted spots")


def twins(digits):
    images = torch.arange(2 * EACH)
    return images, 1 - digits.labels, digits.images.roll(EACH, 0)


def test_the_nearest_image_of_the_other_class_is_the_twin():
    digits = planted()
    images, to, wanted = twins(digits)
    found = nearest(digits)(images, to)
    torch.testing.assert_close(found, wanted)


def test_the_nearest_image_is_of_the_class_that_is_asked_for(splits):
    digits = splits.train
    images, to = torch.arange(100), torch.arange(100) % 10
    pairs = zip(digits.images, digits.labels.tolist(), strict=True)
    known = {image.numpy().tobytes(): label for image, label in pairs}
    found = nearest(digits)(images, to)
    assert [known[image.numpy().tobytes()] for image in found] == to.tolist()


def test_transport_turns_an_image_into_its_twin():
    digits = planted()
    images, to, wanted = twins(digits)
    torch.testing.assert_close(transport(digits)(images, to), wanted, atol=1e-4, rtol=0)


def test_transport_stays_in_grey_levels_range_and_gives_the_targets_mean(splits):
    digits = splits.train
    images = torch.nonzero(digits.labels == 4)[:, 0]
    found = transport(digits)(images, torch.full_like(images, 9))
    assert found.shape == (len(images), 28, 28)
    assert (found.min().item(), found.max().item()) == (0, 1)
    real = digits.images[digits.labels == 9].mean(0)
    assert (found.mean(0) - real).abs().max() < 0.15  # but for the clipped pixels


def test_the_optimal_map_moves_one_covariance_to_the_other_and_is_symmetric():
    stream = torch.Generator().manual_seed(0)
    factors = torch.randn(2, 5, 5, generator=stream).double()
    source, target = factors @ factors.mT
    found = optimal_map(source, target)
    torch.testing.assert_close(found @ source @ found.T, target)
    torch.testing.assert_close(found, found.T)
    assert torch.linalg.eigvalsh(found).min() > 0
    torch.testing.assert_close(optimal_map(source, 4 * source), 2 * torch.eye(5).double())


def test_what_a_class_does_not_vary_in_is_no_trouble():
    flat = torch.diag(torch.tensor([4.0, 0, 1])).double()
    found = optimal_map(flat, torch.eye(3).double())
    torch.testing.assert_close(found, torch.diag(torch.tensor([0.5, 0, 1])).double())


def test_a_baseline_is_measured_as_models_are(splits, judge):
    digits = splits.train
    found = measure_baseline(nearest(digits), digits, judge)
    rates = np.array(found["conversion"]["rates"])
    assert rates.shape == (300,)
    assert found["conversion"]["cases"] == 9
    assert rates.mean() > 0.9
    assert 0.5 < concordance(np.array(found["style_concordance"]["sums"])) < 0.9
    unmoved = measure_baseline(lambda images, _: digits.images[images], digits, judge)
    assert np.mean(unmoved["conversion"]["rates"]) < 0.1
    assert concordance(np.array(unmoved["style_concordance"]["sums"])) < 0.1


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_every_baseline_converts_real_digits(name, splits):
    digits = splits.train.subset(range(100))  # fewer images than pixels and components
    found = baselines.BASELINES[name](digits)(torch.arange(5), torch.arange(5))
    assert found.shape == (5, 28, 28)
    assert torch.isfinite(found).all()
