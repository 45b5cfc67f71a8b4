"""Convolutions with the images last, against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from glo_core.convolutions import Convolution, Pooling, four_places


@pytest.mark.parametrize(("size", "side"), [(12, 5), (13, 5), (12, 6)])
def test_a_convolution_is_that_of_torch_forward_and_backward(size, side):
    values = torch.randn(2, 3, size, size, 4, dtype=torch.double, requires_grad=True)
    weight = torch.randn(2, 5, 3, side, side, dtype=torch.double, requires_grad=True)
    found = Convolution.apply(values, weight)
    expected = [
        F.conv2d(channels.movedim(3, 0), kernel, stride=2).movedim(0, 3)
        for channels, kernel in zip(values, weight, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(expected))
    check(found, torch.stack(expected), values, weight)


def test_pooling_is_that_of_torch_and_the_first_of_equal_places_gets_the_gradient():
    values = torch.randn(2, 3, 12, 12, 4, dtype=torch.double)
    values[0, :, :8] = 0  # as the empty corners of a digit: all places of a window are equal
    values.requires_grad_()
    weight = torch.randn(5, 3, 5, 5, dtype=torch.double, requires_grad=True)
    bias = torch.randn(5, dtype=torch.double, requires_grad=True)
    found = Pooling.apply(Convolution.apply(values, four_places(weight).expand(2, *[-1] * 4)), bias)
    images = values.movedim(4, 1).flatten(0, 1)
    pooled = F.max_pool2d(F.conv2d(images, weight, bias), 2).relu()
    expected = pooled.unflatten(0, (2, 4)).movedim(1, 4)
    torch.testing.assert_close(found, expected)
    check(found, expected, values, weight, bias)


def check(found, expected, *inputs):
    """Both have the same gradients."""
    slopes = torch.randn(found.shape, dtype=torch.double)
    pairs = (torch.autograd.grad(each, inputs, slopes) for each in (found, expected))
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs)
