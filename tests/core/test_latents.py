import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from glo_core import latents
from glo_core.generator import seeded_plain
from glo_core.latents import (
    content_starts,
    fitted_gaussian,
    noisy,
    optimizers,
    principal_components,
    table,
    whitened,
)
from glo_core.recipe import Recipe
from glo_core.stacked import StackedGenerator


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


@pytest.fixture
def parts():
    """A network of two models, their class table and their dense or sparse content table."""

    def made(content_adam):
        network = StackedGenerator([seeded_plain(10, seed) for seed in range(2)])
        return network, table(torch.randn(2, 4, 5)), table(torch.randn(2, 40, 5), content_adam)

    return made


@pytest.mark.parametrize("content_adam", ["dense", "sparse"])
def test_every_parameter_is_in_exactly_one_adam(parts, content_adam):
    modules = parts(content_adam)
    recipe = Recipe(learning_rate=1e-3, latent_rate=1e-2, content_adam=content_adam)
    network, *tables = modules
    adams = optimizers(network, tables[0], tables[1], recipe)
    held = [id(p) for adam in adams for group in adam.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for module in modules for p in module.parameters())
    rates = {id(p): g["lr"] for adam in adams for g in adam.param_groups for p in g["params"]}
    assert {rates[id(p)] for p in network.parameters()} == {1e-3}
    assert {rates[id(table.weight)] for table in tables} == {1e-2}


def moved_rows(parts, content_adam):
    """Which content codes move in a step without them, after a step with all of them."""
    network, classes, content = parts(content_adam)
    adams = optimizers(network, classes, content, Recipe(content_adam=content_adam))
    for rows in (torch.arange(80), torch.tensor([3])):
        before = content.weight.detach().clone()
        adams[-1].zero_grad()
        content(rows).sum().backward()
        adams[-1].step()
    return (content.weight.detach() != before).any(1).nonzero()[:, 0].tolist()


def test_dense_adam_moves_every_code_and_sparse_adam_those_of_the_batch(parts):
    assert moved_rows(parts, "dense") == list(range(80))
    assert moved_rows(parts, "sparse") == [3]


def test_content_codes_start_as_draws_or_as_principal_components_of_the_wanted_size(digits):
    draws = torch.randn(2, 40, 5)
    scaled = content_starts(
        draws, digits.images, digits.labels, Recipe(content_dim=5, content_scale=0.05)
    )
    assert torch.equal(scaled, 0.05 * draws)
    recipe = Recipe(content_dim=5, content_start="pca", content_scale=0.3)
    starts = content_starts(draws, digits.images, digits.labels, recipe)
    assert starts.shape == (2, 40, 5)
    assert starts.square().mean().sqrt().item() == pytest.approx(0.3, rel=1e-4)
    known = PCA(5, svd_solver="full").fit_transform(digits.images.flatten(1).numpy())
    for k in range(5):
        assert abs(np.corrcoef(starts[1, :, k], known[:, k])[0, 1]) > 0.999


@pytest.mark.parametrize("labels", [torch.zeros(500, dtype=torch.int64), torch.arange(500) % 3])
def test_principal_components_are_those_of_a_singular_value_decomposition(labels, monkeypatch):
    monkeypatch.setattr(latents, "CHUNK", 64)
    rows = 3 + torch.randn(500, 20, generator=torch.Generator().manual_seed(0)).cumsum(1)
    axes, scores = principal_components(rows, labels, 5)
    centred = rows.double()
    for label in labels.unique():
        centred[labels == label] -= centred[labels == label].mean(0)
    left, spread, right = torch.linalg.svd(centred, full_matrices=False)
    signs = (axes * right[:5]).sum(1).sign()
    torch.testing.assert_close(axes, signs[:, None] * right[:5])
    torch.testing.assert_close(scores, signs * (left * spread)[:, :5])
    assert (axes.amax(1) == axes.abs().amax(1)).all()  # each of the two that has a sign of its own
    assert [len(each) for each in principal_components(rows[:4], labels[:4], 5)] == [4, 4]


def test_more_numbers_than_principal_components_are_an_error(digits):
    recipe = Recipe(content_dim=50, content_start="pca")
    with pytest.raises(ValueError, match="content_dim = 50: 40 images have 40"):
        content_starts(torch.zeros(1, 40, 50), digits.images, digits.labels, recipe)


def test_whitened_codes_tell_the_class_by_neither_mean_nor_covariance():
    torch.manual_seed(0)
    labels = torch.arange(600) % 3
    codes = torch.randn(2, 600, 4) * (1 + labels[:, None]) + 5 * labels[:, None]
    found = whitened(codes, labels)
    for label in range(3):
        of_class = found[:, labels == label]
        torch.testing.assert_close(of_class.mean(1), torch.zeros(2, 4), atol=1e-4, rtol=0)
        for model in of_class:
            torch.testing.assert_close(torch.cov(model.T), torch.eye(4), atol=1e-3, rtol=0)
    # What distinguishes an image within its class is still the same.
    assert np.corrcoef(found[0, labels == 2, 1], codes[0, labels == 2, 1])[0, 1] > 0.99


def test_a_class_of_few_codes_is_whitened_where_it_varies():
    found = whitened(torch.randn(4, 6), torch.zeros(4, dtype=torch.int64))
    assert found.isfinite().all()
    assert torch.linalg.matrix_rank(found, atol=0.1) == 3


def test_a_direction_of_whitened_starts_means_alike_in_every_class():
    """Two classes of blocks at different places, each brighter or fainter, and wider or not."""
    rng = np.random.default_rng(0)
    labels = torch.arange(200) % 2
    light, wide = rng.uniform(0.2, 0.4, 200), rng.integers(4, 12, 200)
    images = torch.zeros(200, 28, 28)
    for k in range(200):
        top = 4 + 12 * int(labels[k])
        images[k, top : top + 6, 14 - wide[k] // 2 : 14 + (wide[k] + 1) // 2] = float(light[k])
    recipe = Recipe(content_dim=2, content_start="whitened", content_blur=8.0)
    (starts,) = content_starts(torch.zeros(1, 200, 2), images, labels, recipe)
    assert starts.square().mean().sqrt().item() == pytest.approx(1, rel=1e-3)
    ink = light * wide
    followed = [
        np.corrcoef(starts[labels == label, 0], ink[labels == label])[0, 1] for label in range(2)
    ]
    assert min(followed) > 0.9 or max(followed) < -0.9
    # Principal components as they are hold the class as well.
    plain = content_starts(
        torch.zeros(1, 200, 2), images, labels, recipe.model_copy(update={"content_start": "pca"})
    )[0]
    assert (plain[labels == 0].mean(0) - plain[labels == 1].mean(0)).norm() > 1
    assert (starts[labels == 0].mean(0) - starts[labels == 1].mean(0)).norm() < 1e-4


def test_a_table_of_no_numbers_needs_no_optimizer(parts):
    network, _, content = parts("dense")
    (adam,) = optimizers(network, table(torch.randn(2, 4, 0)), content, Recipe())
    assert all(p.numel() for group in adam.param_groups for p in group["params"])


def test_widely_spread_codes_have_a_factor_that_rounding_would_take_away():
    codes = 3 * torch.randn(2, 6, 25, generator=torch.Generator().manual_seed(0))
    codes[1] *= 1e-3  # of which Cholesky has one
    mean, factor = fitted_gaussian(codes)
    covariance = torch.stack([torch.cov(each.T) for each in codes.double()]).float()
    torch.testing.assert_close(factor @ factor.mT, covariance, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mean, codes.mean(1))
    _, alone = fitted_gaussian(codes[1])
    assert torch.equal(factor[1], alone)
    assert not factor[1].triu(1).any()


def test_codes_that_are_no_numbers_leave_others_whitened():
    codes = torch.randn(2, 40, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40) % 2
    expected = whitened(codes, labels)
    codes[1] = torch.inf
    assert torch.equal(whitened(codes, labels)[0], expected[0])
