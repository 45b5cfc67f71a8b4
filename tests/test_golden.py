"""No numbers of trained models move without a version: against the stored ones of `golden`."""

import golden
import pytest
import torch

from glo_core import classifier, group, latents, recorder
from glo_core.peers import cvae, lord
from glo_core.runs import trainers
from reports import traps


def test_the_stored_numbers_are_of_todays_versions():
    assert golden.stored()["versions"] == golden.current_versions(), (
        "a version was raised: store the new numbers with `python tests/golden.py`"
    )


def test_numbers_move_only_with_a_version():
    cases = golden.moved(golden.stored()["cases"], golden.measured())
    places = ", or ".join(golden.PLACES[part] for part in golden.suspects(cases)) if cases else ""
    assert not cases, (
        f"the numbers of {', '.join(cases)} have moved: if that is meant, raise VERSION in "
        f"{places}, then store the new numbers with `python tests/golden.py`"
    )


def twice(function):
    return lambda *arguments, **named: 2 * function(*arguments, **named)


# For each part, a change of its code that moves numbers.
CHANGES = {
    "core": (
        group,
        "noisy",
        lambda content, sigma, noise: latents.noisy(content, -sigma, noise),
    ),
    "recorder": (recorder, "PANEL_SEED", 1),
    "classifier": (classifier, "TURN", 0.5),
    "lord": (lord, "Adam", lambda weights, lr, fused: torch.optim.Adam(weights, lr=2 * lr)),
    "cvae": (cvae, "kl_divergence", twice(cvae.kl_divergence)),
    "traps": (traps.OneNoise, "draws", group.Hooks.draws),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", CHANGES)
def test_a_planted_change_is_found_and_its_part_named(part, monkeypatch):
    monkeypatch.setattr(*CHANGES[part])
    cases = golden.moved(golden.stored()["cases"], golden.measured())
    assert golden.suspects(cases) == [part]


@pytest.mark.slow
def test_a_change_of_the_whitening_is_found(monkeypatch):
    monkeypatch.setattr(group, "whitened", lambda codes, labels: codes)
    cases = golden.moved(golden.stored()["cases"], golden.measured())
    assert cases == ["whitened"]
    assert golden.suspects(cases) == ["core"]


def test_every_part_has_a_place():
    assert golden.PLACES.keys() == golden.current_versions().keys() == CHANGES.keys()
    for part, place in golden.PLACES.items():
        text = (golden.FILE.parents[1] / place).read_text(encoding="utf-8")
        assert f"\nVERSION = {golden.current_versions()[part]}\n" in text


def test_every_kind_of_recipe_is_guarded():
    guarded = {type(recipe) for recipe in golden.RECIPES.values()}
    assert guarded == {*trainers._TRAINERS}
