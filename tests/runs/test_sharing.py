"""Models that are handed on: come back whole, or are refused with a reason."""

import math
import os
import pickle
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from conftest import make_digits

from glo_core import ModelFileError, Recipe, open_model, save_model, train
from glo_core.generator import seeded_plain
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.runs import sharing
from glo_core.runs.trainers import trainer_of
from reports.traps import OwnStatistics, with_traps

NAMES = ("zéro", "one two", "零", "")
FORMS = pytest.mark.parametrize("name", ["a model.safetensors", "a folder"])
RECIPES = {
    "plain": Recipe(epochs=2),
    "pyramid without class codes": Recipe(epochs=1, loss="laplacian", class_dim=0, content_dim=3),
    "lord": LordRecipe(epochs=1, encoder_epochs=1),
    "cvae": CvaeRecipe(epochs=1, beta=0.5),
    "trap": with_traps(Recipe(epochs=1), "train_mode", "normal_prior"),
}


@pytest.fixture(scope="module")
def trained(digits):
    models = dict(zip(RECIPES, train([*RECIPES.values()], digits), strict=True))
    return {kind: trainer_of(glo.recipe).restored(glo) for kind, glo in models.items()}


@pytest.fixture
def glo(trained):
    return trained["plain"]


@pytest.fixture(params=["model.safetensors", "model"])
def saved(request, glo, tmp_path):
    path = tmp_path / request.param
    save_model(glo, NAMES, path)
    return path


def content(path):
    """The bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name: file.read_bytes() for file in files}


# --- what comes back -----------------------------------------------------------------------------


@FORMS
@pytest.mark.parametrize("kind", RECIPES)
def test_a_model_comes_back_as_it_was(kind, name, trained, digits, tmp_path):
    glo, images = trained[kind], torch.arange(len(digits))
    path = tmp_path / "not yet there" / name
    save_model(glo, NAMES, path)
    again, names = open_model(str(path))
    assert names == NAMES
    assert (again.recipe, type(again.recipe), again.prior) == (
        glo.recipe,
        type(glo.recipe),
        glo.prior,
    )
    assert torch.equal(again.reconstruct(images), glo.reconstruct(images))
    assert torch.equal(again.convert(images, to=1), glo.convert(images, to=1))
    assert torch.equal(again.scratch(digits.labels), glo.scratch(digits.labels))
    assert torch.equal(again.history.losses, glo.history.losses)
    assert torch.equal(again.history.panel, glo.history.panel)
    assert not again.network.training
    assert (again.encoder is None) == (glo.encoder is None)
    if glo.encoder is not None:
        codes = [each.encode(digits.images, digits.labels) for each in (again, glo)]
        assert torch.equal(*codes)


def test_a_model_that_generates_in_train_mode_still_does(trained, tmp_path):
    save_model(trained["trap"], NAMES, tmp_path / "trap")
    assert type(open_model(tmp_path / "trap").glo) is type(trained["trap"]) is OwnStatistics


def test_a_model_of_three_classes_keeps_three_names(tmp_path):
    digits = make_digits(30, 3)
    (glo,) = train([Recipe(epochs=1)], digits)
    save_model(glo, digits.class_names, tmp_path / "three.safetensors")
    again, names = open_model(tmp_path / "three.safetensors")
    assert names == digits.class_names == ("0", "1", "2")
    assert len(again.scratch(torch.arange(3))) == 3


def test_a_model_whose_codes_went_astray_is_kept_as_it_is(glo, tmp_path):
    history = replace(glo.history, moved=math.nan, losses=torch.full((2,), torch.inf))
    save_model(replace(glo, history=history), NAMES, tmp_path / "model")
    again = open_model(tmp_path / "model").glo.history
    assert math.isnan(again.moved)
    assert again.losses.isinf().all()


@FORMS
def test_the_same_model_gives_the_same_bytes_and_leaves_nothing_else(name, glo, tmp_path):
    first, second, third = (tmp_path / folder / name for folder in "abc")
    save_model(glo, NAMES, first)
    save_model(glo, NAMES, second)
    save_model(*open_model(first), third)
    assert content(first) == content(second) == content(third)
    assert os.listdir(tmp_path / "a") == [name]


def test_an_opened_model_does_not_depend_on_its_file_any_more(saved, glo):
    opened, _ = open_model(saved)
    for file in files(saved):
        os.truncate(file, 100)
    assert torch.equal(opened.reconstruct(torch.arange(4)), glo.reconstruct(torch.arange(4)))


def test_opening_leaves_pytorchs_random_numbers_alone(saved):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    open_model(saved)
    assert torch.equal(torch.rand(3), expected)


# --- where it goes -------------------------------------------------------------------------------


def test_a_model_that_is_there_is_replaced(saved, trained):
    save_model(trained["lord"], NAMES, saved)
    assert open_model(saved).glo.recipe == trained["lord"].recipe
    assert os.listdir(saved.parent) == [saved.name]


def test_a_folder_with_anything_else_is_left_as_it_is(glo, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"holds 'thesis\.txt'.*another name"):
        save_model(glo, NAMES, folder)
    assert content(folder) == {"thesis.txt": b"years of work"}
    assert os.listdir(tmp_path) == ["folder"]


def test_a_write_that_fails_leaves_what_was_there(saved, glo):
    before = content(saved)
    with pytest.raises(ValueError, match="surrogate"):  # no UTF-8 for it
        save_model(glo, ("\ud800", *NAMES[1:]), saved)
    assert content(saved) == before
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize("name", ["model.pt", "model.json", "model.Safetensors"])
def test_another_suffix_is_refused(name, glo, tmp_path):
    with pytest.raises(ValueError, match=rf"{name}.*allowed are the suffix '\.safetensors'"):
        save_model(glo, NAMES, tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("names", [NAMES[:3], (*NAMES, "five"), ()])
def test_every_class_needs_a_name(names, glo, tmp_path):
    with pytest.raises(ValueError, match=f"class_names has {len(names)} names, allowed are 4"):
        save_model(glo, names, tmp_path / "model")


# --- what is refused -----------------------------------------------------------------------------


def refused(path, *words):
    with pytest.raises(ModelFileError) as caught:
        open_model(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def files(saved):
    return [saved] if saved.is_file() else sorted(saved.iterdir())


def test_a_flipped_bit_is_noticed_wherever_it_is(saved):
    for file in files(saved):
        whole = file.read_bytes()
        header = min(len(whole), 4000)
        for place in [*range(0, header, 41), *range(header, len(whole), len(whole) // 20)]:
            damaged = bytearray(whole)
            damaged[place] ^= 1
            file.write_bytes(damaged)
            refused(saved)
        file.write_bytes(whole)
    assert open_model(saved).class_names == NAMES


@pytest.mark.parametrize("kept", [0, 5, 500, -1])
def test_a_file_that_was_cut_is_refused(kept, saved):
    for file in files(saved):
        whole = file.read_bytes()
        file.write_bytes(whole[:kept])
        refused(saved)
        file.write_bytes(whole)


def test_what_is_not_there_is_not_found(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_model(tmp_path / "nowhere.safetensors")
    if saved.is_dir():
        for file in files(saved):
            whole = file.read_bytes()
            file.unlink()
            with pytest.raises(FileNotFoundError, match=file.name):
                open_model(saved)
            file.write_bytes(whole)


def test_the_weights_of_a_folder_alone_are_refused(glo, tmp_path):
    save_model(glo, NAMES, tmp_path / "folder")
    refused(tmp_path / "folder" / sharing.WEIGHTS, "whole folder")


def test_a_pickle_is_never_run(tmp_path):
    class Planted:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was run"),)

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Planted()))
    refused(path)
    assert not (tmp_path / "was run").exists()


@FORMS
def test_a_newer_format_is_named_beside_the_known_one(name, glo, tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(sharing, "FORMAT", 7)
        later.setattr(sharing, "__version__", "9.9.9")
        save_model(glo, NAMES, tmp_path / name)
    refused(tmp_path / name, "format = 7", "9.9.9", "up to 1")


class LaterRecipe(Recipe):
    """What `Recipe` may be in another version."""

    brightness: float = 1.0


class LaterLosses(Recipe):
    loss: str = "l7"  # type: ignore[assignment]


class OtherRecipe(Recipe):
    method: ClassVar[str] = "other"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": LaterRecipe()}, ["brightness", "written by glo_core"]),
        ({"recipe": OtherRecipe()}, ["method = 'other'", "cvae, glo, lord"]),
        ({"recipe": LaterLosses(loss="l7")}, ["loss", "l7"]),
        ({"recipe": Recipe(content_dim=24)}, ["content_table", "(40, 25)", "(40, 24)"]),
        ({"class_table": torch.zeros(4, 25).double()}, ["class_table", "float64"]),
        ({"labels": torch.full((40,), 4)}, ["labels", "4 classes"]),
        ({"labels": torch.zeros(39).long()}, ["content_table", "(39, 25)"]),
        ({"network": seeded_plain(49, 0)}, ["weights", "(84, 50)"]),
        ({"recipe": LordRecipe()}, ["weights", "layers.0.weight"]),  # it has no encoder
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(changes, words, glo, tmp_path):
    path = tmp_path / "model"
    save_model(replace(glo, **changes), NAMES, path)
    refused(path, *words)


def test_a_model_that_has_diverged_is_not_handed_on(digits, tmp_path):
    (glo,) = train([Recipe(sigma=1e38, epochs=1)], digits)
    with pytest.raises(ValueError, match="diverged at step 1 and generates nothing; train it with"):
        save_model(glo, digits.class_names, tmp_path / "one.safetensors")
    assert not [*tmp_path.iterdir()]
