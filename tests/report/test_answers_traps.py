"""Which effects of a mistake count as clear, and what the text says of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT

from glo_core.measures.concordance import pair_sums
from reports.answers import traps
from reports.answers.text import Text
from reports.gaps import Gaps
from reports.reading import read
from reports.results import Results
from reports.study import Study

NONE = {"L1 error": [0.05, 0.06, 0.07], "conversion": [0.90, 0.91, 0.92]}
WORSE = {"L1 error": [0.08, 0.09, 0.10], "conversion": [0.70, 0.80, 0.905]}
BETTER = {"L1 error": [0.01, 0.02, 0.03], "conversion": [0.95, 0.96, 0.97]}
COSTS = {"none": NONE, "one noise a batch": WORSE, "no shuffling": NONE}


def answer(costs, seeds):
    facts = traps.facts(costs) | traps.handed_in()
    return Text("traps").part("costs", facts | {"seeds": seeds})


def test_an_effect_is_clear_only_if_no_value_lies_among_those_without_the_mistake():
    assert traps.clear_effects(WORSE, NONE) == ["L1 error 0.0600 → 0.0900"]
    assert traps.clear_effects(BETTER, NONE) == [
        "L1 error 0.0600 → 0.0200",
        "conversion 91.0% → 96.0%",
    ]
    assert traps.clear_effects(NONE, NONE) == []


def test_a_difference_that_is_not_seen_in_print_is_not_clear():
    assert not traps.clear("L1 error", [0.050001], [0.050002])
    assert traps.clear("L1 error", [0.0502], [0.0500])


def test_luck_is_the_proportion_of_orders_in_which_two_samples_lie_apart():
    assert [traps.luck(seeds) for seeds in (1, 2, 3)] == pytest.approx([1, 1 / 3, 1 / 10])


def test_a_row_holds_the_means_with_half_the_range_of_the_seeds():
    further = {key: {"style kept": 0.0831, "strongest probe": 0.482} for key in COSTS}
    none, *_ = traps.rows(COSTS, further)
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in none] == [
        "none",
        "0.0600 ± 0.0100",
        "91.0% ± 1.0%",
        "0.08",
        "48.2%",
    ]


def test_style_and_the_strongest_probe_are_those_of_the_first_seed():
    """Other seeds are not measured so, even if a recipe without a mistake is a method as well."""
    style = np.random.default_rng(0).normal(size=(100, 3))

    def measured(kept, found):
        return {
            "style_concordance": {"sums": pair_sums(style, kept * style[:, None]).tolist()},
            "style_ceiling": {"sums": pair_sums(style, style[:, None]).tolist()},
            "unseen_strongest": {"folds": [found] * 5},
        }

    parameters = read(ROOT / "reports" / "quick.yaml", {"seeds": [4, 2]})
    study = Study(parameters, SimpleNamespace(train=None), store=None)
    study.__dict__["gaps"] = Gaps(study.parameters, {})
    study.__dict__["results"] = Results(
        {recipe: measured(1, 0.4) for recipe in parameters.traps().values()}
        | {parameters.traps()[""].model_copy(update={"seed": 2}): measured(0, 0.1)}
    )
    found = traps.further_of(study)
    assert found.keys() == {*traps.NAMES.values()}
    assert all(
        each == {"style kept": pytest.approx(1), "strongest probe": pytest.approx(0.4)}
        for each in found.values()
    )


def test_the_recorded_numbers_are_means_and_the_values_of_each_seed():
    found = traps.facts(COSTS)
    assert found["costs"]["one noise a batch"]["L1 error"]["mean"] == pytest.approx(0.09)
    assert found["costs"]["none"]["conversion"]["each_seed"] == [0.90, 0.91, 0.92]
    assert found["clear_effects"].keys() == {"one noise a batch", "no shuffling"}


def test_the_answer_of_several_seeds_names_clear_effects_and_luck():
    text = answer(COSTS, 3)
    assert "no seed's value with the mistake lies among those without it." in text
    assert "**one noise a batch**: L1 error 0.0600 → 0.0900; **no shuffling**: none." in text
    assert "By luck alone, 10% of" in text
    assert "(gradients pile up, one noise a batch, no shuffling, generating in train mode)" in text
    assert "*the exercise as handed in*" in text
    assert "\n" not in text


def test_the_answer_of_one_seed_says_so_and_says_nothing_of_luck():
    one = {mistake: {"L1 error": values["L1 error"][:1]} for mistake, values in COSTS.items()}
    text = answer(one, 1)
    assert "the value differs in the one seed that was run. Clear effects:" in text
    assert "luck" not in text
    assert "\n" not in text


def test_every_trap_has_a_name():
    assert traps.NAMES[""] == "none"
    assert len(set(traps.NAMES.values())) == 1 + len(traps.TRAPS)
