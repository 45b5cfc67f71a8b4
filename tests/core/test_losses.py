import pytest
import torch

from glo_core.losses import laplacian_pyramid, loss_of
from glo_core.stacked import as_pixels

CPU = torch.device("cpu")


def test_each_model_gets_its_own_loss():
    images = torch.zeros(3, 784, 2)
    generated = torch.full_like(images, 0.5)
    found = loss_of(["l1", "l2", "l1+l2"], CPU)(generated, images)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.25, 0.75]))


@pytest.mark.parametrize("loss", ["l1", "l2", "l1+l2", "laplacian"])
def test_a_perfect_image_costs_nothing_and_has_nothing_to_learn(loss):
    images = torch.rand(1, 784, 2)
    generated = images.clone().requires_grad_()
    found = loss_of([loss], CPU)(generated, images)
    found.sum().backward()
    assert found.item() == 0
    assert not generated.grad.any()


def test_a_models_gradient_does_not_depend_on_the_models_beside_it():
    images, generated = torch.rand(2, 2, 784, 5)
    generated.requires_grad_()
    loss_of(["l1", "l2"], CPU)(generated, images).sum().backward()
    alone = generated.detach()[1:].requires_grad_()
    loss_of(["l2"], CPU)(alone, images[1:]).sum().backward()
    torch.testing.assert_close(generated.grad[1:], alone.grad)
    expected = 2 * (generated - images)[1].detach() / images[0].numel()
    torch.testing.assert_close(generated.grad[1], expected)


def test_the_pyramid_loss_is_the_difference_of_the_pyramids():
    generated, images = torch.rand(2, 3, 5, 28, 28)
    difference = laplacian_pyramid(generated.flatten(0, 1)) - laplacian_pyramid(
        images.flatten(0, 1)
    )
    expected = difference.abs().sum(1).view(3, 5).mean(1)
    found = loss_of(3 * ["laplacian"], CPU)(as_pixels(generated), as_pixels(images))
    torch.testing.assert_close(found, expected)


def test_a_flat_image_is_in_the_pyramids_coarsest_level_alone():
    levels = laplacian_pyramid(torch.full((1, 28, 28), 0.5))[0]
    assert levels[: 28**2 + 14**2].abs().max() < 1e-7
    assert levels[28**2 + 14**2 :].sum().item() == pytest.approx(0.5)


def test_the_laplacian_is_not_mixed_with_other_losses():
    with pytest.raises(ValueError, match="'laplacian'"):
        loss_of(["l1", "laplacian"], CPU)
