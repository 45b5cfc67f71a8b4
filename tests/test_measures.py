"""Every measure on planted truth: a case that must score perfect, one at chance, one in between."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from glo_core import data, measures
from glo_core.measures import probes, share
from glo_core.recipe import Recipe
from glo_core.training import train

COUNT, CLASSES = 600, 10
LABELS = torch.arange(COUNT) % CLASSES


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- shares --------------------------------------------------------------------------------------


def test_a_share_has_its_wilson_interval():
    found = share(np.arange(100) < 50)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.4038, abs=1e-3)  # the textbook's values
    assert found.high == pytest.approx(0.5962, abs=1e-3)
    assert share(np.ones(10, bool)).high == pytest.approx(1, abs=1e-12)
    assert share(np.zeros(10, bool)).low == pytest.approx(0, abs=1e-12)


def test_cases_that_share_a_code_do_not_count_as_independent():
    alike = np.repeat(np.arange(100)[:, None] < 50, 9, axis=1)  # a row is all hits or none
    assert share(alike).low == pytest.approx(share(alike[:, 0]).low, abs=2e-3)
    mixed = np.random.default_rng(0).random((100, 9)) < 0.5  # rows know nothing of each other
    assert share(mixed).high - share(mixed).low < 0.8 * (share(alike).high - share(alike).low)
    assert share(np.ones((100, 9), bool)).low == share(np.ones(100, bool)).low


def test_a_share_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        share(np.zeros(0, bool))


# --- leakage -------------------------------------------------------------------------------------


def linear_leak():
    codes = normal(COUNT, 25)
    codes[torch.arange(COUNT), LABELS] += 8
    return codes


def hidden_leak():
    """The class in the *signs'* products: a plane cannot find it, a network can."""
    labels = torch.arange(COUNT) % 2
    codes = normal(COUNT, 5)
    codes[:, 0] = codes[:, 0].sign() * (1 + codes[:, 0].abs())
    codes[:, 1] = torch.where(labels == 0, codes[:, 0], -codes[:, 0])
    return codes, labels


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_planted_leak_is_read_in_full_none_at_chance_and_half_in_between(name):
    probe, chance = probes()[name], measures.majority(LABELS)
    full = measures.leakage(linear_leak(), LABELS, probe)
    assert full.low > 0.97
    none = [measures.leakage(normal(COUNT, 25, seed=k), LABELS, probe).value for k in range(3)]
    assert sum(none) / 3 == pytest.approx(chance, abs=0.03)
    half_codes = torch.where((torch.arange(COUNT) // CLASSES % 2 == 0)[:, None], linear_leak(), 0)
    half = measures.leakage(half_codes + 0.1 * normal(COUNT, 25, seed=1), LABELS, probe)
    assert 0.45 < half.value < 0.65


def test_only_the_mlp_probe_sees_what_no_plane_separates():
    codes, labels = hidden_leak()
    assert measures.leakage(codes, labels, probes()["mlp"]).low > 0.9
    linear = measures.leakage(codes, labels, probes()["linear"])
    assert linear.value < 0.6


def test_the_majority_line_is_the_largest_class():
    assert measures.majority(torch.tensor([0, 0, 0, 1])) == 0.75


# --- the judge and conversions -------------------------------------------------------------------


@pytest.fixture(scope="module")
def splits():
    return data.load("mnist-5k", 500)


@pytest.fixture(scope="module")
def judge(splits):
    return measures.train_judge(splits.judge)


def test_the_judge_reads_real_digits_it_has_never_seen(judge, splits):
    read = measures.read_by(judge, splits.test.images)
    assert (read == splits.test.labels).float().mean() > 0.94


class PlantedConversions:
    """A stand-in for a model, whose conversions are real digits of a class that we choose."""

    def __init__(self, digits, wanted):
        self.digits, self.wanted = digits, wanted

    def convert(self, images, to):
        """For each image, a real digit of the class that `wanted` makes of image and target."""
        classes = [self.wanted(int(image), to) for image in images]
        first = {c: int(torch.nonzero(self.digits.labels == c)[0]) for c in range(10)}
        return self.digits.images[[first[c] for c in classes]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda image, to: to, 1.0),
        (lambda image, to: (to + 1) % 10, 0.0),
        (lambda image, to: to if image % 2 else (to + 1) % 10, 0.5),
    ],
)
def test_planted_conversions_are_counted(wanted, expected, judge, splits):
    images = torch.arange(20)
    planted = PlantedConversions(splits.judge, wanted)
    hits = measures.conversion_hits(planted, judge, images, 10)
    found = measures.conversion_share(hits, splits.train.labels[images].numpy())
    assert found.value == pytest.approx(expected, abs=0.02)


def test_conversions_to_an_images_own_class_do_not_count():
    hits = np.array([[True, False], [False, True]])  # reconstructions only
    assert measures.conversion_share(hits, np.array([0, 1])).value == 0


# --- pictures ------------------------------------------------------------------------------------


def test_a_checkerboard_is_sharp_a_flat_picture_is_not_and_a_blend_is_half():
    board = (torch.arange(28)[:, None] + torch.arange(28)) % 2
    board = board.float().expand(3, 28, 28)
    assert measures.sharpness(board) == 1
    assert measures.sharpness(torch.full((3, 28, 28), 0.5)) == 0
    assert measures.sharpness(0.5 * board + 0.25) == pytest.approx(0.5)


def test_pictures_of_one_class_that_are_all_alike_have_no_variety():
    labels = torch.tensor([0, 0, 1, 1])
    alike = torch.stack([torch.zeros(28, 28)] * 2 + [torch.ones(28, 28)] * 2)
    assert measures.variety(alike, labels) == 0
    different = torch.stack([torch.zeros(28, 28), torch.ones(28, 28)] * 2)
    assert measures.variety(different, labels) == 0.25


# --- all of it -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(splits):
    digits = splits.train.subset(range(100))
    return train([Recipe(sigma=0.1, epochs=2)], digits)[0], digits


def test_a_model_that_redraws_perfectly_has_fidelity_one(small, judge):
    glo, digits = small
    memoriser = MemoriserOf(glo, digits)
    measured = measures.evaluate(memoriser, digits, judge)
    assert measured["reconstruction_l1"] == 0
    assert measured["fidelity"] == 1
    assert measured["sharpness"] == measured["variety"] == 1


class MemoriserOf:
    """A stand-in that redraws every training image perfectly, and else does as the real model."""

    def __init__(self, glo, digits):
        self.glo, self.digits = glo, digits

    def __getattr__(self, name):
        return getattr(self.glo, name)

    def reconstruct(self, images):
        return self.digits.images[images]


def test_a_model_that_draws_one_picture_a_class_has_no_fidelity_and_no_variety(small, judge):
    glo, digits = small
    for of in (measures.median, torch.mean):
        drawn = measures.typical(digits.images, digits.labels, of)
        planted = MemoriserOf(glo, replace(digits, images=drawn))
        measured = measures.evaluate(planted, digits, judge)
        assert -0.2 < measured["fidelity"] <= 0
        assert measured["variety"] == pytest.approx(0, abs=1e-9)


def test_a_model_half_way_to_the_images_has_half_the_fidelity(small, judge):
    glo, digits = small
    mean = measures.typical(digits.images, digits.labels, torch.mean)
    half = MemoriserOf(glo, replace(digits, images=(mean + digits.images) / 2))
    none = MemoriserOf(glo, replace(digits, images=mean))
    half_way, start = (measures.evaluate(model, digits, judge) for model in (half, none))
    assert half_way["reconstruction_l1"] == pytest.approx(start["reconstruction_l1"] / 2, rel=1e-4)
    assert 0.5 < half_way["fidelity"] < 0.75  # half the L1 error, a quarter of the L2 error


def test_separation_is_zero_for_codes_that_tell_the_class(small, judge):
    glo, digits = small
    telling = torch.zeros(100, 25)
    telling[torch.arange(100), digits.labels] = 1
    measured = measures.evaluate(replace(glo, content_table=telling), digits, judge)
    assert measured["separation"] < 0.05
    silent = measures.evaluate(replace(glo, content_table=normal(100, 25)), digits, judge)
    assert silent["separation"] > 0.9


def test_the_score_is_low_as_soon_as_one_part_is():
    def scored(conversion, fidelity, separation):
        return measures.score(
            {"conversion": [conversion, 0, 1], "fidelity": fidelity, "separation": separation}
        )

    assert scored(1, 1, 1) == 1
    assert scored(0.5, 0.5, 0.5) == pytest.approx(0.5)
    assert scored(1, 0, 1) == scored(1, -0.2, 1) == 0
    assert scored(1, 0.1, 1) < 0.3
