"""The stacked, folded network against the plain PyTorch layers, which are the reference."""

import pytest
import torch
from torch import nn

from glo_core.generator import CONV1, NORM, seeded_plain
from glo_core.stacked import MULTIPLICATIONS, StackedGenerator, as_blocks, as_images


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


def test_blocks_and_images_are_each_others_inverse():
    images = torch.arange(2 * 784.0).view(2, 28, 28)
    blocks = as_blocks(images)
    assert blocks.shape == (2, 49, 16)
    assert torch.equal(blocks[1, 8], images[1, 4:8, 4:8].flatten())
    assert torch.equal(as_images(blocks), images)


def test_a_folded_image_needs_two_fifths_of_a_million_multiplications():
    linear = 50 * 84 + 84 * 120 + 120 * 400
    # Each of 5×5 and 14×14 pixels meets 6×6 pixels twice as fine, but for those cut off the edge.
    first = 5**2 * 6**2 * 16 * 16
    second = (14 * 6 - 4) ** 2 * 16
    assert linear + first + second == MULTIPLICATIONS
    unfolded = linear + 10**2 * 5**2 * 16 * 16 + (28 * 5 - 6) ** 2 * 16
    assert unfolded / MULTIPLICATIONS == pytest.approx(2.5, abs=0.1)


def test_running_statistics_equal_the_plain_layers(pair):
    plains, grouped, codes = pair
    grouped(codes)
    for k, network in enumerate(plains):
        network(codes[k])
    for name in ("running_mean", "running_var"):
        expected = torch.cat([getattr(network[NORM], name) for network in plains])
        torch.testing.assert_close(getattr(grouped, name), expected)


def test_gradients_equal_the_plain_layers(pair):
    plains, grouped, codes = pair
    target = torch.rand(3, 8, 28, 28).double()
    codes.requires_grad_()
    (as_images(grouped(codes)) - target).abs().sum().backward()
    # `unstacked` undoes the layout of weights; here it does that for gradients.
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
