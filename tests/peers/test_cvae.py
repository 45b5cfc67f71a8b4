"""The conditional VAE."""

import pytest
import torch

from glo_core import train
from glo_core.peers.cvae import CvaeRecipe, kl_divergence


def trained(digits, kind=CvaeRecipe, **changes):
    (glo,) = train([kind(**{"epochs": 3, "batch_size": 16, **changes})], digits)
    return glo


def test_the_variational_models_content_codes_are_what_its_encoder_gives(digits):
    glo = trained(digits, epochs=30, batch_size=8)
    codes = glo.encode(digits.images, digits.labels)
    torch.testing.assert_close(codes, glo.content_table)
    first, last = glo.history.losses[[0, -1]]
    assert last < 0.5 * first
    assert (glo.reconstruct(torch.arange(40)) - digits.images).abs().mean() < 0.1
    assert glo.history.panel.shape == (30, 8, 28, 28)
    assert glo.prior == "normal"


def test_the_kl_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(2, 6, 5)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(5), torch.ones(5))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == pytest.approx(0)
