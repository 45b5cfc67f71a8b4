"""The conditional VAE."""

import math

import pytest
import torch
from pydantic import ValidationError

from glo_core import train
from glo_core.peers.cvae import Autoencoder, CvaeRecipe, kl_divergence


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


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_the_loss_is_the_bound_of_bernoulli_variables(digits, beta, monkeypatch):
    """Against PyTorch's distributions, with what the decoder generates and the encoder gives."""
    vae = Autoencoder(CvaeRecipe(beta=beta), 4)
    images, labels = digits.images[:8], digits.labels[:8]
    given, seen = [], []
    for network in (vae.encoder, vae.decoder):
        network.register_forward_hook(lambda *arguments: given.append(arguments[-1].detach()))
    backward = torch.Tensor.backward

    def recorded(loss):
        seen.append(loss.item())
        backward(loss)

    monkeypatch.setattr(torch.Tensor, "backward", recorded)
    found = vae.step(images, labels)
    (mean, log_variance), generated = given[0].chunk(2, 1), given[1][:, 0]
    pixels = torch.distributions.Bernoulli(generated, validate_args=False)
    expected = -pixels.log_prob(images).sum() / 8 + beta * kl_divergence(mean, log_variance)
    assert seen == [pytest.approx(expected.item(), rel=1e-5)]
    assert found == pytest.approx((generated - images).abs().mean().item(), rel=1e-5)


def test_pixels_that_are_surely_wrong_cost_no_infinity(digits):
    vae = Autoencoder(CvaeRecipe(), 4)
    *_, (_, last) = (each for each in vae.decoder.named_parameters() if each[0].endswith("bias"))
    with torch.no_grad():
        last.fill_(1000)  # all pixels are 1
    assert vae.step(torch.zeros(8, 28, 28), digits.labels[:8]) == pytest.approx(1)
    assert all(torch.isfinite(weights).all() for weights in vae.decoder.parameters())


def test_a_great_weight_of_the_divergence_empties_the_codes(digits):
    changes = {"epochs": 20, "batch_size": 8}
    free, squeezed = (trained(digits, beta=beta, **changes) for beta in (0.01, 100.0))
    assert squeezed.content_table.square().mean() < 1e-3 * free.content_table.square().mean()


@pytest.mark.parametrize("beta", [0, -1.0, math.inf, "1"])
def test_a_weight_that_means_nothing_is_refused(beta):
    with pytest.raises(ValidationError, match="beta"):
        CvaeRecipe(beta=beta)
