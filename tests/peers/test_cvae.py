"""The conditional VAE."""

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from glo_core import train
from glo_core.peers.cvae import Autoencoders, CvaeRecipe, kl_divergence
from glo_core.stacked import as_images
from glo_core.training import side_by_side


def trained(digits, **changes):
    (glo,) = train([CvaeRecipe(**{"epochs": 3, "batch_size": 16, **changes})], digits)
    return glo


def test_the_variational_models_content_codes_are_what_its_encoder_gives(digits):
    glo = trained(digits, epochs=30, batch_size=8)
    codes = glo.encode(digits.images, digits.labels)
    torch.testing.assert_close(codes, glo.content_table)
    first, last = glo.history.losses[[0, -1]]
    assert last < 0.5 * first
    error = (glo.reconstruct(torch.arange(40)) - digits.images).abs().mean()
    assert error < 0.1
    assert error == pytest.approx(last.item(), rel=0.3)  # the recorded loss is the L1 error
    assert glo.history.panel.shape == (30, 8, 28, 28)
    assert glo.prior == "normal"
    assert glo.variational
    assert not torch.equal(glo.sample_posterior(digits.images, digits.labels), codes)


def test_the_kl_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(2, 6, 5)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(5), torch.ones(5))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == pytest.approx(0)


def test_the_loss_is_the_bound_of_bernoulli_variables(digits, monkeypatch):
    """Against PyTorch's distributions, with what the decoders generate and the encoders give."""
    betas = 1.0, 4.0
    vaes = Autoencoders([CvaeRecipe(beta=beta) for beta in betas], digits)
    indices = torch.stack([torch.arange(8), torch.arange(8, 16)])
    given, seen = [], []
    for network in (vaes.encoder, vaes.decoder):
        network.register_forward_hook(lambda *arguments: given.append(arguments[-1].detach()))
    backward = torch.Tensor.backward

    def recorded(loss):
        seen.append(loss.item())
        backward(loss)

    monkeypatch.setattr(torch.Tensor, "backward", recorded)
    found = vaes.step(indices)
    expected = torch.zeros(())
    for k, beta in enumerate(betas):
        (mean, log_variance), generated = given[0][k].chunk(2, 1), as_images(given[1][k])
        images = digits.images[indices[k]]
        pixels = torch.distributions.Bernoulli(generated, validate_args=False)
        expected += -pixels.log_prob(images).sum() / 8 + beta * kl_divergence(mean, log_variance)
        assert found[k].item() == pytest.approx((generated - images).abs().mean().item(), rel=1e-5)
    assert seen == [pytest.approx(expected.item(), rel=1e-5)]


def test_a_model_depends_on_its_own_recipe_alone(digits):
    """Beside models of other weights and seeds it is what it is alone, but for rounding."""
    shared = {"epochs": 2, "batch_size": 16}
    recipes = [CvaeRecipe(**shared, beta=beta, seed=seed) for beta, seed in ((1.0, 0), (4.0, 1))]
    assert side_by_side(recipes) == [recipes]
    for recipe, beside in zip(recipes, train(recipes, digits), strict=True):
        (alone,) = train([recipe], digits)
        for name in ("class_table", "content_table"):
            torch.testing.assert_close(
                getattr(beside, name), getattr(alone, name), rtol=1e-3, atol=1e-4
            )
        torch.testing.assert_close(beside.history.losses, alone.history.losses)
        found, expected = (glo.reconstruct(torch.arange(4)) for glo in (beside, alone))
        torch.testing.assert_close(found, expected, rtol=0, atol=5e-3)


def test_pixels_that_are_surely_wrong_cost_no_infinity(digits):
    vaes = Autoencoders([CvaeRecipe()], replace(digits, images=torch.zeros(40, 28, 28)))
    *_, last = (weight for name, weight in vaes.decoder.weights.items() if name.endswith("bias"))
    with torch.no_grad():
        last.fill_(1000)  # all pixels are 1
    assert vaes.step(torch.arange(8)[None]).item() == pytest.approx(1)
    assert all(torch.isfinite(weights).all() for weights in vaes.decoder.parameters())


def test_a_great_weight_of_the_divergence_empties_the_codes(digits):
    changes = {"epochs": 20, "batch_size": 8}
    free, squeezed = (trained(digits, beta=beta, **changes) for beta in (0.01, 100.0))
    assert squeezed.content_table.square().mean() < 1e-3 * free.content_table.square().mean()


@pytest.mark.parametrize("beta", [0, -1.0, math.inf, "1"])
def test_a_weight_that_means_nothing_is_refused(beta):
    with pytest.raises(ValidationError, match="beta"):
        CvaeRecipe(beta=beta)
