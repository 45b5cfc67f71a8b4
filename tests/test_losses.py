import pytest
import torch

from glo_core.losses import WEIGHTS, loss_and_gradient, weights


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
