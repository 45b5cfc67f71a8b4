"""The numbers of one model, on planted models: perfect, useless, and half way."""

from dataclasses import replace

import pytest
import torch

from glo_core.measures import evaluation as measures
from glo_core.recipe import Recipe
from glo_core.training import train


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


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


class ConverterOf(MemoriserOf):
    """A stand-in whose conversions and digits from scratch are given pictures."""

    def __init__(self, glo, digits, pictures):
        super().__init__(glo, digits)
        self.pictures = pictures

    def convert(self, images, to):
        self.to = to
        return self.pictures[images]

    def decode(self, classes, content):
        return self.pictures[: len(classes)]


def test_a_conversion_in_its_sources_style_keeps_it_and_one_in_a_strangers_does_not(
    small, judge, monkeypatch
):
    glo, digits = small

    def kept(pictures):
        planted = ConverterOf(glo, digits, pictures)
        with monkeypatch.context() as patch:  # every conversion is read as its target
            patch.setattr(measures.reading, "read", lambda *_: planted.to)
            return measures.style_kept(planted, digits, judge).values()

    assert min(found.value for found in kept(digits.images)) > 0.95
    assert max(abs(found.value) for found in kept(digits.images.roll(37, 0))) < 0.5


def test_a_conversion_that_is_still_its_source_does_not_count_as_one_that_keeps_its_style(
    small, judge
):
    glo, digits = small
    seen = measures.reading.read(judge, digits.images) == digits.labels
    read_right = torch.where(seen[:, None, None], digits.images, 0)  # and an empty picture else
    planted = ConverterOf(glo, digits, read_right)
    found = measures.style_kept(planted, digits, judge)
    assert {tuple(kept) for kept in found.values()} == {(0, 0, 0, 0)}


def test_a_planted_memoriser_is_found_and_fresh_digits_are_not(small, splits, judge):
    glo, digits = small
    held_out = splits.test.subset(range(100))

    def quality(pictures):
        planted = ConverterOf(glo, digits, pictures)
        return measures.sample_quality(planted, digits, judge, held_out, "gaussian")

    copies, fresh = quality(digits.images), quality(splits.judge.images[:100])
    assert copies["memorised"] == 1
    assert fresh["memorised"] < 0.2
    half = quality(torch.cat([digits.images[:50], splits.judge.images[:50]]))
    assert 0.5 <= half["memorised"] < 0.6
    noise = quality(torch.rand(100, 28, 28))
    assert noise["frechet"] > 5 * fresh["frechet"]
    assert noise["coverage"] < 0.1 < 0.7 < fresh["coverage"]


def test_an_examination_has_every_measure_of_held_out_images(small, splits, judge):
    glo, digits = small
    held_out = splits.test.subset(range(30))
    found = measures.examine(glo, digits, judge, held_out)
    assert found["samples"].keys() == {"normal", "diagonal", "gaussian", "mixture"}
    assert 0 < found["held_out_l1"] < 1
    assert found["classified"].low <= found["classified"].value <= found["classified"].high
    assert "encoded_l1" not in found
    assert found["style"].keys() == {"slant", "thickness", "width", "height", "area"}


def test_an_encoders_held_out_error_is_measured(splits, judge):
    digits = splits.train.subset(range(100))
    (glo,) = train([Recipe(encoder="variational", epochs=20, batch_size=10)], digits)
    found = measures.examine(glo, digits, judge, splits.test.subset(range(30)))
    blank = splits.test.images[:30].mean().item()  # of an empty drawing
    assert 0 < found["encoded_l1"] < blank


def test_the_spread_of_the_codes_is_measured(small, judge):
    glo, digits = small
    wide = replace(glo, content_table=4 * normal(100, 25) + 7)
    found = measures.evaluate(wide, digits, judge)
    assert found["content_spread"] == pytest.approx(4, rel=0.05)
