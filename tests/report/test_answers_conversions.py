"""What the conversions' text says on planted numbers, and what its pictures show."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, make_digits

from glo_core.measures.concordance import pair_sums
from glo_core.measures.intervals import Proportion
from reports.answers import conversions
from reports.answers.text import Text
from reports.gaps import Gaps
from reports.reading import read
from reports.results import Results
from reports.show.mosaics import mosaic
from reports.study import Study

SIGMAS = [0, 1e-5, 0.1, 1000]
COMMON = {"loss": "l1+l2", "sigma": 0.1, "sigmas": SIGMAS, "pick_seed": 7}
FEW, HALF, MOST = Proportion(0.1, 0.05, 0.15), Proportion(0.5, 0.45, 0.55), Proportion(0.9, 0.8, 1)
ANSWER = conversions.Answer(
    conversion=MOST,
    source_residue=FEW,
    unseen_leakage=HALF,
    training_leakage=FEW,
    chance=0.25,
    style=0.3,
)


def words(part, **facts):
    return Text("conversions").part(part, COMMON | facts)


def answered(answer=ANSWER, **facts):
    """The words of the answer where the second of four noise levels is the best."""
    others = {"variety": [0.5, 0.041, 0.2, 0.0], "best": 1, "all_but_one_image": False, "probes": 5}
    return words("answer", answer=answer, **(others | facts))


# --- rules and words -----------------------------------------------------------------------------


def test_the_text_names_the_lowest_the_best_and_the_highest_noise_level():
    of_sigma = [HALF, FEW, MOST, FEW]
    best = conversions.largest(of_sigma)
    assert best == 2
    said = words("accuracy", judge_accuracy=0.987, conversion=of_sigma, best=best)
    assert "classifies 98.7% of unseen real images correctly" in said
    assert "With L1+L2, 50.0% (45.0–55.0%) of the conversions succeed at σ = 0" in said
    assert "90.0% (80.0–100.0%) at σ = 0.1, the best, and 10.0% (5.0–15.0%) at σ = 1000" in said


def test_the_first_of_equal_proportions_is_the_largest():
    assert conversions.largest([FEW, MOST, MOST._replace(low=0.85)]) == 1


def test_the_hardest_pair_is_no_reconstruction():
    matrix = np.array([[0.0, 0.9, 0.8], [0.7, 0.1, 0.3], [0.4, 0.5, 0.2]])
    assert conversions.hardest(matrix) == (1, 2)
    assert conversions.hardest(np.array([[0.0, 1.0], [1.0, 0.0]])) == (0, 1)


def test_the_text_names_the_hardest_pair_and_where_most_sources_are_still_seen():
    facts = {"hardest_pair": ["7", "9"], "accuracy": 0.233, "chosen": 0, "most": 1}
    said = words("pairs", residue=[FEW, HALF], **facts)
    assert "is 7 to 9, of which 23.3% succeed" in said
    assert "10.0% (5.0–15.0%) are still classified as their source at σ = 0.1" in said
    assert "at most 50.0% (45.0–55.0%), at σ = 10⁻⁵" in said


def test_the_answer_states_its_numbers():
    said = answered(replace(ANSWER, style=0.083))
    assert "With L1+L2 and σ = 0.1" in said
    assert (
        "90.0% of the conversions are classified as their target and 10.0% as their source" in said
    )
    assert (
        "the strongest of 5 probes predicts the class correctly in 50.0% of cases, where chance is "
        "25.0%; from the training images' own codes, the MLP probe does so in 10.0%" in said
    )
    assert "a conversion keeps 0.08, where 1 is all of it" in said


def test_the_class_code_decides_only_if_targets_surely_outnumber_sources():
    assert "the class code decides the class:" in answered()
    overlapping = replace(ANSWER, conversion=HALF, source_residue=Proportion(0.4, 0.3, 0.5))
    assert "the class code does not clearly decide the class:" in answered(overlapping)


def test_the_content_code_holds_the_class_only_if_the_probe_is_surely_above_chance():
    assert "The content code holds some of the class too: from" in answered()
    at_chance = replace(ANSWER, unseen_leakage=Proportion(0.3, 0.2, 0.4), training_leakage=HALF)
    assert "The content code was not found to hold it: from" in answered(at_chance)


def test_the_best_noise_level_is_warned_of_where_all_images_of_a_class_are_alike():
    variety = [0.5, 0.041, 0.2, 0.0]
    assert conversions.all_but_one_image(variety, best=1, chosen=2)
    assert not conversions.all_but_one_image(variety, best=2, chosen=1)  # varied enough
    assert not conversions.all_but_one_image(variety, best=1, chosen=1)
    assert "all but one image" not in answered()
    said = answered(all_but_one_image=True)
    assert "most often at σ = 10⁻⁵, but there the reconstructions of a class have 4.1%" in said
    assert "\n" not in said


# --- a study's answer and pictures ---------------------------------------------------------------


@pytest.fixture
def study():
    """A study of four classes without models, whose measures are planted."""
    parameters = read(ROOT / "reports" / "quick.yaml", {"losses": ["l1"], "chosen_sigma": 1})
    digits = make_digits(count=20)
    study = Study(parameters, SimpleNamespace(train=digits), store=None)
    study.__dict__["gaps"] = Gaps(study.parameters, {})
    style = np.random.default_rng(0).normal(size=(500, 3))
    half = style * (np.arange(500) % 2)[:, None]  # half of the images keep all of it
    measured = {
        "conversion": {"rates": [0.9] * 20, "cases": 3},
        "source_residue": {"rates": [0.1] * 20, "cases": 3},
        "unseen_strongest": {"folds": [0.5] * 5},
        "leakage_mlp": {"folds": [0.3] * 10},
        "style_concordance": {"sums": pair_sums(style, half[:, None]).tolist()},
        "style_ceiling": {"sums": pair_sums(style, style[:, None]).tolist()},
    }
    study.__dict__["results"] = Results({study.swept(): measured})
    return study


def test_a_studys_answer_is_of_the_chosen_model(study):
    found = conversions.answer(study)
    assert found.conversion.value == pytest.approx(0.9)
    assert found.source_residue.value == pytest.approx(0.1)
    assert found.unseen_leakage == pytest.approx((0.5, 0.5, 0.5))
    assert found.training_leakage.value == pytest.approx(0.3)
    assert found.chance == 0.25
    assert found.style == pytest.approx(2 / 3, abs=0.05)  # 2 s² / (s² + 2 s²) with s² halved


def test_captions_name_the_pair_of_the_conversion_that_is_shown_alone(study):
    common = conversions.common(study)
    source, target = common["source"], common["target"]
    assert (source, target) == tuple(map(str, study.pair))
    caption, alt = Text("conversions").caption(
        "fig-one-conversion", common | {"shown": 4, "pick_seed": 7}
    )
    assert f"4 images of class {source}, picked at random (seed 7)" in caption
    assert f"conversions to class {target}. L1, σ = 0." in caption
    assert f"conversions to class {target}" in alt


@pytest.fixture
def glo():
    """A model whose conversions are grey, one level for each class."""
    return SimpleNamespace(convert=lambda images, to: grey(to).expand(len(images), -1, -1))


def grey(label):
    return torch.full((28, 28), (label + 1) / 5)


def same(picture, other):
    return picture.size == other.size and picture.tobytes() == other.tobytes()


def test_one_conversion_shows_originals_above_conversions(study, glo):
    source, target = study.pair
    original = study.digits.images[study.pick(source, 4)]
    expected = mosaic(
        torch.stack([original, grey(target).expand_as(original)]),
        ["original", f"as {target}"],
        scale=3,
    )
    assert same(conversions.one_conversion(study, glo), expected)


def test_all_conversions_show_every_class_beside_its_original(study, glo):
    originals = [study.digits.images[study.pick(label, 1)][0] for label in range(4)]
    rows = [torch.stack([original, *map(grey, range(4))]) for original in originals]
    names = study.digits.class_names
    expected = mosaic(torch.stack(rows), names, ["real", *names])
    assert same(conversions.all_conversions(study, glo), expected)


def test_a_card_for_each_pair_says_how_many_conversions_succeed(study, glo):
    matrix = np.arange(16).reshape(4, 4) / 20
    found = conversions.cards(study, glo, matrix)
    assert len(found.frames) == 16
    assert found.names[6] == "1 to 2: 30.0% classified as 2"
    original = study.digits.images[study.pick(1, 3)]
    pair = torch.stack([original, grey(2).expand_as(original)])
    assert same(found.frames[6], mosaic(pair, ["real", "converted"]))


def test_noise_levels_have_names_in_animations():
    assert conversions.frame_names([0, 1e-5]) == ["σ = 0", "σ = 10⁻⁵"]
