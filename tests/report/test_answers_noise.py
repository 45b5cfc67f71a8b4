"""The noise section's rules and words, on planted numbers that make each branch appear."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glo_core.measures.intervals import Proportion
from glo_core.recipe import Recipe
from reports.answers import frontier, noise
from reports.answers.text import Text
from reports.methods import FRONTIER_BOUNDS

SIGMAS = [0, 1e-100, 0.1, 1]
COMMON = {"loss": "l1", "sigmas": SIGMAS, "pick_seed": 7}
NOTHING, MUCH = Proportion(0.1, 0.06, 0.14), Proportion(0.3, 0.25, 0.35)


def words(part, **facts):
    return Text("noise").part(part, COMMON | facts).replace("\N{NO-BREAK SPACE}", " ")


# --- the training loss ---------------------------------------------------------------------------

# Two seeds and two epochs; the loss falls at all noise levels but the last.
CURVES = np.array(
    [[[0.3, 0.1], [0.3, 0.12]], [[0.3, 0.1]] * 2, [[0.4, 0.2]] * 2, [[0.5, 0.6], [0.5, 0.8]]]
)
TABLES = [torch.full((3, 2), value) for value in (1.0, 1.0, 2.0, 3.0)]


def test_losses():
    losses = noise.losses(SIGMAS, CURVES, TABLES)
    assert (losses.curves, losses.falling_curves) == (4, 3)
    assert losses.last_loss == pytest.approx([0.11, 0.1, 0.2, 0.7])
    assert losses.widest_seed_difference == pytest.approx(0.2)
    assert losses.identical_to_lowest == ["0", "10⁻¹⁰⁰"]


def test_only_noise_levels_that_32_bits_cannot_hold_vanish():
    assert noise.vanishing([0, 1e-100, 1e-50, 1e-30, 0.1]) == [1e-100, 1e-50]


def test_words_on_losses():
    losses = noise.losses(SIGMAS, CURVES, TABLES)
    said = words("losses", losses=losses, vanishing=noise.vanishing(SIGMAS))
    assert "3 of 4 curves end below" in said
    assert "0.110 at σ = 0 and 0.700 at σ = 1; between seeds it differs by at most 0.2000." in said
    assert "σ = 10⁻¹⁰⁰ *is* 0." in said
    assert "The models of σ = 0, 10⁻¹⁰⁰ are equal to the last bit" in said


def test_words_on_losses_without_noise_levels_that_are_none():
    losses = noise.losses([0, 0.1, 1, 2], CURVES, [TABLES[0], *TABLES[2:], TABLES[2]])
    said = words("losses", losses=losses, vanishing=[])
    assert said.endswith("at most 0.2000.")


# --- leakage -------------------------------------------------------------------------------------


def leakage(mlp=(0.1, 0.1, 0.1, 0.1), linear=(NOTHING,) * 4, moved=(0.02, 0.05, 0.04, 0.01)):
    """The facts for an MLP probe of these accuracies, each within an interval of ±0.04."""
    found = {"linear": linear, "mlp": [Proportion(v, v - 0.04, v + 0.04) for v in mlp]}
    return noise.leakage(SIGMAS, found, moved, [0, 0, 0.2, 2], chance=0.1)


CONTROLS = {"pixel_ceiling": Proportion(0.8, 0.7, 0.9), "shuffled_null": NOTHING, "chance": 0.1}


def words_on(found):
    return words("leakage", leakage=found, controls=CONTROLS)


def test_no_leakage():
    found = leakage()
    assert found.leaking_sigmas == []
    assert found.intervals == 8
    assert found.intervals_above_chance_by_luck == pytest.approx(0.2)
    assert found.mlp_leakage_rank_correlation == {"sigma": 0, "content_moved": 0}
    said = words_on(found)
    assert "is 80.0% (70.0–90.0%) on the pixels and 10.0% (6.0–14.0%) with shuffled labels" in said
    assert (
        "On the training images' content codes (L1), at no noise level does the whole interval of "
        "a probe lie above chance. By luck alone, 0.2 of the 8 intervals would lie above it."
        in said
    )


@pytest.mark.parametrize("probe", ["mlp", "linear"])
def test_one_probe_whose_whole_interval_is_above_chance_is_leakage(probe):
    linear = (NOTHING, NOTHING, NOTHING, MUCH)
    found = leakage(mlp=(0.1, 0.1, 0.1, 0.3)) if probe == "mlp" else leakage(linear=linear)
    assert found.leaking_sigmas == ["1"]


def test_an_interval_that_holds_chance_is_no_leakage():
    assert leakage(mlp=(0.13, 0.13, 0.13, 0.13)).leaking_sigmas == []


def test_words_on_leakage():
    found = leakage(mlp=(0.15, 0.3, 0.4, 0.1))
    assert found.peak == 2
    said = words_on(found)
    assert (
        "the whole interval of a probe lies above chance at σ = 0, 10⁻¹⁰⁰, 0.1; the MLP probe is "
        "most accurate at σ = 0.1, with 40.0% (36.0–44.0%). By luck alone, 0.2" in said
    )
    assert "rank correlation of −0.20 with σ: it does not simply fall as noise rises." in said


def test_the_probes_accuracy_falls_where_it_does_so_in_rank():
    assert leakage(mlp=(0.5, 0.4, 0.3, 0.1)).falls
    assert not leakage(mlp=(0.5, 0.1, 0.4, 0.3)).falls
    assert "with σ: it falls as noise rises." in words_on(leakage(mlp=(0.5, 0.4, 0.3, 0.1)))


def test_how_far_codes_moved():
    found = leakage(mlp=(0.2, 0.4, 0.3, 0.1))
    assert found.farthest == 1
    assert found.mlp_leakage_rank_correlation["content_moved"] == pytest.approx(1)
    said = words_on(found)
    assert "(@fig-moved), it has a rank correlation of 1.00." in said
    assert "2% of their length at σ = 0 and by 1% at σ = 1; they moved farthest, by 5%, at" in said


def words_on_unseen(found, training=(NOTHING,) * 4):
    unseen = noise.unseen(SIGMAS, found, training)
    return words("unseen-leakage", unseen=unseen, controls=CONTROLS)


def test_training_codes_mask_what_unseen_codes_tell():
    assert noise.unseen(SIGMAS, [MUCH] * 4, [NOTHING] * 4).everywhere
    said = words_on_unseen([MUCH, MUCH, MUCH, MUCH._replace(value=0.26)])
    assert "the class from 30.0% (25.0–35.0%) at σ = 0 and from 26.0% (25.0–35.0%) at σ = 1" in said
    assert "where chance is 10.0% (@fig-unseen-leakage). At every noise level the whole" in said
    assert "training images' codes: what those seem to lack" in said
    assert "\n" not in said


def test_training_codes_mask_only_at_some_noise_levels():
    found = noise.unseen(SIGMAS, [MUCH] * 4, [NOTHING, NOTHING, MUCH, MUCH])
    assert found.masked_sigmas == ["0", "10⁻¹⁰⁰"]
    assert not found.everywhere
    said = words_on_unseen([MUCH] * 4, [NOTHING, NOTHING, MUCH, MUCH])
    assert "At σ = 0, 10⁻¹⁰⁰ the whole interval lies above that of the" in said
    assert "what those seem to lack" in said


@pytest.mark.parametrize("training", [MUCH, Proportion(0.28, 0.22, 0.34)])
def test_unseen_codes_that_surely_tell_no_more_than_training_codes_show_no_mask(training):
    said = words_on_unseen([MUCH] * 4, [training] * 4)
    assert said.endswith(
        "At no noise level does the whole interval lie above that of the training images' codes."
    )


# --- the frontier --------------------------------------------------------------------------------


def model(error=0.05, conversion=0.9, leaked=0.3):
    return {
        "reconstruction_l1": error,
        "conversion": [conversion, conversion - 0.01, conversion + 0.01],
        "noise_to_code": 0.1234,
        **{f"leakage_{probe}": [leaked, leaked - 0.02, leaked + 0.04] for probe in ("knn", "mlp")},
        "leakage_linear": [0.1, 0.1, 0.1],
        "unseen_strongest": [0.45, 0.4, 0.5],
    }


GOOD = {"error": 0.03, "conversion": 0.995, "leaked": 0.1}


def words_on_bounds(*models):
    return words("bounds", within=frontier.within_bounds(models, FRONTIER_BOUNDS))


def test_a_model_within_all_bounds():
    models = [model(), model(**GOOD), model(**GOOD | {"conversion": 0.9})]
    within = frontier.within_bounds(models, FRONTIER_BOUNDS)
    assert (within.models, within.all_three) == (3, 1)
    assert (within.error_and_leakage, within.conversion) == (2, 1)
    said = words_on_bounds(*models)
    assert (
        "Of the 3 models of @fig-frontier, the star aside, 1 lie within all three bounds." in said
    )
    assert "often enough" not in said


@pytest.mark.parametrize("worse", [{"error": 0.036}, {"conversion": 0.98}, {"leaked": 0.21}])
def test_a_model_beyond_one_bound_is_not_within_all(worse):
    assert frontier.within_bounds([model(**GOOD | worse)], FRONTIER_BOUNDS).all_three == 0


def test_conversion_that_costs_reconstruction():
    models = model(0.03, 0.9, 0.1), model(0.02, 0.8, 0.1), model(0.05, 0.995), model(0.06, 1.0)
    within = frontier.within_bounds(models, FRONTIER_BOUNDS)
    assert within.best_conversion == 0.9
    assert within.least_error == 0.05
    assert within.conversion_costs
    said = words_on_bounds(*models)
    assert (
        "0 lie within all three bounds. 2 lie within those of error and leakage, and of the "
        "conversions of the best of them, 90.0% succeed. 2 convert often enough, with an error of "
        "at least 0.0500. Here reliable conversions cost reconstruction. No loss" in said
    )


def test_conversion_that_costs_leakage_alone():
    models = model(0.03, 0.9, 0.1), model(0.03, 0.995, 0.5)
    assert not frontier.within_bounds(models, FRONTIER_BOUNDS).conversion_costs
    assert "with an error of at least 0.0300. No loss" in words_on_bounds(*models)


def test_no_model_within_any_bound():
    said = words_on_bounds(model())
    assert (
        "0 lie within those of error and leakage. 0 convert often enough. No loss tried so far"
        in said
    )


def words_on_rates(high, high_linear=(0.1, 0.12, 0.11)):
    rates = frontier.LatentRates([0.1, 0.12, 0.11], high, list(high_linear))
    return words(
        "answer",
        losses=SimpleNamespace(last_loss=[0.1, 0.2]),
        unseen=noise.unseen(SIGMAS, [MUCH] * 4, [NOTHING] * 4),
        rates=rates,
        low=0.001,
        high=0.01,
        frontier_sigmas=[0, 0.1, 1],
    )


def test_noise_that_leaks_more_of_the_class():
    said = words_on_rates([0.2, 0.4, 0.3])
    assert "the final loss goes from 0.100 to 0.200." in said
    assert "From codes of unseen images, the class is predicted in 30.0% of cases at σ = 0." in said
    assert "With latents that learn at 0.001, the accuracy of the MLP probe on training" in said
    assert "lies between 10.0% and 12.0% over" in said
    assert (
        "With 0.01 it is 20.0% at σ = 0, highest at σ = 0.1, 40.0%, and 30.0% at σ = 1. On" in said
    )
    assert "of the linear probe is 12.0% at most." in said
    assert said.endswith(
        "So noise of σ = 0.1 does not drive the class out of codes that learn: they hold *more* of "
        "it than at σ = 0."
    )


def test_noise_that_drives_the_class_out():
    said = words_on_rates([0.4, 0.3, 0.2])
    assert "With 0.01 it is 40.0% at σ = 0 and 20.0% at σ = 1." in said
    assert said.endswith("12.0% at most.")


def test_most_leaks_at_the_highest_noise_level():
    said = words_on_rates([0.2, 0.3, 0.4])
    assert "20.0% at σ = 0 and 40.0% at σ = 1." in said
    assert "So noise of σ = 1 does not" in said


def test_a_small_difference_of_leakage_says_nothing():
    assert frontier.LatentRates([], [0.2, 0.24], []).noise_leaks_more is False
    assert frontier.LatentRates([], [0.2, 0.26], []).noise_leaks_more is True


RECIPE = Recipe(loss="l2", sigma=0.1, latent_rate=0.01)


def test_a_row_of_the_frontiers_table():
    row = [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in frontier.table_row(RECIPE, model())]
    assert len(row) == len(frontier.HEADER)
    assert row[:5] == ["0.1", "0.01", "0.12", "0.0500", "90.0%"]
    assert row[5:] == ["10.0%", "30.0% ± 3.0%", "30.0% ± 3.0%", "45.0% ± 5.0%"]


def test_recorded_are_the_measures_that_all_models_have_with_what_tells_the_models_apart():
    other = Recipe(loss="l1", sigma=0.0)
    measured = {RECIPE: {"sharpness": 1.0, "style": {"slant": 0.2}}, other: {"sharpness": 2.0}}
    assert frontier.recorded(measured) == [
        {"loss": "l2", "sigma": 0.1, "latent_rate": 0.01, "sharpness": 1.0},
        {"loss": "l1", "sigma": 0.0, "latent_rate": 0.001, "sharpness": 2.0},
    ]


@pytest.mark.parametrize(("ours", "name"), [(True, "our recipe"), (False, "latents' rate 0.01")])
def test_the_name_of_a_model_of_the_frontier(ours, name):
    said = words("frontier-model", recipe=RECIPE, ours=ours, measures=model())
    assert said == (
        f"L2, σ = 0.1, {name}: L1 error 0.0500, conversion 90.0%, MLP probe 30.0%, unseen codes "
        "45.0%"
    )


# --- captions ------------------------------------------------------------------------------------


def test_every_caption_of_a_figure_comes_with_an_alternative_text():
    facts = {
        **{"folds": 5, "probes": 5, "unseen_images": 1000, "count": 4},
        **{"low": 0.001, "high": 0.01, "bounds": FRONTIER_BOUNDS},
    }
    labels = Text("noise").labels(["l1"])
    assert {"fig-leakage", "fig-frontier", "tbl-frontier"} <= labels
    for label in labels:
        caption, alt = Text("noise").caption(label, COMMON | facts)
        assert caption.endswith("."), label
        assert bool(alt) == label.startswith("fig-"), label


def test_the_bounds_in_the_caption_are_those_of_the_frontier():
    facts = {"low": 0.001, "high": 0.01, "bounds": FRONTIER_BOUNDS}
    caption, _ = Text("noise").caption("fig-frontier", COMMON | facts)
    assert "hollow: latents learn at 0.001, filled: at 0.01." in caption
    assert (
        "an error of at most 0.035, at least 99% of conversions, leakage of at most 20%" in caption
    )
