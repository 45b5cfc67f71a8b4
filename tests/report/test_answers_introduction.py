"""What the introduction says of a planted study, and which images it shows."""

import base64
import json
import re
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import ROOT, make_digits
from torch import nn

from glo_core.recipe import Recipe
from glo_core.runs.trainers import train
from reports.answers import introduction
from reports.answers.text import Text
from reports.gaps import Gaps
from reports.methods import METHODS, Method
from reports.reading import read
from reports.show.mosaics import mosaic
from reports.study import Study
from reports.traps import OwnStatistics

QUICK = ROOT / "reports" / "quick.yaml"


def planted(**changes):
    """A study of 20 images with 3 models."""
    splits = SimpleNamespace(
        train=make_digits(count=20),
        judge=range(1234),
        test=range(56),
        name="mnist-5k",
    )
    study = Study(read(QUICK, {"sigmas": [0, 0.1], **changes}), splits, store=None)
    study.__dict__["gaps"] = Gaps(study.parameters, {})
    model = SimpleNamespace(network=nn.Linear(300, 5))
    study.__dict__["models"] = {study.swept(): model, "another": model, "a third": model}
    return study


def words(part, study, mnist=True):
    facts = introduction.facts(study) | {"pick_seed": 7}
    return Text("introduction", mnist).part(part, facts)


def rows(study):
    facts = introduction.facts(study) | {"pick_seed": 7}
    return dict(Text("introduction").rows("rows of tbl-run", facts))


def test_the_sizes_of_the_study():
    assert introduction.sizes(planted()) == {
        "shown_per_class": 5,
        "images": 20,
        "judge_images": 1234,
        "test_images": 56,
        "weights": 1505,
        "models": 3,
    }


def test_no_more_images_of_a_class_are_shown_than_the_smallest_class_has():
    assert introduction.shown_per_class(torch.tensor([0, 0, 0, 1, 1])) == 2
    assert introduction.shown_per_class(torch.arange(200) % 2) == introduction.SHOWN


def test_the_text_tells_where_the_images_come_from():
    said = words("images", planted(data="mnist"))
    assert "learn from 20 images of made\\-up squares [@lecun1998]. Here *what*" in said
    assert "1,234 train a classifier" in said
    assert "and 56 test it" in said


def test_the_text_of_other_data_names_the_two_classes_that_were_picked():
    study = planted(data="mnist")
    said = words("images", study, mnist=False)
    assert "of made\\-up squares. The exercise and its old report were about MNIST" in said
    source, target = study.pair
    assert f"shown alone, from {source} to {target}." in said
    assert "shown alone" not in words("images", study)


def test_other_data_that_there_are_are_mentioned_if_the_choice_was_left_open():
    said = words("images", planted(data="auto"))
    assert "of made\\-up squares [@lecun1998]. Full MNIST is not on disk" in said


def test_the_caption_says_which_method_is_shown_first():
    said = words("fig-live", planted())
    assert "(seed 7), by our GLO: from its class code" in said
    assert "the exercise (L1) with every noise level" in said


def test_the_network_is_described_by_its_numbers():
    assert "through 1,505 weights" in words("fig-network", planted())


def test_the_table_lists_what_defines_the_models():
    found = rows(planted(sigmas=[0.1, 1e-5], learning_latent_rate=0.02))
    assert next(iter(found)) == "what"
    assert found["training images"] == "20"
    assert found["noise levels σ"] == "10⁻⁵, 0.1"
    assert found["losses"] == "L1, L2, L1+L2"
    assert found["epochs, batch size"] == "15, 32"
    assert found["learning rate of each Adam"] == (
        "0.001; of the codes' 0.001 and, in @sec-frontier, 0.02"
    )
    assert found["models"] == "3"
    assert found["the model shown alone"] == "L1, σ = 0.1"


def test_several_seeds_are_explained_and_one_is_not():
    assert rows(planted())["seeds of the models"] == "0"
    assert rows(planted(seeds=[0, 1]))["seeds of the models"].startswith("0, 1; figures show")


def test_every_section_of_the_report_is_in_the_map():
    answered = {row[1] for row in Text("introduction").rows("rows of tbl-map", {})[1:]}
    titles = set()
    for path in (ROOT / "notebooks").glob("[1-9]*.ipynb"):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        titles |= set(re.findall(r"^# .* \{#(sec-[a-z-]+)\}", first, re.M))
    assert answered == {f"@{title}" for title in titles}


def test_training_images_are_shown_a_class_a_row():
    study = planted()
    images = [study.digits.images[study.pick(label, 5)] for label in range(4)]
    shown = introduction.training_images(study)
    expected = mosaic(torch.stack(images), rows=study.digits.class_names)
    assert shown.tobytes() == expected.tobytes()


def with_models(**changes):
    """A study with a model of each recipe, which knows no more than that."""
    study = planted(**changes)
    methods = study.parameters.methods()
    recipes = [*study.parameters.sweep(), *methods.values()]
    study.__dict__["models"] = {recipe: SimpleNamespace(recipe=recipe) for recipe in recipes}
    return study, methods


def test_the_live_decoder_begins_with_our_method_and_then_the_exercise_with_every_noise_level():
    study, methods = with_models(sigmas=[0.1, 0])
    found = introduction.live_methods(study)
    assert list(found)[:2] == ["our GLO", "the exercise, corrected"]
    assert found["our GLO"] == [methods["ours"]]
    assert found["the exercise, corrected"] == [study.swept(sigma=sigma) for sigma in (0, 0.1)]


def test_the_live_decoder_offers_every_method_with_class_codes_but_one(monkeypatch):
    study, methods = with_models()
    names = {method.name for method in METHODS}
    left_out = {"our GLO without swap", "GLO without class codes"}
    assert set(introduction.live_methods(study)) == names - left_out
    fading = Method("fading", "GLO with fading noise", "", "", {})
    found = methods | {"fading": study.swept(sigma=0)}
    monkeypatch.setattr(introduction, "METHODS", [*METHODS, fading])
    monkeypatch.setattr(type(study.parameters), "methods", lambda _: found)
    assert introduction.live_methods(study)["GLO with fading noise"] == [study.swept(sigma=0)]


def test_the_live_decoder_starts_with_our_model_and_an_image_of_the_source(monkeypatch):
    study, methods = with_models()
    asked: dict[str, Any] = {}

    def decoder(methods, images, digits, **start):
        asked.update(start, methods=methods, labels=digits.labels[images].tolist())
        return "<html>"

    def walks(model, image, target):
        asked.update(walked=(model.recipe, int(study.digits.labels[image]), target))
        return torch.zeros(1 + introduction.MOVED, 9, 28, 28)

    monkeypatch.setattr(introduction, "decoder", decoder)
    monkeypatch.setattr(introduction, "walks", walks)
    html, still = introduction.live_decoder(study)
    assert html == "<html>"
    assert still.height > 4 * 56
    (ours,) = asked["methods"]["our GLO"]
    assert ours.glo.recipe == methods["ours"]
    noise = {name: [each.noise for each in models] for name, models in asked["methods"].items()}
    assert noise["the exercise, corrected"] == ["σ = 0", "σ = 0.1"]
    assert noise["conditional VAE"] == ["learned"]
    assert asked["labels"] == [0, 0, 1, 1, 2, 2, 3, 3]
    source, target = study.pair
    assert (asked["start"], asked["image"], asked["target"]) == (1, 2 * source, target)
    assert asked["walked"] == (methods["ours"], source, target)


def test_a_model_that_generates_in_train_mode_uses_an_images_own_statistics(digits):
    study = planted()
    (glo,) = train([Recipe(epochs=2)], digits)
    parts = {field.name: getattr(glo, field.name) for field in fields(glo)}
    for model, own in ((glo, False), (OwnStatistics(**parts), True)):
        study.__dict__["models"] = {glo.recipe: model}
        shown = introduction.live_model(study, glo.recipe)
        assert shown == (model, "σ = 0.1", own)


def own_study(models, **parts):
    """A planted study with unseen images of other squares."""
    study = planted(data="mnist")
    study.splits = SimpleNamespace(
        **(vars(study.splits) | {"test": make_digits(50, seed=1)} | parts)
    )
    study.__dict__["models"] = study.models | models
    return study


def test_the_board_has_our_model_and_unseen_images_in_no_order(digits):
    (glo,) = train([Recipe(epochs=2)], digits)
    study = own_study({planted().parameters.methods()["ours"]: glo})
    html, still = introduction.own_board(study)
    held = json.loads(re.search(r">(\{.*\})<", html)[1])
    assert sum(size for _, size in held["models"][0]) > 60_000
    test = study.splits.test
    images = torch.tensor([*base64.b64decode(held["pixels"])]).view(-1, 28, 28) / 255
    assert len(images) == introduction.UNSEEN
    found = torch.cdist(images.flatten(1), test.images.clamp(0, 1).flatten(1)).argmin(1)
    assert len(found.unique()) == len(found)
    assert test.labels[found].tolist() == held["labels"] != sorted(held["labels"])
    assert held["noun"] == "image"
    rows = introduction.STILL
    assert still.size == (5 * 58 - 2, rows * 58 - 2 + round(1.7 * 16))  # an image and four classes


def test_what_the_board_says_and_how_thick_its_pen_is_depends_on_the_images():
    line, block = torch.zeros(2, 20, 28, 28)
    line[:, 4:24, 13:15] = 1
    block[:, 4:24, 4:24] = 1
    for images, mnist, thickness, noun in (
        (line, True, 2.0, "digit"),
        (block, False, 4.0, "image"),
    ):
        train = replace(make_digits(20, classes=5), images=images, mnist=mnist)
        study = own_study({}, train=train)
        assert introduction.pen(study) == pytest.approx(thickness, abs=0.5)
        said = words("own", study, mnist)
        assert f"draw one {noun}" in said
        assert ("in the same hand" in said) == mnist


def test_every_part_of_the_text_has_the_facts_that_it_needs():
    text, facts = Text("introduction"), introduction.facts(planted()) | {"pick_seed": 7}
    labels = text.labels(["l1"])
    assert labels == {"fig-live", "fig-own", "fig-network", "fig-images", "tbl-run", "tbl-map"}
    for label in labels:
        caption, alt = text.caption(label, facts)
        assert caption
        assert bool(alt) == label.startswith("fig-")
