"""The ensemble of `torch.func`: a fair rival learns the same as the plain loop."""

import torch

from glo_core.recipe import Recipe
from reports.ensemble import ensemble
from reports.plain_loop import plain_loop


def test_an_ensembles_losses_are_those_of_plain_loops(recipes, digits):
    """Noise levels, losses and seeds differ, and the last batch is smaller than the others."""
    members = [
        Recipe(**recipe.model_dump() | {"seed": seed, "learning_rate": 1e-2, "latent_rate": 1e-2})
        for seed, recipe in enumerate(recipes)
    ]
    expected = [list(plain_loop(member, digits)) for member in members]
    found = torch.stack(list(ensemble(members, digits)), 1)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-5)
    assert (found[:, -1] < 0.95 * found[:, 0]).all()  # not by standing still
