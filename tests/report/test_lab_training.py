"""The lab's board on which models are trained live, with really trained tiny models."""

import threading
import time
from xml.etree import ElementTree

import pytest
import torch
from conftest import ROOT, make_digits

from glo_core import data
from glo_core.data import Splits
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import Recipe
from glo_core.recorder import last_epoch
from glo_core.runs.store import Store, run_key
from glo_core.runs.sweep import work
from glo_core.runs.trainers import train
from reports.lab import background
from reports.lab import training as board_module
from reports.lab.background import ENDS, Training, seconds_to_train
from reports.lab.form import FIELDS, RecipeForm
from reports.lab.parts import Board
from reports.lab.training import images_of, training_board
from reports.methods import METHODS
from reports.reading import read
from reports.show.mosaics import mosaic
from reports.study import Study
from reports.traps import TRAPS, TrapRecipe, with_traps

PATIENCE = 20  # seconds, after which what is waited for will not come
SHORT = Recipe(epochs=4, batch_size=16)
LONG = Recipe(epochs=100_000, batch_size=16)


def until(true):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def images():
    return make_digits(80)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def study(images, store):
    parameters = read(ROOT / "reports" / "quick.yaml", {"n": 80, "epochs": 3})
    return Study(parameters, Splits(images, images, images, "made-up"), store)


def runs(store):
    """The names of the runs in a store."""
    return sorted(path.parent.name for path in store.root.glob("*/run.json"))


def is_free(store, recipe, images):
    """Whether nobody holds the lock of a run."""
    with store.locked([run_key(recipe, images)], lambda: pytest.fail("the lock is held")):
        return True


# --- a training, without widgets -----------------------------------------------------------------


@pytest.mark.parametrize(
    "recipe", [SHORT, LordRecipe(epochs=2, encoder_epochs=2), with_traps(SHORT, "stale_gradients")]
)
def test_what_is_trained_is_kept_and_the_same_as_ever(recipe, images, store):
    seen = []
    training = Training(recipe, images, store, "cpu", lambda each: seen.append(each.state))
    training.start()
    training.join(PATIENCE)
    assert training.state == "finished"
    assert seen[0] == "training"
    assert seen[-1] == "finished"
    kept = store.load(recipe, images)
    (expected,) = train([recipe], images, device="cpu")
    assert torch.equal(kept.content_table, expected.content_table)
    assert torch.equal(kept.network[0].weight, expected.network[0].weight)
    assert training.losses == expected.history.losses.tolist()
    assert is_free(store, recipe, images)


def test_a_pause_holds_training_and_changes_no_bit_of_the_model(images, store):
    told = []

    def pause_after_the_second(training):
        told.append(training)
        if len(told) == 3:  # the first step, and two epochs
            training.pause()

    started = time.perf_counter()
    training = Training(SHORT, images, store, "cpu", pause_after_the_second)
    training.start()
    until(lambda: training.state == "paused")
    paused = time.perf_counter()
    time.sleep(0.3)
    assert (training.state, len(training.losses), training.holding) == ("paused", 2, True)
    assert training.words.startswith("paused after epoch 2 of 4, loss")
    held = time.perf_counter() - paused
    training.go_on()
    training.join(PATIENCE)
    took = time.perf_counter() - started
    assert training.state == "finished"
    kept = store.load(SHORT, images)
    (expected,) = train([SHORT], images, device="cpu")
    assert torch.equal(kept.content_table, expected.content_table)
    assert torch.equal(kept.history.panel, expected.history.panel)
    assert 0 < kept.history.seconds <= took - held


@pytest.mark.parametrize("paused", [False, True])
def test_stopped_in_the_middle_nothing_is_kept(paused, images, store):
    training = Training(LONG, images, store, "cpu")
    training.start()
    until(lambda: training.losses)
    if paused:
        training.pause()
        until(lambda: training.state == "paused")
    training.stop()
    training.join(PATIENCE)
    assert training.state == "stopped"
    assert "nothing of this model is kept" in training.words
    assert [path.name for path in store.root.iterdir()] == [".locks"]
    assert is_free(store, LONG, images)
    assert not [each for each in threading.enumerate() if each is training._thread]


def test_a_training_that_waits_for_another_process_can_be_stopped(images, store):
    training = Training(SHORT, images, store, "cpu")
    with store.locked([run_key(SHORT, images)]):
        training.start()
        time.sleep(0.1)
        assert (training.state, training.words) == ("preparing", "begins")
        training.stop()
        training.join(PATIENCE)
        assert training.words.startswith("stopped after 0 of 4 epochs")


def test_a_model_in_the_store_is_shown_from_there(images, store):
    (glo,) = train([SHORT], images, device="cpu")
    store.save(glo, images)
    told = []
    training = Training(SHORT, images, store, "cpu", lambda each: told.append(each.state))
    training.start()
    training.join(PATIENCE)
    assert told == ["finished"]
    assert training.found
    assert training.losses == glo.history.losses.tolist()
    assert torch.equal(training.epoch.panel[0], glo.history.panel[-1])
    assert "not trained again" in training.words


def test_an_error_is_said_in_words(images, store):
    training = Training(SHORT, images.subset([]), store, "cpu")
    training.start()
    training.join(PATIENCE)
    assert training.state == "failed"
    assert training.words == (
        "training failed: ValueError: digits holds no images: training needs at least one"
    )


def test_what_training_takes_is_told_from_a_step(images, monkeypatch):
    monkeypatch.setattr(background, "step_seconds", lambda recipes, digits: 0.5)
    assert seconds_to_train(SHORT, images) == 0.5 * work(SHORT, images) == 10
    swap = SHORT.model_copy(update={"swap": 0.1})
    monkeypatch.setattr(background, "is_shared", lambda *_: True)
    assert seconds_to_train(swap, images) == 0.5 * work(swap, images)
    monkeypatch.setattr(background, "is_shared", lambda *_: False)
    assert seconds_to_train(swap, images) > 0.5 * work(swap, images)


# --- the form ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.key)
def test_choosing_a_method_fills_the_form_with_its_recipe(method, study):
    form = RecipeForm(study, "lord" if method.key == "ours" else "ours", lambda: None)
    form.controls["sigma"].value, form.controls["last_images"].value = "7", True
    form.controls["method"].value = method.key
    expected = study.parameters.methods()[method.key]
    assert (type(form.recipe), form.recipe) == (type(expected), expected)
    assert study.keys(form.recipe) == study.keys(expected)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sigma", "-1", "-1: Input should be greater than or equal to 0"),
        ("sigma", "a<b", "'a<b': Input should be a valid number"),
        ("sigma", "nan", "nan: Input should be a finite number"),
        ("epochs", "2.5", "2.5: Input should be a valid integer"),
        ("content_dim", "0", "0: Input should be greater than or equal to 1"),
        ("latent_rate", "2", "2: Input should be less than or equal to 1"),
        ("n", "81", "81: expected 1 to 80, the images of this study"),
        ("n", "0", "0: expected 1 to 80, the images of this study"),
        ("n", "", "'': expected 1 to 80, the images of this study"),
    ],
)
def test_a_wrong_value_is_said_beside_its_control_and_nothing_else(name, text, words, study):
    changes = []
    form = RecipeForm(study, "exercise", lambda: changes.append(form.recipe))
    before = form.recipe
    right, form.controls[name].value = form.controls[name].value, text
    said = {
        key: "".join(ElementTree.fromstring(e.value).itertext()) for key, e in form.errors.items()
    }
    assert {key: each for key, each in said.items() if each} == {name: said[name]}
    assert said[name].startswith(words)
    assert changes == [None]
    assert form.digits is None
    form.controls[name].value = right
    assert changes == [None, before]
    assert not "".join(ElementTree.fromstring(form.errors[name].value).itertext())


def test_fields_make_the_recipe(study):
    form = RecipeForm(study, "exercise", lambda: None)
    changes = {"sigma": 1e-3, "loss": "l2", "class_dim": 0, "content_dim": 3, "schedule": "cosine"}
    changes |= {"learning_rate": 0.01, "latent_rate": 0.02, "epochs": 7, "swap": 0.5, "seed": 9}
    for name, value in changes.items():
        form.controls[name].value = value if name in ("loss", "schedule") else str(value)
    expected = study.parameters.methods()["exercise"].model_copy(update=changes)
    assert form.recipe == expected


def test_mistakes_are_made_by_ticking_them(study):
    form = RecipeForm(study, "exercise", lambda: None)
    exercise = form.recipe
    form.controls["one_noise"].value = True
    assert form.recipe == with_traps(exercise, "one_noise")
    form.controls["one_noise"].value = False
    assert form.recipe == exercise
    form.controls["method"].value = "handed-in"
    form.controls["fixed_order"].value = False
    assert isinstance(form.recipe, TrapRecipe)
    assert form.recipe.traps == ("stale_gradients", "one_noise", "train_mode")


def test_what_a_method_does_not_use_cannot_be_changed(study):
    form = RecipeForm(study, "exercise", lambda: None)
    assert not [name for name, control in form.controls.items() if control.disabled]
    form.controls["method"].value = "cvae"
    traps = {trap.key for trap in TRAPS}
    disabled = {name for name, control in form.controls.items() if control.disabled}
    assert disabled == traps | {"sigma", "loss", "latent_rate", "schedule", "swap"}
    form.controls["method"].value = "lord"
    assert {name for name, control in form.controls.items() if control.disabled} == traps


def test_every_control_has_a_label_and_a_tooltip(study):
    controls = RecipeForm(study, "ours", lambda: None).controls
    assert controls.keys() == {
        *("method", "n"),
        *(field.name for field in FIELDS),
        *(trap.key for trap in TRAPS),
    }
    assert all(control.description and control.tooltip for control in controls.values())


def test_fewer_images_are_those_of_a_study_of_so_many(store):
    parameters = read(ROOT / "reports" / "quick.yaml", {"n": 80, "data": "mnist-5k"})
    form = RecipeForm(Study(parameters, data.load("mnist-5k", 80), store), "exercise", lambda: None)
    form.controls["n"].value = "60"
    expected = data.load("mnist-5k", 60).train
    assert run_key(form.recipe, form.digits) == run_key(form.recipe, expected)


# --- the board -----------------------------------------------------------------------------------


@pytest.fixture
def board(study):
    """Makes boards; at the end, nothing is trained and no step is timed any more."""
    made, threads = [], threading.active_count()

    def make():
        made.append(training_board(study))
        for panel in made[-1].workers:
            fill(panel, "exercise")
        return made[-1]

    yield make
    for panel in [panel for each in made for panel in each.workers]:
        panel.end()
    until(lambda: threading.active_count() <= threads)


def fill(panel, method, **fields):
    panel.form.controls["method"].value = method
    for name, value in fields.items():
        panel.form.controls[name].value = str(value)


def ended(panel):
    until(lambda: panel.training.state in ENDS)
    panel.training.join(PATIENCE)
    return panel.training.state


def test_start_trains_shows_keeps_and_tells_the_other_boards(board, study):
    looked: list[bool] = []
    other = Board("planted", [], {}, None, [], [lambda: looked.append(True)])
    made = board()
    first, second = made.workers
    recipe = first.form.recipe
    assert made.view.curves == []
    until(lambda: "s to train" in first.plan.value)
    first.start.click()
    assert ended(first) == "finished"
    assert looked == [True]
    other.end()
    assert runs(study.store) == study.keys(recipe)
    assert bytes(first.picture.value).startswith(b"\x89PNG")
    assert not second.picture.value
    assert f"loss {first.training.losses[-1]:.4f}" in first.status.value
    (curve,) = made.view.curves
    assert (curve["name"], curve["losses"]) == ("A", first.training.losses)
    assert made.view.epochs == recipe.epochs
    until(lambda: "in runs/ already" in first.plan.value)
    assert (first.start.disabled, first.pause.disabled, first.stop.disabled) == (False, True, True)


def test_buttons_pause_go_on_and_stop(board, study):
    first, _ = board().workers
    fill(first, "exercise", epochs=100_000)
    first.start.click()
    until(lambda: first.training.losses)
    assert (first.start.disabled, first.pause.disabled, first.stop.disabled) == (True, False, False)
    first.pause.click()
    assert first.pause.description == "Go on"
    until(lambda: first.training.state == "paused")
    done = len(first.training.losses)
    first.pause.click()
    assert first.pause.description == "Pause"
    until(lambda: len(first.training.losses) > done)
    first.stop.click()
    assert ended(first) == "stopped"
    assert "nothing of this model is kept" in first.status.value
    assert first.pause.disabled
    assert runs(study.store) == []


def test_stopping_one_keeps_the_other_that_is_finished(board, study):
    first, second = board().workers
    fill(first, "exercise", epochs=100_000)
    fill(second, "exercise", sigma=1)
    kept = study.keys(second.form.recipe)
    first.start.click()
    second.start.click()
    assert ended(second) == "finished"
    first.stop.click()
    assert ended(first) == "stopped"
    assert runs(study.store) == kept


def test_both_may_train_one_recipe_of_which_one_model_is_made(board, study):
    first, second = board().workers
    first.start.click()
    second.start.click()
    assert ended(first) == ended(second) == "finished"
    assert sorted([first.training.found, second.training.found]) == [False, True]
    assert first.training.losses == second.training.losses


def test_another_board_stops_what_the_first_one_trains(board, study):
    first, _ = board().workers
    fill(first, "exercise", epochs=100_000)
    first.start.click()
    until(lambda: first.training.losses)
    second, _ = board().workers
    assert ended(first) == "stopped"
    second.start.click()
    assert ended(second) == "finished"
    assert runs(study.store) == study.keys(second.training.recipe)


def test_a_wrong_recipe_cannot_be_started(board):
    first, _ = board().workers
    fill(first, "exercise", sigma=-1)
    assert first.start.disabled
    first.start.click()
    assert first.training is None
    fill(first, "exercise", sigma=1)
    assert not first.start.disabled


def test_epochs_between_two_pictures_are_not_drawn(board, monkeypatch):
    monkeypatch.setattr(board_module, "INTERVAL", 1000)
    first, _ = board().workers
    drawn: list[object] = []
    fill(first, "exercise", epochs=30)
    first.picture.observe(drawn.append, "value")
    first.start.click()
    assert ended(first) == "finished"
    assert len(drawn) == 1  # the last epoch, which is always shown


def test_one_image_of_each_class_is_shown_and_its_reconstruction(images):
    (glo,) = train([with_traps(SHORT, "last_images")], images)
    epoch = last_epoch([glo.history])
    present = images.labels[glo.history.indices].tolist()
    places = {label: present.index(label) for label in range(4) if label in present}
    expected = torch.zeros(3, 4, 28, 28, dtype=torch.uint8)
    for label, place in places.items():
        real = images.images[glo.history.indices[place]]
        expected[0, label] = (255 * real).round().byte()
        expected[1, label] = glo.history.panel[-1][place]
    expected[2] = glo.history.scratch[-1]
    rows = ["image", "reconstructed", "from scratch"]
    shown = images_of(epoch, images)
    assert shown.tobytes() == mosaic(expected, rows, images.class_names).tobytes()
