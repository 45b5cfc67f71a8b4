"""Codes of new images on planted truth: the model's own images, and classes it must find."""

from dataclasses import replace

import pytest
import torch

from glo_core import Recipe, load, train
from glo_core.generator import seeded_plain
from glo_core.latents import fitted_gaussian
from glo_core.measures import fitting
from glo_core.measures.reconstruction import errors

pytestmark = pytest.mark.slow  # a model that is trained well enough to find codes for

CLASSES, COUNT = 10, 40


@pytest.fixture(scope="module")
def digits():
    return load("mnist-5k", 500).train


@pytest.fixture(scope="module")
def glo(digits):
    return train([Recipe(sigma=0.1, epochs=25, learning_rate=1e-2, latent_rate=1e-2)], digits)[0]


@pytest.fixture(scope="module")
def planted(glo):
    """Classes, typical content codes, and what the model draws with both."""
    labels = torch.arange(COUNT) % CLASSES
    mean, factor = fitted_gaussian(glo.content_table)
    draws = torch.randn(COUNT, len(mean), generator=torch.Generator().manual_seed(0))
    draws = draws.renorm(2, 0, 4)  # inside the ball, whose radius is 5
    codes = mean + draws @ factor.T
    return labels, codes, glo.decode(labels, codes)


# --- codes of new images -------------------------------------------------------------------------


def distances(generated, images):
    return (generated - images).abs().mean((1, 2))


def test_what_the_model_generated_itself_is_reconstructed_nearly_perfectly(glo, planted):
    labels, _, images = planted
    start = glo.decode(labels, glo.content_table.mean(0).expand(COUNT, -1))
    fitted = fitting.fit(glo, images, labels, 300)
    found, least = (
        distances(generated, images) for generated in (glo.decode(labels, fitted), start)
    )
    assert found.mean() < 0.1 * least.mean()
    assert found.mean() < 0.01


@pytest.mark.parametrize("loss", ["l2", "l1+l2"])
def test_codes_follow_the_recipes_own_loss(glo, digits, loss):
    images, labels = digits.images[:100], digits.labels[:100]
    other = replace(glo, recipe=glo.recipe.model_copy(update={"loss": loss}))
    by_l1, by_other = (
        errors(model.decode(labels, fitting.fit(model, images, labels)), images)
        for model in (glo, other)
    )
    assert by_other["l2"].mean() < by_l1["l2"].mean()
    if loss == "l2":
        assert by_l1["l1"].mean() < by_other["l1"].mean()


def test_codes_stay_where_the_learned_ones_lie(glo, digits):
    fitted = fitting.fit(glo, digits.images[:50], (digits.labels[:50] + 1) % CLASSES)
    mean, factor = fitted_gaussian(glo.content_table)
    lengths, learned = (
        torch.linalg.solve_triangular(factor, (codes - mean).T, upper=False).norm(dim=0)
        for codes in (fitted, glo.content_table)
    )
    assert learned.square().mean().sqrt() == pytest.approx(5, rel=0.01)
    assert lengths.max() == pytest.approx(5, rel=0.01)


def test_more_images_than_a_batch_are_fitted_in_order(glo, planted):
    labels, _, images = planted
    times = fitting.BATCH // COUNT + 1
    many = fitting.fit(glo, images.repeat(times, 1, 1), labels.repeat(times), 5)
    expected = fitting.fit(glo, images, labels, 5).repeat(times, 1)
    torch.testing.assert_close(many, expected, atol=1e-3, rtol=0)


def test_fitting_is_deterministic_and_leaves_the_model_and_the_callers_state_alone(glo, planted):
    labels, _, images = planted
    before = {name: value.clone() for name, value in glo.network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        first = fitting.fit(glo, images, labels, 5)
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, fitting.fit(glo, images, labels, 5))
    assert not first.requires_grad
    for name, value in glo.network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(weight.grad is None and weight.requires_grad for weight in glo.network.parameters())
    assert not glo.network.training


def test_a_class_there_is_not_is_an_error(glo, planted):
    with pytest.raises(IndexError):
        fitting.fit(glo, planted[2][:1], torch.tensor([CLASSES]), 1)


# --- the model as a classifier -------------------------------------------------------------------


def test_images_are_given_the_class_they_were_generated_with(glo, planted):
    labels, _, images = planted
    predicted, losses = fitting.classify(glo, images)
    assert losses.shape == (COUNT, CLASSES)
    assert torch.equal(losses.argmin(1), predicted)
    assert (predicted == labels).float().mean() > 0.9
    own = fitting.fit(glo, images, labels, fitting.CLASSIFY_STEPS)
    expected = distances(glo.decode(labels, own), images)
    torch.testing.assert_close(losses[torch.arange(COUNT), labels], expected, atol=2e-3, rtol=0)


def test_with_the_class_codes_permuted_the_answers_are_permuted(glo, planted):
    labels, _, images = planted
    shifted = replace(glo, class_table=glo.class_table.roll(1, 0))  # class k now lies at k + 1
    predicted, _ = fitting.classify(shifted, images)
    assert (predicted == labels).float().mean() < 0.1
    assert (predicted == (labels + 1) % CLASSES).float().mean() > 0.9


def test_a_model_whose_classes_share_one_code_is_at_chance(glo, planted):
    labels, _, images = planted
    same = replace(glo, class_table=glo.class_table.mean(0).expand(CLASSES, -1))
    predicted, losses = fitting.classify(same, images, 5)
    torch.testing.assert_close(losses, losses[:, :1].expand_as(losses), atol=1e-4, rtol=0)
    assert (predicted == labels).float().mean() < 0.3


def test_a_model_without_class_codes_is_fitted_and_at_chance(glo, planted):
    labels, codes, _ = planted
    network = seeded_plain(codes.shape[1], 0).eval()
    classless = replace(glo, network=network, class_table=torch.zeros(CLASSES, 0))
    images = classless.decode(labels, codes)
    start = classless.decode(labels, classless.content_table.mean(0).expand(COUNT, -1))
    fitted = fitting.fit(classless, images, labels)
    regenerated = classless.decode(labels, fitted)
    assert distances(regenerated, images).mean() < 0.3 * distances(start, images).mean()
    predicted, _ = fitting.classify(classless, images, 5)
    assert (predicted == labels).float().mean() < 0.3
