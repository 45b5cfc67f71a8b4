"""LORD's second stage."""

import pytest
import torch

from glo_core import train
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import Recipe
from glo_core.recorder import Epoch
from glo_core.training import Watch


def trained(digits, kind=LordRecipe, **changes):
    (glo,) = train([kind(**{"epochs": 3, "batch_size": 16, **changes})], digits)
    return glo


def test_the_encoder_has_epochs_of_its_own(digits):
    """They change neither codes nor generator, and the first stage's do not train the encoder."""
    once, twice = (trained(digits, encoder_epochs=epochs) for epochs in (1, 2))
    assert torch.equal(once.content_table, twice.content_table)
    assert torch.equal(once.network[0].weight, twice.network[0].weight)
    images = digits.images, digits.labels
    assert not torch.equal(once.encode(*images), twice.encode(*images))
    assert not once.variational


def test_encoders_are_trained_side_by_side_and_each_by_its_own_seed(digits):
    """And every epoch is told, those of the second stage after those of the first."""
    recipes = [
        LordRecipe(epochs=2, batch_size=16, encoder_epochs=3, seed=seed, sigma=sigma)
        for seed, sigma in ((0, 0.0), (1, 1.0))
    ]
    told: list[Epoch] = []
    both = train(recipes, digits, Watch(epoch=told.append))
    assert [(len(epoch.losses), epoch.number) for epoch in told] == [(2, 1 + n) for n in range(5)]
    assert (told[4].losses < told[2].losses).all()
    assert all(torch.equal(epoch.panel, told[1].panel) for epoch in told[2:])
    for recipe, beside in zip(recipes, both, strict=True):
        (alone,) = train([recipe], digits)
        images = digits.images, digits.labels
        torch.testing.assert_close(
            beside.encode(*images), alone.encode(*images), rtol=1e-3, atol=1e-4
        )
    codes, others = (glo.encode(*images) for glo in both)
    assert not torch.allclose(codes, others, atol=0.1)


@pytest.mark.slow
def test_the_second_stage_finds_codes_and_leaves_the_model_alone(digits):
    changes = {"epochs": 120, "batch_size": 8, "latent_rate": 1e-2}
    glo = trained(digits, **changes, encoder_epochs=120)
    without = trained(digits, Recipe, **changes)
    assert torch.equal(glo.content_table, without.content_table)
    assert torch.equal(glo.network[0].weight, without.network[0].weight)
    codes = glo.encode(digits.images, digits.labels)
    assert codes.shape == (40, 25)
    error = (codes - glo.content_table).square().mean()
    assert error < 0.9 * glo.content_table.var(0).mean()
    shuffled = (codes - glo.content_table.roll(4, 0)).square().mean()
    assert error < 0.8 * shuffled  # it is the image's own code, not that of another of its class
