"""Encoders side by side, against plain ones."""

import pytest
import torch

from glo_core.peers.encoder import Encoder, StackedEncoder
from glo_core.stacked import as_pixels


@pytest.fixture(params=[0, 4], ids=["blind to classes", "sees classes"])
def pair(request):
    plains = [Encoder(6, request.param, seed).double() for seed in range(3)]
    return plains, StackedEncoder(plains)


def test_encoders_side_by_side_are_the_plain_ones_forward_and_backward(pair):
    plains, stacked = pair
    images, labels = torch.rand(3, 5, 28, 28).double(), torch.randint(4, (3, 5))
    slopes = torch.randn(3, 5, 6).double()
    found = stacked(as_pixels(images), labels)
    found.backward(slopes)
    for k, plain in enumerate(plains):
        expected = plain(images[k], labels[k])
        torch.testing.assert_close(found[k], expected)
        expected.backward(slopes[k])
        for name, weight in plain.named_parameters():
            gradient = stacked.weights[name.replace(".", "_")].grad[k]
            torch.testing.assert_close(gradient, weight.grad, msg=f"gradient of {name}, model {k}")


def test_unstacked_gives_the_plain_encoders_back(pair):
    plains, stacked = pair
    for plain, back in zip(plains, stacked.unstacked(), strict=True):
        assert not back.training
        assert not any(weight.requires_grad for weight in back.parameters())
        for name, weight in plain.state_dict().items():
            torch.testing.assert_close(back.state_dict()[name].double(), weight)
