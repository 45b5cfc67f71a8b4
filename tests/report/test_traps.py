"""Each mistake on a small model: what it changes, and that nothing else does."""

from copy import deepcopy

import pytest
import torch

from glo_core import Recipe, train
from glo_core.runs.store import run_key
from glo_core.runs.trainers import trainer_of
from glo_core.stacked import as_blocks
from glo_core.training import Batch, Group, Hooks
from reports.traps import TRAPS, StaleGradients, with_trap

CPU = torch.device("cpu")


def trained(digits, trap=None, **changes):
    recipe = Recipe(**{"epochs": 3, "batch_size": 16, **changes})
    (glo,) = train([with_trap(recipe, trap) if trap else recipe], digits)
    return trainer_of(glo.recipe).restored(glo)


@pytest.fixture
def batches(digits, monkeypatch):
    """The batches of two epochs of training with a mistake, or without."""

    def seen(trap=None):
        found, step = [], Group.step

        def recorded(self, batch):
            found.append(batch)
            return step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(Group, "step", recorded)
            trained(digits, trap, epochs=2)
        return found

    return seen


def test_one_noise_is_the_same_for_all_images_of_a_batch(batches):
    for batch in batches("one_noise"):
        assert torch.equal(batch.noise, batch.noise[:, :1].expand_as(batch.noise))
    firsts = [batch.noise[:, 0] for batch in batches("one_noise")]
    assert all(map(torch.equal, firsts, [batch.noise[:, 0] for batch in batches()]))
    assert not torch.equal(firsts[0], firsts[1])


def test_a_fixed_order_is_the_same_in_every_epoch(batches):
    def orders(trap):
        return torch.cat([batch.indices[0] for batch in batches(trap)]).view(2, -1)

    assert torch.equal(*orders("fixed_order"))
    assert not torch.equal(*orders(None))


def test_stale_gradients_pile_up_in_the_tables_alone(digits):
    def after_two_batches(hooks):
        group = Group([Recipe()], digits, CPU, hooks)
        for first in (0, 8):
            index = torch.arange(first, first + 8)[None]
            group.step(Batch(index, torch.zeros(1, 8, 25), as_blocks(digits.images[index])))
        return group.content_table.weight.grad[:8].abs().sum()

    assert after_two_batches(Hooks()) == 0
    assert after_two_batches(StaleGradients()) > 0


def test_train_mode_normalises_each_image_by_itself(digits):
    glo, wrong = trained(digits), trained(digits, "train_mode")
    network = deepcopy(glo.network).train()
    codes = torch.cat([glo.class_table[digits.labels[:3]], glo.content_table[:3]], 1)
    with torch.inference_mode():
        expected = torch.cat([network(code[None])[:, 0] for code in codes])
    torch.testing.assert_close(wrong.reconstruct(torch.arange(3)), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, glo.reconstruct(torch.arange(3)), atol=1e-2)


def test_the_normal_prior_is_used_unless_another_is_asked_for(digits):
    glo = trained(digits, "normal_prior")
    classes = torch.arange(4)
    assert torch.equal(glo.scratch(classes), glo.scratch(classes, "normal"))
    assert not torch.equal(glo.scratch(classes), glo.scratch(classes, "gaussian"))
    assert not torch.equal(glo.history.scratch, trained(digits).history.scratch)


def test_the_last_images_are_another_panel_with_noise(digits, batches):
    last = batches("last_images")[-1].indices
    glo, right = (trained(digits, trap, epochs=2) for trap in ("last_images", None))
    assert glo.history.indices.tolist() == last[0, -len(glo.history.indices) :].tolist()
    assert glo.history.indices.tolist() != right.history.indices.tolist()
    noisy = trained(digits, "last_images", epochs=2, sigma=3.0)
    without_noise = (noisy.reconstruct(noisy.history.indices) * 255).round().byte()
    assert not torch.equal(noisy.history.panel[-1], without_noise)


@pytest.mark.parametrize("trap", ["normal_prior", "last_images", "train_mode"])
def test_three_mistakes_leave_the_training_as_it_is(digits, trap):
    assert torch.equal(trained(digits, trap).content_table, trained(digits).content_table)


def test_every_mistake_is_a_run_of_its_own(digits):
    recipes = [Recipe(), *(with_trap(Recipe(), trap.key) for trap in TRAPS)]
    assert len(TRAPS) == 6
    assert len({run_key(recipe, digits) for recipe in recipes}) == 7
