"""Mistakes on a small model, each alone and together: what they change, and nothing else."""

from copy import deepcopy
from itertools import permutations

import pytest
import torch
from pydantic import ValidationError

from glo_core import Recipe, train
from glo_core.group import Batch, Group, Hooks
from glo_core.measures.fitting import fit
from glo_core.runs.store import run_key
from glo_core.runs.trainers import trainer_of
from glo_core.stacked import as_pixels
from glo_core.training import train_group
from reports import traps
from reports.traps import HANDED_IN, TRAPS, OwnStatistics, StaleGradients, TrapRecipe, with_traps

CPU = torch.device("cpu")


def trained(digits, *traps, **changes):
    recipe = Recipe(**{"epochs": 3, "batch_size": 16, **changes})
    (glo,) = train([with_traps(recipe, *traps) if traps else recipe], digits)
    return trainer_of(glo.recipe).restored(glo)


@pytest.fixture
def batches(digits, monkeypatch):
    """The batches of two epochs of training with a mistake, or without."""

    def seen(*traps):
        found, step = [], Group.step

        def recorded(self, batch):
            found.append(batch)
            return step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(Group, "step", recorded)
            trained(digits, *traps, epochs=2)
        return found

    return seen


def test_one_noise_is_the_same_for_all_images_of_a_batch(batches):
    for batch in batches("one_noise"):
        assert torch.equal(batch.noise, batch.noise[:, :1].expand_as(batch.noise))
    firsts = [batch.noise[:, 0] for batch in batches("one_noise")]
    assert all(map(torch.equal, firsts, [batch.noise[:, 0] for batch in batches()]))
    assert not torch.equal(firsts[0], firsts[1])


def test_a_fixed_order_is_the_same_in_every_epoch(batches):
    def orders(*traps):
        return torch.cat([batch.indices[0] for batch in batches(*traps)]).view(2, -1)

    assert torch.equal(*orders("fixed_order"))
    assert not torch.equal(*orders())


def test_stale_gradients_pile_up_in_the_tables_alone(digits):
    assert after_two_batches(digits, Hooks()) == 0
    assert after_two_batches(digits, StaleGradients()) > 0


def after_two_batches(digits, hooks):
    """What is left of the first batch's gradients of content codes when the second is done."""
    group = Group([Recipe()], digits, CPU, hooks)
    for first in (0, 8):
        index = torch.arange(first, first + 8)[None]
        group.step(Batch(index, torch.zeros(1, 8, 25), as_pixels(digits.images[index])))
    return group.content_table.weight.grad[:8].abs().sum()


def test_gradients_that_pile_up_need_no_sparse_adam(digits):
    recipe = with_traps(Recipe(epochs=1, content_adam="sparse"), "stale_gradients")
    dense = recipe.model_copy(update={"content_adam": "dense"})
    models = train([recipe, dense], digits)
    assert [model.recipe for model in models] == [recipe, dense]
    assert torch.equal(*(model.content_table for model in models))
    # It is what a sparse Adam would do
    (sparse,) = train_group([recipe], digits, torch.device("cpu"), hooks=StaleGradients())
    difference = (sparse.content_table - models[0].content_table).abs().mean()
    assert difference < recipe.latent_rate / 20  # a step moves a number by as much as the rate


def test_train_mode_normalises_each_image_by_itself(digits):
    glo, wrong = trained(digits), trained(digits, "train_mode")
    network = deepcopy(glo.network).train()
    codes = torch.cat([glo.class_table[digits.labels[:3]], glo.content_table[:3]], 1)
    with torch.inference_mode():
        expected = torch.cat([network(code[None])[:, 0] for code in codes])
    torch.testing.assert_close(wrong.reconstruct(torch.arange(3)), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, glo.reconstruct(torch.arange(3)), atol=1e-2)


def test_codes_are_fitted_to_what_the_model_generates(digits):
    """To images of a model that generates in train mode, its own codes, and no other model's."""
    glo, right = trained(digits, "train_mode", epochs=20), trained(digits, epochs=20)
    images, labels = glo.reconstruct(torch.arange(40)), digits.labels
    own, others = (
        (glo.decode(labels, fit(model, images, labels)) - images).abs().mean()
        for model in (glo, right)
    )
    assert own < 0.8 * others


def test_the_normal_prior_is_used_unless_another_is_asked_for(digits):
    glo = trained(digits, "normal_prior")
    classes = torch.arange(4)
    assert torch.equal(glo.scratch(classes), glo.scratch(classes, "normal"))
    assert not torch.equal(glo.scratch(classes), glo.scratch(classes, "gaussian"))
    assert not torch.equal(glo.history.scratch, trained(digits).history.scratch)


def test_the_last_images_are_another_panel_with_noise(digits, batches):
    last = batches("last_images")[-1].indices
    glo, right = trained(digits, "last_images", epochs=2), trained(digits, epochs=2)
    assert glo.history.indices.tolist() == last[0, -len(glo.history.indices) :].tolist()
    assert glo.history.indices.tolist() != right.history.indices.tolist()
    noisy = trained(digits, "last_images", epochs=2, sigma=3.0)
    without_noise = (noisy.reconstruct(noisy.history.indices) * 255).round().byte()
    assert not torch.equal(noisy.history.panel[-1], without_noise)


@pytest.mark.parametrize("trap", ["normal_prior", "last_images", "train_mode"])
def test_three_mistakes_leave_the_training_as_it_is(digits, trap):
    assert torch.equal(trained(digits, trap).content_table, trained(digits).content_table)


def test_every_mistake_is_a_run_of_its_own(digits):
    recipes = [Recipe(), *(with_traps(Recipe(), trap.key) for trap in TRAPS)]
    recipes.append(with_traps(Recipe(), *HANDED_IN))
    assert len(TRAPS) == 6
    assert len({run_key(recipe, digits) for recipe in recipes}) == 8


# --- several at once -----------------------------------------------------------------------------


def test_the_exercise_as_handed_in_has_all_four_mistakes(digits, batches):
    alone, together = batches("fixed_order"), batches(*HANDED_IN)
    assert all(torch.equal(a.indices, b.indices) for a, b in zip(alone, together, strict=True))
    alone = batches("one_noise")
    assert all(torch.equal(a.noise, b.noise) for a, b in zip(alone, together, strict=True))
    assert after_two_batches(digits, traps._hooks_of(HANDED_IN)) > 0
    glo = trained(digits, *HANDED_IN)
    assert type(glo) is OwnStatistics
    images = torch.arange(5)
    alone = torch.cat([glo.reconstruct(image[None]) for image in images])
    torch.testing.assert_close(glo.reconstruct(images), alone)


def test_each_of_the_four_mistakes_tells_in_the_handed_in_model(digits):
    images = trained(digits, *HANDED_IN).reconstruct(torch.arange(40))
    for trap in HANDED_IN:
        others = trained(digits, *(each for each in HANDED_IN if each != trap))
        assert not torch.allclose(others.reconstruct(torch.arange(40)), images, atol=1e-3), trap


def test_the_order_of_mistakes_changes_nothing(digits):
    tables = [trained(digits, *some).content_table for some in permutations(HANDED_IN)]
    assert all(torch.equal(table, tables[0]) for table in tables)


def test_a_mistake_in_generating_leaves_another_ones_training_as_it_is(digits):
    alone = trained(digits, "stale_gradients")
    together = trained(digits, "train_mode", "stale_gradients")
    assert torch.equal(together.content_table, alone.content_table)
    images = torch.arange(3)
    assert not torch.equal(together.reconstruct(images), alone.reconstruct(images))


@pytest.mark.parametrize("some", [(), ("one_noises",), "one_noise"])
def test_what_is_no_list_of_mistakes_is_refused(some):
    with pytest.raises(ValidationError, match="traps"):
        TrapRecipe(traps=some)
