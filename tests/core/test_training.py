from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from conftest import make_digits
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from glo_core import Recipe, grid, train
from glo_core import group as group_module
from glo_core.classifier import train_classifier
from glo_core.group import SWAP_STEPS, Batch, Group, step_seconds
from glo_core.recorder import PANEL_PER_CLASS, Epoch, panel
from glo_core.stacked import as_pixels
from glo_core.streams import Streams
from glo_core.training import WIDTH, Watch, side_by_side
from reports.plain_loop import plain_loop

CPU = torch.device("cpu")


def test_recipes_of_one_shape_go_side_by_side_in_even_groups():
    recipes = grid(["l1"], range(18), [0]) + grid(["l1"], [0], [0], epochs=3)
    groups = side_by_side(recipes)
    assert sorted(map(len, groups)) == [1, 9, 9]
    assert 9 <= WIDTH < 18
    assert [recipe for group in groups for recipe in group] == recipes


def test_groups_are_a_multiple_of_those_trained_at_once():
    widths = [len(group) for group in side_by_side(grid(["l1"], range(50), [0]), 2)]
    assert widths == [13, 13, 13, 11]
    assert [len(group) for group in side_by_side(grid(["l1"], range(3), [0]), 2)] == [2, 1]


def test_a_rare_shape_stays_whole():
    recipes = grid(["l1"], range(5), [0]) + grid(["l1"], range(3), [0], epochs=3)
    assert [len(group) for group in side_by_side(recipes, 2)] == [3, 2, 3]


def test_models_side_by_side_equal_models_trained_alone(recipes, digits, models):
    for recipe, beside in zip(recipes, models, strict=True):
        (alone,) = train([recipe], digits)
        assert alone.recipe == beside.recipe == recipe
        torch.testing.assert_close(
            alone.history.losses, beside.history.losses, rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(alone.class_table, beside.class_table, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(alone.content_table, beside.content_table, rtol=1e-3, atol=1e-3)


def test_the_engine_follows_the_exercises_plain_loop(recipes, digits, models):
    for recipe, model in zip(recipes, models, strict=True):
        expected = torch.tensor(list(plain_loop(recipe, digits)))
        torch.testing.assert_close(model.history.losses, expected, rtol=1e-4, atol=1e-5)


def test_the_same_recipe_gives_the_same_bits_twice(recipes, digits, models):
    for first, again in zip(models, train(recipes, digits), strict=True):
        assert torch.equal(first.content_table, again.content_table)
        assert torch.equal(first.history.panel, again.history.panel)


def test_training_learns(digits):
    (model,) = train([Recipe(sigma=0, epochs=30, batch_size=8)], digits)
    losses = model.history.losses
    assert losses[-1] < 0.6 * losses[0]


def test_history_has_a_picture_of_every_panel_digit_for_every_epoch(recipes, digits, models):
    history = models[0].history
    epochs, classes = recipes[0].epochs, len(digits.class_names)
    assert history.losses.shape == (epochs,)
    assert history.panel.shape == (epochs, PANEL_PER_CLASS * classes, 28, 28)
    assert history.scratch.shape == (epochs, classes, 28, 28)
    assert history.panel.dtype == history.scratch.dtype == torch.uint8
    last = (models[0].reconstruct(history.indices) * 255).round()
    assert (history.panel[-1] - last).abs().max() <= 1


def test_moved_is_the_content_codes_distance_from_their_start(recipes, digits, models):
    streams = Streams([recipes[0].seed])
    streams.seeds()
    streams.normal(len(digits.class_names), recipes[0].class_dim)
    start = streams.normal(len(digits), recipes[0].content_dim)[0]
    distance = (models[0].content_table - start).norm(dim=1).mean() / start.norm(dim=1).mean()
    assert models[0].history.moved == pytest.approx(float(distance), rel=1e-5)


def test_the_panel_is_a_seeded_pick_of_each_class():
    labels = torch.tensor([0, 1] * 50)
    picked = panel(labels)
    assert labels[picked].tolist() == [0] * PANEL_PER_CLASS + [1] * PANEL_PER_CLASS
    assert torch.equal(picked, panel(labels))
    assert picked.tolist() != [0, 2, 1, 3]  # not simply the first of each class


def test_every_epoch_is_told_as_it_is_recorded(recipes, digits, models):
    seen: list[Epoch] = []
    train(recipes, digits, Watch(epoch=seen.append))
    assert [epoch.number for epoch in seen] == [1, 2, 3]
    for k, history in enumerate(model.history for model in models):
        assert torch.equal(torch.stack([epoch.losses[k] for epoch in seen]), history.losses)
        assert torch.equal(torch.stack([epoch.panel[k] for epoch in seen]), history.panel)
        assert torch.equal(torch.stack([epoch.scratch[k] for epoch in seen]), history.scratch)
        assert torch.equal(seen[-1].indices[k], history.indices)


def test_a_plain_step_takes_some_time_and_nobodys_threads(digits):
    torch.set_num_threads(2)
    assert 0 < step_seconds([Recipe(), Recipe(seed=1)], digits) < 1
    assert torch.get_num_threads() == 2


def test_no_digits_is_an_error(recipes, digits):
    with pytest.raises(ValueError, match="at least one"):
        train(recipes, digits.subset([]))


def test_sparse_adam_learns_as_dense_adam_does(digits):
    dense, sparse = train(
        [
            Recipe(epochs=30, batch_size=8, content_adam=content_adam)
            for content_adam in ("dense", "sparse")
        ],
        digits,
    )
    assert not torch.equal(dense.content_table, sparse.content_table)
    ratio = sparse.history.losses[-1] / dense.history.losses[-1]
    assert ratio == pytest.approx(1, abs=0.2)


class Written(TorchDispatchMode):
    """Counts the numbers that operations write: their results, and what they change in place."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        before = [each for each in tree_leaves(args) if torch.is_tensor(each)]
        found = func(*args, **(kwargs or {}))
        new = not any(
            each.alias_info for each in func._schema.returns
        )  # neither a view nor in place
        written = [each for each in tree_leaves(found if new else []) if torch.is_tensor(each)]
        arguments = zip(func._schema.arguments, args, strict=False)
        changed = [each for told, each in arguments if told.alias_info and told.alias_info.is_write]
        # Of a table that is changed by something sparse, or by indices, only these rows are written
        by_row = [each for each in before if each.is_sparse]
        if func is torch.ops.aten.embedding_renorm_.default:
            by_row = [args[0][args[1].flatten()]]
        written += tree_leaves(changed and (by_row or changed))
        self.count += sum((each._values() if each.is_sparse else each).numel() for each in written)
        return found


@pytest.mark.parametrize("changes", [{}, {"content_ball": True}, {"schedule": "cosine"}])
def test_a_step_with_sparse_adam_writes_as_much_however_many_images_there_are(changes):
    def written(content_adam, images):
        recipe = Recipe(content_adam=content_adam, **changes)
        group = Group([recipe], make_digits(images), CPU)
        batches = group.batches(group.draws())
        group.step(next(batches))  # makes the optimizers' states
        with Written() as mode:
            group.step(next(batches))
        return mode.count

    few, many = (written("sparse", images) for images in (100, 1000))
    assert few == many > 0
    few, many = (written("dense", images) for images in (100, 1000))
    assert many - few >= 900 * 25


@pytest.mark.slow
def test_loss_curves_of_engine_and_plain_loop_agree_within_the_spread_over_seeds(digits):
    """Other seeds for each, so that only the distributions can agree."""
    recipes = grid(["l1"], [0.1], range(8), epochs=10, batch_size=8)
    engine = torch.stack([model.history.losses for model in train(recipes[:4], digits)])
    plain = torch.tensor([list(plain_loop(recipe, digits)) for recipe in recipes[4:]])
    spread = torch.cat([engine, plain]).std(0)
    assert ((engine.mean(0) - plain.mean(0)).abs() < 2 * spread).all()
    assert (spread < 0.2 * plain.mean(0)).all()  # a spread that hides nothing


def batch_of(group, digits, size=8, noise=0.0):
    index = torch.arange(size).expand(group.models, -1)
    draws = noise * torch.randn(group.models, size, group.recipe.content_dim)
    return Batch(index, draws, as_pixels(digits.images[index]))


def trained(digits, **changes):
    (glo,) = train([Recipe(**{"epochs": 3, "batch_size": 16, **changes})], digits)
    return glo


# --- the training recipe -------------------------------------------------------------------------


def test_the_swap_terms_and_decays_gradients_are_those_of_plain_layers(digits, monkeypatch):
    monkeypatch.setattr(group_module, "SWAP_STEPS", 20)
    recipes = [Recipe(seed=seed, swap=0.3, content_decay=0.02) for seed in (0, 1)]
    group = Group(recipes, digits, CPU)
    plains = [plain.train() for plain in group.network.unstacked()]
    classes, content = (each.clone().requires_grad_() for each in group.tables())
    shifts = torch.tensor([1, 2, 3, 1, 2, 3, 1, 2]).expand(2, -1)
    group.step(batch_of(group, digits)._replace(shifts=shifts))

    labels = digits.labels[:8]
    targets = (labels + shifts[0]) % 4
    for k, plain in enumerate(plains):
        codes = content[k, :8]
        both = torch.cat([classes[k][labels], classes[k][targets]])
        generated = plain(torch.cat([both, codes.repeat(2, 1)], 1))
        loss = (generated[:8, 0] - digits.images[:8]).abs().mean()
        loss = loss + 0.3 * F.cross_entropy(group.classifier(generated[8:]), targets)
        (loss + 0.02 * codes.square().sum(1).mean()).backward()
    found = group.content_table.weight.grad.view_as(content)
    torch.testing.assert_close(found, content.grad, rtol=2e-3, atol=1e-6)
    found = group.class_table.weight.grad.view_as(classes)
    torch.testing.assert_close(found, classes.grad, rtol=2e-3, atol=1e-6)


@pytest.mark.slow
def test_the_swap_term_makes_conversions_that_a_classifier_recognises(digits, monkeypatch):
    """Of codes that start as the images themselves, so that the class code would be ignored."""
    monkeypatch.setattr(group_module, "SWAP_STEPS", SWAP_STEPS // 4)
    classifier = train_classifier(digits, seed=5, steps=SWAP_STEPS // 4)
    images = torch.arange(40)

    def accuracy(swap):
        start = {"content_start": "pca", "content_scale": 3.0, "sigma": 0.0}
        glo = trained(digits, epochs=20, batch_size=8, swap=swap, **start)
        hits = [classifier(glo.convert(images, k)[:, None]).argmax(1) == k for k in range(4)]
        return torch.stack(hits).float().mean()

    assert accuracy(0.0) < 0.3  # each is still its source
    assert accuracy(0.1) > 0.97


def test_the_classifier_of_the_swap_term_is_not_trained_further(digits, monkeypatch):
    monkeypatch.setattr(group_module, "SWAP_STEPS", 5)
    group = Group([Recipe(swap=1.0)], digits, CPU)
    before = deepcopy(group.classifier.state_dict())
    group.step(batch_of(group, digits)._replace(shifts=torch.ones(1, 8, dtype=torch.int64)))
    assert all(torch.equal(before[k], v) for k, v in group.classifier.state_dict().items())


def test_rates_fall_along_a_cosine(digits):
    group = Group([Recipe(schedule="cosine", epochs=2, batch_size=8)], digits, CPU)
    rates = []
    for _ in range(10):
        rates.append(group.adams[0].param_groups[0]["lr"])
        group.step(batch_of(group, digits))
    assert rates[0] == 1e-3
    assert rates[5] == pytest.approx(0.5e-3)
    assert group.adams[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)


def test_codes_stay_in_the_ball(digits):
    free = trained(digits).content_table.norm(dim=1)
    assert free.min() > 1
    assert trained(digits, content_ball=True).content_table.norm(dim=1).max() <= 1 + 1e-5


def test_codes_of_a_class_stay_whitened(digits):
    recipe = Recipe(epochs=2, content_dim=2, content_start="whitened", content_whitening=True)
    (glo,) = train([recipe], digits)
    for label in digits.labels.unique():
        codes = glo.content_table[digits.labels == label]
        torch.testing.assert_close(codes.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
        torch.testing.assert_close(torch.cov(codes.T), torch.eye(2), atol=1e-2, rtol=0)


def test_decay_shrinks_codes(digits):
    lengths = [trained(digits, content_decay=decay).content_table.norm() for decay in (0, 0.1)]
    assert lengths[1] < lengths[0]


def test_a_model_without_class_codes_generates_every_class_alike(digits):
    glo = trained(digits, class_dim=0, content_dim=20, content_start="pca")
    assert glo.class_table.shape == (4, 0)
    assert torch.equal(glo.convert(torch.arange(5), 0), glo.convert(torch.arange(5), 3))
