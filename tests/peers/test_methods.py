"""What recipes can change beyond the exercise, each against plain layers or on planted truth."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from glo_core import training
from glo_core.classifier import train_classifier
from glo_core.generator import as_blocks
from glo_core.peers.encoders import encode
from glo_core.recipe import Recipe
from glo_core.training import READER_STEPS, Group, train
from reports.methods import METHODS, TRAPS

CPU = torch.device("cpu")


def batch_of(group, digits, size=8, noise=0.0):
    index = torch.arange(size).expand(group.models, -1)
    draws = noise * torch.randn(group.models, size, group.recipe.content_dim)
    return index, draws, as_blocks(digits.images[index])


def trained(digits, **changes):
    (glo,) = train([Recipe(**{"epochs": 3, "batch_size": 16, **changes})], digits)
    return glo


# --- the training recipe -------------------------------------------------------------------------


def test_the_swap_terms_and_decays_gradients_are_those_of_plain_layers(digits, monkeypatch):
    monkeypatch.setattr(training, "READER_STEPS", 20)
    recipes = [Recipe(seed=seed, swap=0.3, content_decay=0.02) for seed in (0, 1)]
    group = Group(recipes, digits, CPU)
    plains = [plain.train() for plain in group.network.unstacked()]
    classes, content = (each.clone().requires_grad_() for each in group.tables())
    index, noise, images = batch_of(group, digits)
    swaps = torch.tensor([1, 2, 3, 1, 2, 3, 1, 2]).expand(2, -1)
    group.step(index, noise, images, swaps)

    labels = digits.labels[:8]
    targets = (labels + swaps[0]) % 4
    for k, plain in enumerate(plains):
        codes = content[k, :8]
        both = torch.cat([classes[k][labels], classes[k][targets]])
        drawn = plain(torch.cat([both, codes.repeat(2, 1)], 1))
        loss = (drawn[:8, 0] - digits.images[:8]).abs().mean()
        loss = loss + 0.3 * F.cross_entropy(group.reader(drawn[8:]), targets)
        (loss + 0.02 * codes.square().sum(1).mean()).backward()
    found = group.content_table.weight.grad.view_as(content)
    torch.testing.assert_close(found, content.grad, rtol=2e-3, atol=1e-6)
    found = group.class_table.weight.grad.view_as(classes)
    torch.testing.assert_close(found, classes.grad, rtol=2e-3, atol=1e-6)


def test_the_swap_term_makes_conversions_that_a_reader_reads(digits):
    """Of codes that start as the images themselves, so that the class code would be ignored."""
    reader = train_classifier(digits, seed=5, steps=READER_STEPS // 4)
    images = torch.arange(40)

    def read_right(swap):
        start = {"content_start": "pca", "content_scale": 3.0, "sigma": 0.0}
        glo = trained(digits, epochs=20, batch_size=8, swap=swap, **start)
        hits = [reader(glo.convert(images, k)[:, None]).argmax(1) == k for k in range(4)]
        return torch.stack(hits).float().mean()

    assert read_right(0.0) < 0.3  # each is still its source
    assert read_right(0.1) > 0.97


def test_the_reader_of_the_swap_term_is_not_trained_further(digits, monkeypatch):
    monkeypatch.setattr(training, "READER_STEPS", 5)
    group = Group([Recipe(swap=1.0)], digits, CPU)
    before = deepcopy(group.reader.state_dict())
    group.step(*batch_of(group, digits), torch.ones(1, 8, dtype=torch.int64))
    assert all(torch.equal(before[k], v) for k, v in group.reader.state_dict().items())


def test_rates_fall_along_a_cosine(digits):
    group = Group([Recipe(schedule="cosine", epochs=2, batch_size=8)], digits, CPU)
    rates = []
    for _ in range(10):
        rates.append(group.adams[0].param_groups[0]["lr"])
        group.step(*batch_of(group, digits))
    assert rates[0] == 1e-3
    assert rates[5] == pytest.approx(0.5e-3)
    assert group.adams[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)


def test_codes_stay_in_the_ball(digits):
    free = trained(digits).content_table.norm(dim=1)
    assert free.min() > 1
    assert trained(digits, content_ball=True).content_table.norm(dim=1).max() <= 1 + 1e-5


def test_decay_shrinks_codes(digits):
    lengths = [trained(digits, content_decay=decay).content_table.norm() for decay in (0, 0.1)]
    assert lengths[1] < lengths[0]


def test_a_model_without_class_codes_draws_every_class_alike(digits):
    glo = trained(digits, class_dim=0, content_dim=20, content_start="pca")
    assert glo.class_table.shape == (4, 0)
    assert torch.equal(glo.convert(torch.arange(5), 0), glo.convert(torch.arange(5), 3))


# --- encoders ------------------------------------------------------------------------------------


def error(pictures, digits):
    return (pictures - digits.images).abs().mean()


def test_the_second_stage_reads_codes_and_leaves_the_model_alone(digits):
    changes = {"epochs": 120, "batch_size": 8, "latent_rate": 1e-2}
    glo = trained(digits, encoder="second-stage", **changes)
    without = trained(digits, **changes)
    assert torch.equal(glo.content_table, without.content_table)
    assert torch.equal(glo.network[0].weight, without.network[0].weight)
    codes = encode(glo.encoder, digits.images, digits.labels, 25)
    assert codes.shape == (40, 25)
    apart = (codes - glo.content_table).square().mean()
    assert apart < 0.9 * glo.content_table.var(0).mean()
    shuffled = (codes - glo.content_table.roll(4, 0)).square().mean()
    assert apart < 0.8 * shuffled  # it is the image's own code, not that of another of its class


def test_the_variational_models_content_codes_are_what_its_encoder_reads(digits):
    glo = trained(digits, encoder="variational", epochs=30, batch_size=8, normal_prior=True)
    codes = encode(glo.encoder, digits.images, digits.labels, 25)
    torch.testing.assert_close(codes, glo.content_table)
    first, last = glo.history.losses[[0, -1]]
    assert last < 0.5 * first
    assert error(glo.reconstruct(torch.arange(40)), digits) < 0.1
    assert glo.history.panel.shape == (30, 8, 28, 28)
    assert glo.prior == "normal"


# --- mistakes ------------------------------------------------------------------------------------


def steps_of(digits, monkeypatch, **changes):
    """The arguments of every training step."""
    seen, step = [], Group.step

    def recorded(self, *arguments):
        seen.append(arguments)
        return step(self, *arguments)

    monkeypatch.setattr(Group, "step", recorded)
    trained(digits, epochs=2, **changes)
    return seen


def test_one_noise_is_the_same_for_all_images_of_a_batch(digits, monkeypatch):
    shapes = {noise.shape[1] for _, noise, *_ in steps_of(digits, monkeypatch, one_noise=True)}
    assert shapes == {1}


def test_a_fixed_order_is_the_same_in_every_epoch(digits, monkeypatch):
    def orders(**changes):
        found = torch.cat([index[0] for index, *_ in steps_of(digits, monkeypatch, **changes)])
        return found.view(2, -1)

    fixed, shuffled = orders(fixed_order=True), orders()
    assert torch.equal(fixed[0], fixed[1])
    assert not torch.equal(shuffled[0], shuffled[1])


def test_stale_gradients_pile_up_in_the_tables_alone(digits):
    def after_two_batches(**changes):
        group = Group([Recipe(**changes)], digits, CPU)
        index, noise, images = batch_of(group, digits)
        group.step(index, noise, images)
        group.step(index + 8, noise, as_blocks(digits.images[index + 8]))
        return group.content_table.weight.grad[:8].abs().sum()

    assert after_two_batches() == 0
    assert after_two_batches(stale_gradients=True) > 0


def test_train_mode_normalises_each_picture_by_itself(digits):
    glo = trained(digits)
    wrong = replace(glo, recipe=glo.recipe.model_copy(update={"train_mode": True}))
    network = deepcopy(glo.network).train()
    codes = torch.cat([glo.class_table[digits.labels[:3]], glo.content_table[:3]], 1)
    with torch.inference_mode():
        expected = torch.cat([network(code[None])[:, 0] for code in codes])
    torch.testing.assert_close(wrong.reconstruct(torch.arange(3)), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(expected, glo.reconstruct(torch.arange(3)), atol=1e-2)


def test_the_normal_prior_is_used_unless_another_is_asked_for(digits):
    glo = trained(digits, normal_prior=True)
    classes = torch.arange(4)
    assert torch.equal(glo.scratch(classes), glo.scratch(classes, "normal"))
    assert not torch.equal(glo.scratch(classes), glo.scratch(classes, "gaussian"))
    assert not torch.equal(glo.history.scratch, trained(digits).history.scratch)


def test_the_last_images_are_another_panel_with_noise(digits, monkeypatch):
    index = steps_of(digits, monkeypatch, last_images=True)[-1][0]
    glo, quiet = trained(digits, last_images=True, epochs=2, sigma=3.0), trained(digits, epochs=2)
    assert glo.history.indices[-index.shape[1] :].tolist() == index[0].tolist()
    assert glo.history.indices.tolist() != quiet.history.indices.tolist()
    drawn = (glo.reconstruct(glo.history.indices) * 255).round().byte()
    assert not torch.equal(glo.history.panel[-1], drawn)


def test_every_mistake_is_a_field_that_is_off(digits):
    assert len(TRAPS) == 6
    for trap in TRAPS:
        assert getattr(Recipe(), trap.field) is False
        Recipe(**{trap.field: True})


def test_every_methods_changes_are_a_recipes():
    for method in METHODS:
        Recipe(**method.changes)
