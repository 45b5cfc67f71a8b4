from dataclasses import replace

import pytest
import torch
from torch import nn

from glo_core import train
from glo_core.latents import fitted_gaussian


def test_a_conversion_to_its_own_class_is_the_reconstruction(models, digits):
    images = torch.tensor([0, 1, 2, 3])
    glo = models[0]
    assert torch.equal(glo.convert(images, digits.labels[images]), glo.reconstruct(images))
    assert not torch.equal(glo.convert(images, 0), glo.reconstruct(images))


def test_a_picture_does_not_depend_on_the_pictures_beside_it(models):
    """In train mode BatchNorm would normalise a picture by its batch's statistics."""
    glo = models[0]
    alone = glo.reconstruct(torch.tensor([5]))
    together = glo.reconstruct(torch.arange(40))
    torch.testing.assert_close(alone[0], together[5])
    assert not glo.network.training


def test_pictures_are_grey_levels_in_range(models):
    drawn = models[0].reconstruct(torch.arange(40))
    assert drawn.shape == (40, 28, 28)
    assert drawn.dtype == torch.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_scratch_puts_one_code_of_the_wanted_prior_beside_each_class(models):
    glo = models[0]
    classes = torch.arange(4)
    drawn = torch.randn(25, generator=torch.Generator().manual_seed(9))
    normal = glo.decode(classes, drawn.expand(4, -1))
    assert torch.equal(glo.scratch(classes, "normal", seed=9), normal)
    mean, factor = fitted_gaussian(glo.content_table)
    fitted = glo.decode(classes, (mean + factor @ drawn).expand(4, -1))
    torch.testing.assert_close(glo.scratch(classes, seed=9), fitted)
    assert not torch.equal(glo.scratch(classes, seed=8), fitted)


class PlantedEncoder(nn.Module):
    """Gives every image the same outputs."""

    def __init__(self, *outputs):
        super().__init__()
        self.outputs = torch.cat(outputs)

    def forward(self, images, labels):
        return self.outputs.expand(len(images), -1)


def test_a_variational_encoder_gives_means_and_draws(models, digits):
    mean, deviation = torch.arange(25.0), torch.linspace(0.1, 3, 25)
    glo = replace(models[0], encoder=PlantedEncoder(mean, 2 * deviation.log()))
    images, labels = digits.images[:1].expand(4000, -1, -1), digits.labels[:1].expand(4000)
    assert glo.variational
    assert torch.equal(glo.encode(images, labels), mean.expand(4000, -1))
    drawn = glo.sample_posterior(images, labels)
    assert torch.equal(drawn, glo.sample_posterior(images, labels, seed=0))
    assert not torch.equal(drawn, glo.sample_posterior(images, labels, seed=1))
    standardised = (drawn - mean) / deviation
    torch.testing.assert_close(standardised.mean(0), torch.zeros(25), atol=0.08, rtol=0)
    torch.testing.assert_close(standardised.std(0), torch.ones(25), atol=0.06, rtol=0)


def test_a_single_code_has_no_posterior(models, digits):
    glo = replace(models[0], encoder=PlantedEncoder(torch.arange(25.0)))
    assert not glo.variational
    assert torch.equal(glo.encode(digits.images, digits.labels)[7], torch.arange(25.0))
    with pytest.raises(ValueError, match="method = 'glo': this model's encoder gives a code"):
        glo.sample_posterior(digits.images, digits.labels)


def test_a_model_without_encoder_says_so(models, digits):
    assert not models[0].variational
    for encode in (models[0].encode, models[0].sample_posterior):
        with pytest.raises(ValueError, match="method = 'glo': this model has no encoder"):
            encode(digits.images, digits.labels)


def test_an_unknown_prior_and_class_are_errors(models):
    with pytest.raises(ValueError, match="'uniform'"):
        models[0].scratch(torch.arange(4), "uniform")
    with pytest.raises(IndexError):
        models[0].convert(torch.tensor([0]), 4)


def test_many_pictures_are_drawn_in_chunks(models, monkeypatch):
    whole = models[0].reconstruct(torch.arange(40))
    monkeypatch.setattr("glo_core.model.CHUNK", 7)
    torch.testing.assert_close(models[0].reconstruct(torch.arange(40)), whole)


def test_the_content_code_follows_its_image_when_training_shuffles(recipes, digits):
    """Each image's own code must draw it better than another image's code of its class does."""
    (glo,) = train([recipes[0].model_copy(update={"epochs": 40, "batch_size": 8})], digits)
    own = (glo.reconstruct(torch.arange(40)) - digits.images).abs().mean()
    swapped = glo.decode(digits.labels, glo.content_table.roll(4, 0))
    assert own < (swapped - digits.images).abs().mean()
