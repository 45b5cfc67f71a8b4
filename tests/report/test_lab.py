import threading
import time
import zlib
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, make_digits
from ipywidgets import HTML, IntSlider, ToggleButton
from ipywidgets.widgets.widget import _instances

from glo_core.classifier import train_classifier
from glo_core.data import Splits
from glo_core.measures.fitting import fit
from glo_core.measures.judge import predictions
from glo_core.priors import PRIORS, draw
from glo_core.recipe import Recipe
from glo_core.runs import store
from glo_core.runs.store import Store
from glo_core.runs.sweep import sweep
from reports import lab
from reports.chain import FIRST_PICTURES
from reports.lab import parts
from reports.lab.background import duration
from reports.lab.conversion import LEGEND, conversion_board
from reports.lab.epochs import epochs_board
from reports.lab.models import Models
from reports.lab.noise import noise_board
from reports.lab.own import own_board
from reports.lab.parts import Latest, finding
from reports.lab.scratch import scratch_board
from reports.reading import read
from reports.show.live import Shown, directions, numbers
from reports.study import Study

BOARDS = (noise_board, conversion_board, scratch_board, epochs_board, own_board)
SMALL = {
    "n": 80,
    "epochs": 2,
    "sigmas": [0.1, 0.0],
    "losses": ["l1", "l2"],
    "seeds": [0, 3],
    "frontier_sigmas": [0.1],
    "handed_in_sigmas": [0.1, 1.0],
    "trap_sigma": 0.1,
    "betas": [1.0],
    "unseen": 60,
    "threads": 1,
}


def small_study(root) -> Study:
    parameters = read(ROOT / "reports" / "quick.yaml", SMALL)
    train, judge, test = (make_digits(count, seed=k) for k, count in enumerate((80, 60, 60)))
    return Study(parameters, Splits(train, judge, test, "made up"), Store(root))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """With the models of our method and of the exercise, which have learned almost nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "train_classifier", partial(train_classifier, steps=5))
        study = small_study(tmp_path_factory.mktemp("runs"))
        study.alone(study.parameters.methods()["ours"])
        for loss in study.losses:
            for sigma in study.parameters.sigmas:
                study.alone(study.swept(loss, sigma))
        assert study.judge
        yield study


def wait(until, seconds=20):
    """Waits for what another thread does."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "nothing has come"
        time.sleep(0.01)


def said(widget):
    """The words of a board's lines of text."""
    of_children = [words for child in getattr(widget, "children", ()) for words in said(child)]
    return [widget.value] if isinstance(widget, HTML) else of_children


@pytest.fixture(autouse=True)
def _ended():
    """No board's thread outlives its test."""
    before = threading.active_count()
    yield
    for board in parts._shown.values():
        board.end()
    parts._shown.clear()
    wait(lambda: threading.active_count() <= before, 60)


def received(board, key):
    """What the browser makes of a model that it asks for: its parts, and its bytes."""
    view, sent = board.view, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(view), "send", lambda _, content, buffers=(): sent.append((content, buffers))
        )
        view._asked(view, {"wanted": key}, [])
    content, buffers = sent[0]
    found: dict[str, Any] = {}
    if "error" in content:
        return content
    planes = np.frombuffer(zlib.decompress(buffers[0]), np.uint8)
    halves = planes.reshape(2, -1).T.copy().view(np.float16)[:, 0]
    for name, count in content["halves"]:
        found[name], halves = torch.from_numpy(halves[:count].astype(np.float32)), halves[count:]
    raw = zlib.decompress(buffers[1])
    for name, count in content["bytes"]:
        found[name], raw = np.frombuffer(raw[:count], np.uint8), raw[count:]
    assert not len(halves)
    assert not raw
    return found


@pytest.mark.parametrize("make", BOARDS)
def test_every_control_has_a_label_and_a_tooltip(study, make):
    board = make(study)
    for name, control in board.controls.items():
        for each in control if isinstance(control, list) else [control]:
            assert each.tooltip, name
            assert name == "play" or each.description, name  # which has pictures for a label


@pytest.mark.parametrize("make", BOARDS)
def test_a_board_shows_our_model_first_and_its_browser_gets_it(study, make):
    board = make(study)
    glo = study.alone(study.parameters.methods()["ours"])
    assert board.view.levels == study.keys(glo.recipe)
    found = received(board, board.view.levels[0])
    for name, part in numbers(Shown(glo, ""), torch.arange(80)).items():
        assert torch.equal(found[name][: part.numel()], part.flatten().half().float()), name


def test_a_model_that_is_not_the_stores_is_refused(study):
    board = noise_board(study)
    board.controls["method"].value = "lord"
    (key,) = board.view.levels
    assert received(board, key) == {"key": key, "error": "This model is not trained."}
    assert received(board, "what is this") == {
        "key": "what is this",
        "error": "This model is not trained.",
    }


def test_the_exercise_has_a_level_for_every_noise_of_every_loss(study):
    board = noise_board(study)
    slider, loss = board.controls["level"], board.controls["loss"]
    assert slider.layout.display == "none"
    assert loss.disabled
    board.controls["method"].value = "exercise"
    assert slider.layout.display == ""
    assert not loss.disabled
    assert slider.value == study.parameters.chosen_sigma  # of the levels 0 and 0.1
    assert board.view.level == slider.index == 1
    assert board.view.levels == study.keys(*(study.swept("l1", sigma) for sigma in (0.0, 0.1)))
    loss.value = "l2"
    assert board.view.levels == study.keys(*(study.swept("l2", sigma) for sigma in (0.0, 0.1)))
    board.controls["seed"].value = 3
    recipe = study.swept("l2", 0.0).model_copy(update={"seed": 3})
    assert board.view.levels[0] == study.keys(recipe)[0]


def test_losses_and_measures_of_every_level_are_told(study):
    board = noise_board(study)
    board.controls["method"].value = "exercise"
    glo = study.alone(study.swept("l1", 0.1))
    assert board.view.curves[1] == glo.history.losses.tolist()
    assert board.view.facts[1] == {"measures": "none in the store"}
    board.controls["seed"].value = 3
    assert board.view.curves == [None, None]


def test_what_was_measured_is_told(study):
    models = Models(study)
    level, _ = models.levels("exercise", "l2", 0)
    scores = {"folds": [0.25, 0.5]}
    study.store.remember(level.key, models.measure_file("leakage"), {"leakage_mlp": scores})
    assert models.facts(level) == {"leakage, MLP": "37.5%"}


def test_images_are_picked_by_class_by_number_or_at_random(study):
    board = noise_board(study)
    view, labels, controls = board.view, study.digits.labels, board.controls
    assert len(view.images) == 8
    assert set(labels[view.images].tolist()) == {study.pair[0]}
    first = view.images
    controls["pick"].value = 1
    assert view.images != first
    controls["pick"].value = 0
    assert view.images == first
    controls["source"].value = -1
    assert len(set(labels[view.images].tolist())) > 1
    controls["count"].value = 3
    assert len(view.images) == 3
    controls["numbers"].value = "12, 79"
    assert view.images == [12, 79]


@pytest.mark.parametrize("text", ["80", "-1", "three <b>", "1 2 3 4 5 6 7 8 9", ","])
def test_numbers_of_no_image_are_said_beside_the_control(study, text):
    board = noise_board(study)
    before = board.view.images
    board.controls["numbers"].value = text
    assert board.view.images == before
    words = escape(f"{text!r}: expected 1 to 8 numbers from 0 to 79, with commas")
    assert words in said(board)
    board.controls["numbers"].value = ""
    assert words not in said(board)


def test_a_class_without_unseen_images_is_said_beside_the_control(study):
    board = conversion_board(study)
    board.view.labels[80:] = 0
    board.controls["unseen"].value = True
    before = board.view.images
    board.controls["source"].value = 2
    assert board.view.images == before
    assert "none of these 40 images is of this class" in said(board)
    board.controls["source"].value = 0
    assert "none of these 40 images is of this class" not in said(board)
    assert board.view.images


def test_without_any_target_the_images_alone_are_judged_and_measured(study):
    board = conversion_board(study)
    for button in board.controls["targets"]:
        button.value = False
    wait(lambda: board.view.noted[2:3] == [[]])
    assert [len(row) for row in board.view.notes] == [1] * 4
    assert LEGEND in said(board)


def test_conversions_are_judged_and_measured(study):
    board = conversion_board(study)
    view, (first, *rest) = board.view, board.controls["targets"]
    wait(lambda: view.notes)
    assert [len(row) for row in view.notes] == [5] * 4
    glo = study.alone(study.parameters.methods()["ours"])
    names = study.digits.class_names
    converted = glo.convert(torch.tensor(view.images), 2)
    read = [names[label] for label in predictions(study.judge, converted).tolist()]
    assert [row[3].split("\n")[0] for row in view.notes] == read
    before = view.notes
    first.value = False
    assert view.targets == [1, 2, 3]
    wait(lambda: view.notes != before)
    assert [len(row) for row in view.notes] == [4] * 4
    assert all(isinstance(button, ToggleButton) for button in rest)


def test_unseen_images_get_fitted_codes(study):
    board = conversion_board(study)
    view = board.view
    board.controls["unseen"].value = True
    assert min(view.images) >= view.trained == 80
    glo = study.alone(study.parameters.methods()["ours"])
    unseen = study.unseen.sample(40)
    codes = received(board, view.levels[0])["content"].view(-1, glo.recipe.content_dim)
    assert torch.equal(view.offered[80:], unseen.images)
    expected = fit(glo, unseen.images, unseen.labels)
    assert torch.allclose(codes[80:], expected, atol=2e-3)
    assert len(codes) == 120


def test_scratch_draws_from_every_prior_and_finds_the_nearest_images(study):
    board = scratch_board(study)
    view, glo = board.view, study.alone(study.parameters.methods()["ours"])
    wait(lambda: view.notes)
    draws = received(board, view.levels[0])["draws"].view(len(PRIORS), -1, glo.recipe.content_dim)
    for drawn, prior in zip(draws, PRIORS, strict=True):
        assert torch.equal(drawn, draw(glo.content_table, prior, len(drawn)).half().float())
    before = view.nearest
    board.controls["move1"].value = view.move1 = 3.0  # as the browser links them
    wait(lambda: view.nearest != before)
    content = draw(glo.content_table, "gaussian", 100)[0] + 3 * directions(glo)[1][0]
    generated = glo.decode(torch.tensor([1]), content[None])
    away = (study.digits.images - generated).square().mean((1, 2)).sqrt()
    row, column = PRIORS.index("gaussian"), 1
    assert view.notes[row][column] == f"{away.min():.2f}"
    place = 784 * (row * 4 + column)
    expected = (study.digits.images[away.argmin()] * 255).round().byte().flatten()
    assert view.nearest[place : place + 784] == expected.numpy().tobytes()


def test_epochs_are_those_of_the_training(study):
    board = epochs_board(study)
    glo = study.alone(study.parameters.methods()["ours"])
    found = received(board, board.view.levels[0])
    assert found["panel"].tobytes() == glo.history.panel.numpy().tobytes()
    assert found["scratch"].tobytes() == glo.history.scratch.numpy().tobytes()
    assert found["shown"].tolist() == study.digits.labels[glo.history.indices].tolist()
    assert board.controls["epoch"].max == board.controls["play"].max == 2


def test_the_board_of_an_own_image_knows_the_training_images(study):
    data = own_board(study).view.data
    assert data["noun"] == "image"
    assert data["classes"] == study.digits.class_names
    assert data["framing"]["side"] == 28  # the ground is not blank anywhere
    assert len(data["labels"]) == min(30, len(study.splits.test))


def test_every_run_in_the_store_can_be_picked(study):
    other = Recipe(loss="l2", sigma=0.25, epochs=1, content_dim=5)
    study.alone(other)
    board = noise_board(study)
    table = board.controls["runs"]
    (line,) = (each for each in table.options if "0.25" in each)
    assert "content_dim 5" in line
    assert len(table.options) == 1 + len(list(study.store.root.glob("*sigma*")))
    table.value = line
    assert board.view.levels == study.keys(other)


def test_a_run_that_was_picked_and_left_does_not_come_back(study):
    board = noise_board(study)
    table = board.controls["runs"]
    line = next(each for each in table.options if "σ = 0 " in each)
    table.value = line
    board.controls["method"].value = "exercise"
    shown = board.view.levels
    assert len(shown) == 2
    study.alone(Recipe(sigma=0.375, epochs=1))  # as another board trains it, and tells this one
    parts.look_again()
    assert board.view.levels == shown
    table.value = line
    assert len(board.view.levels) == 1


def test_a_run_on_the_first_images_has_no_codes_of_the_others(study):
    recipe, some = Recipe(sigma=0.75, epochs=1), study.digits.subset(range(60))
    board = noise_board(study)
    (glo,) = sweep([recipe], some, study.store)
    parts.look_again()
    (line,) = (each for each in board.controls["runs"].options if "0.75" in each)
    assert "60 images" in line
    board.controls["runs"].value = line
    found = received(board, board.view.levels[0])
    codes = found["content"].view(80, -1)
    assert found["known"].item() == 60
    assert torch.equal(codes[:60], glo.content_table.half().float())
    assert not codes[60:].any()


def test_a_missing_model_is_offered_with_its_time_trained_once_and_shown(tmp_path):
    study = small_study(tmp_path)
    board = noise_board(study)
    offer = board.children[0].children[1]
    words, button = offer.children
    assert offer.layout.display != "none"
    wait(lambda: "about" in words.value)
    assert received(board, board.view.levels[0])["error"]
    button.click()
    button.click()
    wait(lambda: offer.layout.display == "none", 60)
    assert study.has(study.parameters.methods()["ours"])
    assert board.view.curves[0] is not None
    assert "error" not in received(board, board.view.levels[0])


def test_what_one_board_has_trained_is_shown_by_all(tmp_path):
    study = small_study(tmp_path)
    boards = [make(study) for make in (noise_board, own_board)]
    offers = [board.children[0].children[1] for board in boards]
    lines = len(boards[0].controls["runs"].options)
    offers[1].children[1].click()
    wait(lambda: [each.layout.display for each in offers] == ["none", "none"], 60)
    assert "error" not in received(boards[0], boards[0].view.levels[0])
    assert len(boards[0].controls["runs"].options) == lines + 1


def test_the_level_that_was_trained_stays_chosen(tmp_path):
    study = small_study(tmp_path)
    board = noise_board(study)
    board.controls["method"].value = "exercise"
    board.controls["level"].index = board.view.level = 0  # as the browser links them
    assert study.parameters.chosen_sigma != min(study.parameters.sigmas)
    offer = board.children[0].children[1]
    offer.children[1].click()
    wait(lambda: offer.layout.display == "none", 60)
    assert board.controls["level"].index == board.view.level == 0
    assert study.has(study.swept("l1", min(study.parameters.sigmas)))


def test_a_damaged_run_is_said_and_not_waited_for(tmp_path):
    study = small_study(tmp_path)
    study.alone(study.parameters.methods()["ours"])
    own, models = own_board(study), Models(study)
    (key,) = own.view.levels
    (tmp_path / key / "weights.safetensors").write_bytes(b"")
    (level,) = models.levels("ours", "l1", 0)
    assert models.has(level)
    assert models.curve(level) is None  # and now it is set aside
    study.alone(study.parameters.methods()["exercise"])
    own.controls["method"].value = "exercise"
    key = own.view.levels[own.view.level]
    (tmp_path / key / "weights.safetensors").write_bytes(b"")
    assert "damaged" in received(own, key)["error"]


def test_losses_that_are_not_finite_are_left_out(study):
    recipe = Recipe(sigma=0.625, epochs=2)
    glo = study.alone(study.swept("l1", 0.1))
    losses = torch.tensor([0.5, torch.inf])
    broken = replace(glo, recipe=recipe, history=replace(glo.history, losses=losses))
    study.store.save(broken, study.digits)
    models = Models(study)
    (level,) = (each for each in models.runs().values() if each.recipe == recipe)
    assert models.curve(level) == [0.5, None]


def test_a_place_of_a_longer_list_is_the_last_of_a_shorter_one(study):
    board = noise_board(study)
    board.view.level = 7  # which the browser has sent before it knew of other levels
    level, (key, *_) = board.view.chosen
    assert level.key == key == board.view.levels[0]


def test_the_bench_trains_what_the_first_board_shows(tmp_path):
    study = small_study(tmp_path)
    exec(FIRST_PICTURES, {"study": study, "noise_board": noise_board})
    assert study.has(study.parameters.methods()["ours"])


def test_a_board_takes_the_place_of_its_like(study):
    first, threads = conversion_board(study), threading.active_count()
    widgets = len(_instances)
    second = conversion_board(study)
    wait(lambda: threading.active_count() == threads)
    assert len(_instances) == widgets
    assert first.comm is None
    assert second.comm is not None


def test_the_lab_opens_the_study_with_more_models(tmp_path, monkeypatch):
    opened = {name: small_study(tmp_path / name) for name in ("full", "quick")}
    monkeypatch.setattr(lab, "open_study", lambda file, _: opened[file.stem])
    assert lab.open_lab() is opened["quick"]
    opened["full"].alone(opened["full"].swept())
    assert lab.open_lab() is opened["full"]


# --- work beside the kernel's --------------------------------------------------------------------


def test_the_latest_request_wins_and_none_waits():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(k):
        begun.set()
        go_on.wait(5)
        done.append(k)

    latest = Latest(work, print)
    latest.ask(0)
    begun.wait(5)
    for k in range(1, 6):
        latest.ask(k)
    go_on.set()
    wait(lambda: done == [0, 5])
    latest.end()


def test_work_that_fails_is_said_and_the_next_is_done():
    said: list[str] = []
    done = []

    def work(k):
        done.append(1 / k)

    latest = Latest(work, said.append)
    latest.ask(0)
    wait(lambda: said == ["ZeroDivisionError: division by zero"])
    latest.ask(2)
    wait(lambda: done == [0.5])
    latest.end()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "about 1 s"), (41.2, "about 42 s"), (61, "about 2 min")]
)
def test_times_are_no_more_exact_than_they_are(seconds, words):
    assert duration(seconds) == words


def test_the_line_below_says_what_is_wrong_until_it_is_right():
    slider = IntSlider(0)

    def find():
        if not slider.value:
            raise ValueError("<0>")

    worker, line = finding(slider, ["value"], find, "what it is")
    wait(lambda: line.value == "ValueError: &lt;0&gt;")
    slider.value = 1
    wait(lambda: line.value == "what it is")
    worker.end()
