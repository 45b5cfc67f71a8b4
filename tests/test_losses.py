import pytest
import torch

from glo_core.losses import reconstruction_loss, weights


def test_each_model_gets_its_own_loss():
    images = torch.zeros(3, 2, 28, 28)
    pictures = torch.full_like(images, 0.5)
    found = reconstruction_loss(pictures, images, weights(["l1", "l2", "l1+l2"]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.25, 0.75]))


@pytest.mark.parametrize("loss", ["l1", "l2", "l1+l2"])
def test_a_perfect_picture_costs_nothing(loss):
    images = torch.rand(1, 2, 28, 28)
    assert reconstruction_loss(images, images, weights([loss])).item() == 0
