"""Models that diverge end by themselves, and leave those beside them as they are."""

import pytest
import torch
from core.kinds import KINDS, TOO_MUCH

from glo_core import Recipe, group, train
from glo_core.divergence import Divergence
from glo_core.model import Glo
from glo_core.recipe import same_hand
from glo_core.recorder import Epoch
from glo_core.runs.packing import weights_of
from glo_core.training import Watch

STEPS = 3  # of an epoch: 40 images in batches of 16


def numbers(glo: Glo):
    return weights_of(glo) | {"losses": glo.history.losses, "panel": glo.history.panel}


@pytest.mark.parametrize("name", KINDS)
def test_neighbours_are_to_the_bit_as_they_are_beside_one_that_does_not_diverge(
    name, digits, monkeypatch
):
    monkeypatch.setattr(group, "SWAP_STEPS", 20)
    of, too_much = KINDS[name], 1e300 if name == "cvae" else TOO_MUCH
    first, diverged, last = train([of(0.1), of(too_much), of(0.5)], digits)
    beside = train([of(0.1), of(0.2), of(0.5)], digits)
    assert diverged.history.diverged in (1, 2)
    for found, expected in ((first, beside[0]), (last, beside[2])):
        assert found.history.diverged is None
        assert found.history.losses.isfinite().all()
        for number, value in numbers(expected).items():
            assert torch.equal(numbers(found)[number], value), number


def test_neighbours_are_to_the_bit_as_they_are_without_it(digits):
    of = KINDS["l1"]
    alone = train([of(0.0), of(0.1), of(1000.0)], digits)
    for found, expected in zip(
        train([of(0.0), of(0.1), of(1000.0), of(TOO_MUCH)], digits), alone, strict=False
    ):
        for number, value in numbers(expected).items():
            assert torch.equal(numbers(found)[number], value), number


def test_a_model_that_has_diverged_is_finite_and_generates_one_grey(digits):
    _, glo = train([Recipe(sigma=sigma, epochs=2) for sigma in (0.1, TOO_MUCH)], digits)
    assert not any(value.any() for value in weights_of(glo).values())
    assert glo.reconstruct(torch.arange(4)).unique().tolist() == [0.5]
    assert glo.history.losses.isnan().all()
    assert glo.history.panel.unique().tolist() == [128]
    assert glo.history.moved == 0


@pytest.mark.parametrize("sigma", [1e25, 1e38, 1e300])
def test_noise_that_32_bits_cannot_square_diverges_and_1000_does_not(sigma, digits):
    models = train([Recipe(sigma=each, epochs=1) for each in (1000.0, sigma)], digits)
    assert [glo.history.diverged for glo in models] == [None, 1]


def test_codes_that_start_too_far_out_diverge(digits):
    (glo,) = train([Recipe(epochs=1, content_scale=1e30)], digits)
    assert glo.history.diverged == 1
    (glo,) = train([same_hand(epochs=1, content_dim=4, content_scale=1e30, swap=0.0)], digits)
    assert glo.history.diverged


@pytest.mark.parametrize("loss", ["l1", "l2", "l1+l2"])
def test_the_highest_learning_rates_end_no_training(loss, digits):
    recipe = Recipe(loss=loss, epochs=3, batch_size=16, learning_rate=1.0, latent_rate=1.0)
    (glo,) = train([recipe], digits)
    assert all(value.isfinite().all() for value in weights_of(glo).values())


def test_training_ends_once_all_models_have_diverged(digits):
    steps, epochs = [0], list[Epoch]()
    watch = Watch(lambda: steps.append(1), epochs.append)
    recipes = [Recipe(sigma=sigma, epochs=5, batch_size=16) for sigma in (TOO_MUCH, 1e37)]
    models = train(recipes, digits, watch)
    assert (sum(steps), len(epochs)) == (STEPS, 5)
    assert all(len(glo.history.losses) == len(glo.history.panel) == 5 for glo in models)


def test_an_encoder_that_diverges_is_counted_on_from_the_first_stage(digits, monkeypatch):
    recipe = KINDS["lord"](0.1)
    (glo,) = train([recipe.model_copy(update={"learning_rate": 1e-3})], digits)
    assert glo.history.diverged is None
    monkeypatch.setattr(
        "glo_core.peers.lord.Encoders.step", lambda self, _: torch.tensor([torch.inf])
    )
    (glo,) = train([recipe], digits)
    assert glo.history.diverged == 2 * STEPS + 1
    assert glo.history.losses.isfinite().all()


# --- at which step -------------------------------------------------------------------------------


def found(signs, numbers, codes=None):
    divergence = Divergence(2)
    for losses in signs:
        divergence.after_step(torch.tensor(losses), torch.ones(2, 3))
    divergence.after_epoch(numbers, codes)
    return divergence


def test_the_step_is_the_first_without_a_finite_loss():
    learned = torch.ones(2, 4)
    divergence = found([[1.0, 1.0], [1.0, torch.inf], [1.0, 1.0]], [learned])
    assert divergence.steps == [None, 2]
    assert learned.tolist() == [[1] * 4, [0] * 4]
    divergence.after_step(torch.tensor([torch.nan, torch.nan]), torch.ones(2, 3))
    divergence.after_epoch([learned])
    assert divergence.steps == [4, 2]
    assert divergence.gone


def test_what_shows_in_the_numbers_alone_came_with_the_last_step():
    learned = torch.tensor([[1.0, torch.nan], [1.0, 1.0]])
    assert found([[1.0, 1.0]] * 3, [learned]).steps == [3, None]
    codes = torch.tensor([[1.0], [1e20]])
    assert found([[1.0, 1.0]] * 3, [torch.ones(2, 1)], codes).steps == [None, 3]


def test_a_variance_that_is_not_finite_is_noticed():
    divergence = Divergence(2)
    divergence.after_step(torch.ones(2), torch.tensor([[1.0, torch.inf], [1.0, 1.0]]))
    divergence.after_epoch([torch.ones(2, 1)])
    assert divergence.steps == [1, None]
    assert divergence.without_gone(torch.ones(2)).isnan().tolist() == [True, False]
