import torch

from glo_core.streams import Streams


def draws(streams: Streams):
    return streams.seeds(), streams.normal(3, 2), streams.permutations(7)


def test_a_model_draws_the_same_whatever_its_neighbours():
    alone, beside = draws(Streams([7])), draws(Streams([3, 7, 5]))
    assert alone[0][0] == beside[0][1]
    assert torch.equal(alone[1][0], beside[1][1])
    assert torch.equal(alone[2][0], beside[2][1])


def test_equal_seeds_share_and_different_seeds_do_not():
    seeds, normal, permutations = draws(Streams([1, 2, 1]))
    assert seeds[0] == seeds[2] != seeds[1]
    assert torch.equal(normal[0], normal[2])
    assert not torch.equal(normal[0], normal[1])
    assert not torch.equal(permutations[0], permutations[1])
    assert all(row.sort().values.tolist() == list(range(7)) for row in permutations)
