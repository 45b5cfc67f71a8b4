"""The exercise's network in stock layers."""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from glo_core.generator import plain, seeded_plain

# All weights of the exercise's layers.
EXERCISE_WEIGHTS = 69_733


def test_the_plain_network_has_the_exercises_layers():
    network = plain(50)
    assert sum(weight.numel() for weight in network.parameters()) == EXERCISE_WEIGHTS
    assert network(torch.randn(2, 50)).shape == (2, 1, 28, 28)
    linears = ["Linear", "ReLU"] * 3
    first = ["Unflatten", "Upsample", "ConvTranspose2d", "BatchNorm2d", "ReLU"]
    second = ["Upsample", "ConvTranspose2d", "Sigmoid"]
    assert [type(layer).__name__ for layer in network] == linears + first + second
    assert {layer.mode for layer in network if isinstance(layer, nn.Upsample)} == {"nearest"}


def test_the_start_depends_on_the_seed_alone_and_leaves_the_global_stream():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = seeded_plain(10, 1)
    assert torch.equal(torch.rand(3), expected)
    again, other = seeded_plain(10, 1), seeded_plain(10, 2)
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_networks_made_in_threads_have_the_start_of_their_seed():
    expected = [seeded_plain(10, seed)[0].weight for seed in range(8)]

    def made(seed):
        plain(10)  # draws from the global stream, too
        return seeded_plain(10, seed)[0].weight

    with ThreadPoolExecutor(8) as pool:
        for seed, found in enumerate(pool.map(made, list(range(8)) * 10)):
            assert torch.equal(found, expected[seed % 8])
