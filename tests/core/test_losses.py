import pytest
import torch

from glo_core.generator import as_blocks, as_pictures
from glo_core.losses import (
    WEIGHTS,
    laplacian_pyramid,
    loss_and_gradient,
    pyramid_loss_and_gradient,
    weights,
)


def test_each_model_gets_its_own_loss():
    images = torch.zeros(3, 2, 49, 16)
    pictures = torch.full_like(images, 0.5)
    found, _ = loss_and_gradient(pictures, images, weights(["l1", "l2", "l1+l2"]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.25, 0.75]))


@pytest.mark.parametrize("loss", ["l1", "l2", "l1+l2"])
def test_a_perfect_picture_costs_nothing_and_has_nothing_to_learn(loss):
    images = torch.rand(1, 2, 49, 16)
    found, gradient = loss_and_gradient(images, images, weights([loss]))
    assert found.item() == 0
    assert not gradient.any()


def test_the_gradient_is_the_losses_own():
    images, pictures = torch.rand(2, 3, 5, 49, 16)
    pictures.requires_grad_()
    each = weights(list(WEIGHTS))
    losses, gradient = loss_and_gradient(pictures, images, each)
    (expected,) = torch.autograd.grad(losses.sum(), pictures)
    torch.testing.assert_close(gradient, expected)


def test_the_pyramid_loss_is_that_of_the_pyramids_and_its_gradient_its_own():
    pictures, images = torch.rand(2, 3, 5, 28, 28)
    pixels = as_pictures(torch.eye(784).view(-1, 49, 16))
    pictures.requires_grad_()
    apart = laplacian_pyramid(pictures.flatten(0, 1)) - laplacian_pyramid(images.flatten(0, 1))
    losses = apart.abs().sum(1).view(3, 5).mean(1)
    (expected,) = torch.autograd.grad(losses.sum(), pictures)
    found, gradient = pyramid_loss_and_gradient(
        as_blocks(pictures.detach()), as_blocks(images), laplacian_pyramid(pixels)
    )
    torch.testing.assert_close(found, losses.detach())
    torch.testing.assert_close(as_pictures(gradient), expected, rtol=1e-3, atol=1e-8)


def test_a_flat_picture_is_in_the_pyramids_coarsest_level_alone():
    levels = laplacian_pyramid(torch.full((1, 28, 28), 0.5))[0]
    assert levels[: 28**2 + 14**2].abs().max() < 1e-7
    assert levels[28**2 + 14**2 :].sum().item() == pytest.approx(0.5)
