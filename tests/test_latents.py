import torch
from torch import nn

from glo_core.generator import Generator, seeded_plain
from glo_core.latents import fitted_gaussian, noisy, optimizers


def test_every_image_gets_noise_of_its_own_scaled_by_its_models_sigma():
    content = torch.zeros(3, 4, 5)
    noise = torch.randn(3, 4, 5)
    found = noisy(content, torch.tensor([0.0, 1.0, 10.0]), noise)
    assert torch.equal(found[0], content[0])
    assert torch.equal(found[1], noise[1])
    assert torch.equal(found[2], 10 * noise[2])


def test_tiny_sigma_is_zero_in_float32():
    assert torch.tensor(1e-100, dtype=torch.float32).item() == 0


def test_the_fitted_gaussian_has_the_codes_mean_and_covariance():
    torch.manual_seed(0)
    mixing = torch.randn(3, 3)
    content = torch.randn(2, 1000, 3) @ mixing + torch.tensor([1.0, -2.0, 3.0])
    mean, factor = fitted_gaussian(content)
    for k in range(2):
        torch.testing.assert_close(mean[k], content[k].mean(0))
        torch.testing.assert_close(
            factor[k] @ factor[k].T, torch.cov(content[k].T), rtol=1e-3, atol=1e-4
        )


def test_the_gaussian_fits_fewer_images_than_dimensions():
    mean, factor = fitted_gaussian(torch.randn(3, 25))
    assert torch.isfinite(mean).all()
    assert torch.isfinite(factor).all()


def test_every_parameter_is_in_exactly_one_of_three_adams():
    network = Generator([seeded_plain(10, 0)])
    tables = nn.Parameter(torch.zeros(1, 4, 5)), nn.Parameter(torch.zeros(1, 40, 5))
    adams = optimizers(network, *tables, rate=1e-3)
    held = [id(p) for adam in adams for group in adam.param_groups for p in group["params"]]
    assert len(adams) == 3
    assert sorted(held) == sorted(id(p) for p in [*network.parameters(), *tables])
    assert {group["lr"] for adam in adams for group in adam.param_groups} == {1e-3}
