"""The stacked, folded network against the plain PyTorch layers, which are the reference."""

import copy

import pytest
import torch
from torch import nn

from glo_core.generator import CONV1, NORM, seeded_plain
from glo_core.stacked import MULTIPLICATIONS, StackedGenerator, Statistics, as_images, as_pixels


@pytest.fixture
def pair():
    """Three plain networks, the same as one `StackedGenerator`, and codes for both; in float64."""
    torch.manual_seed(0)
    plains = [seeded_plain(10, seed).double() for seed in range(3)]
    for network in plains:  # running statistics and BatchNorm weights unlike the start's 0 and 1
        norm = network[NORM]
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            nn.init.normal_(tensor)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    return plains, StackedGenerator(plains).double(), torch.randn(3, 8, 10).double()


@pytest.mark.parametrize("training", [True, False])
def test_forward_equals_the_plain_layers(pair, training):
    plains, grouped, codes = pair
    grouped.train(training)
    expected = [network.train(training)(codes[k])[:, 0] for k, network in enumerate(plains)]
    torch.testing.assert_close(as_images(grouped(codes)), torch.stack(expected))


def test_pixels_and_images_are_each_others_inverse():
    images = torch.arange(6 * 784.0).view(3, 2, 28, 28)
    pixels = as_pixels(images)
    assert pixels.shape == (3, 784, 2)
    assert torch.equal(pixels[1, :, 1], images[1, 1].flatten())
    assert torch.equal(as_images(pixels), images)


def test_a_folded_image_needs_three_tenths_of_a_million_multiplications():
    linear = 50 * 84 + 84 * 120 + 120 * 400
    # Each of 5×5 and 14×14 pixels meets every weight once
    first, second = 5**2 * 5**2 * 16 * 16, 14**2 * 5**2 * 16
    assert linear + first + second == MULTIPLICATIONS
    unfolded = linear + 10**2 * 5**2 * 16 * 16 + (28 * 5 - 6) ** 2 * 16
    assert unfolded / MULTIPLICATIONS == pytest.approx(3.3, abs=0.1)


def test_running_statistics_equal_the_plain_layers(pair):
    plains, grouped, codes = pair
    grouped(codes)
    for k, network in enumerate(plains):
        network(codes[k])
    for name in ("running_mean", "running_var"):
        expected = torch.stack([getattr(network[NORM], name) for network in plains])
        torch.testing.assert_close(getattr(grouped, name), expected)


def test_gradients_equal_the_plain_layers(pair):
    plains, grouped, codes = pair
    target = torch.rand(3, 8, 28, 28).double()
    codes.requires_grad_()
    (as_images(grouped(codes)) - target).abs().sum().backward()
    # `unstacked` hands out weights; here it does that for gradients.
    with torch.no_grad():
        for weight in grouped.weights.values():
            weight.copy_(torch.zeros_like(weight) if weight.grad is None else weight.grad)
    gradients = [dict(network.named_parameters()) for network in grouped.unstacked()]
    for k, network in enumerate(plains):
        own = codes[k].detach().requires_grad_()
        (network(own)[:, 0] - target[k]).abs().sum().backward()
        torch.testing.assert_close(codes.grad[k], own.grad)
        for name, weight in network.named_parameters():
            if name == f"{CONV1}.bias":  # BatchNorm takes it away again
                assert weight.grad.abs().max() < 1e-9
            torch.testing.assert_close(
                gradients[k][name].double(),
                weight.grad,
                rtol=1e-5,
                atol=1e-5,
                msg=f"gradient of {name}, model {k}",
            )


def test_unstacked_gives_the_plain_networks_back(pair):
    plains, grouped, _ = pair
    for network, back in zip(plains, grouped.unstacked(), strict=True):
        assert not back.training
        for name, value in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(
                    back.state_dict()[name].double(), value, rtol=1e-6, atol=1e-6
                )


@pytest.mark.parametrize("training", [True, False])
def test_stock_layers_equal_the_compiled_loops(pair, training):
    """What other devices compute, here on the processor."""
    _, loops, codes = pair
    stock = copy.deepcopy(loops)
    stock._last_layers = stock._stock_layers
    weight, found = torch.rand(3, 784, 8).double(), []
    for network in (loops.train(training), stock.train(training)):
        own = codes.clone().requires_grad_()
        pixels = network(own)
        (pixels * weight).sum().backward()
        gradients = {name: each.grad for name, each in network.named_parameters()}
        assert gradients.pop(f"weights.{CONV1}_bias") is None
        found.append((pixels, own.grad, gradients, network.running_mean, network.running_var))
    torch.testing.assert_close(*found)


def test_one_model_generates_any_number_of_small_batches(pair):
    plains, _, codes = pair
    one = StackedGenerator(plains[:1]).double().eval()
    expected = torch.cat([one(batch[None]) for batch in codes])
    torch.testing.assert_close(one(codes), expected)


def test_an_image_by_its_own_statistics_is_what_a_batch_of_it_gives(pair, monkeypatch):
    plains, grouped, codes = pair
    monkeypatch.setattr(grouped, "statistics", lambda: Statistics.IMAGE)
    own = codes.requires_grad_()
    images = as_images(grouped(own))
    weight = torch.rand(3, 8, 28, 28).double()
    (images * weight).sum().backward()
    for k, network in enumerate(plains):
        alone = codes[k].detach().requires_grad_()
        expected = torch.cat([network.train()(code[None])[:, 0] for code in alone])
        torch.testing.assert_close(images[k], expected)
        (expected * weight[k]).sum().backward()
        torch.testing.assert_close(own.grad[k], alone.grad)
