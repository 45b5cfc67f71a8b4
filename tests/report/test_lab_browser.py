"""The lab's notebook in a real JupyterLab, with a real kernel, in a real Chromium."""

import ast
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from conftest import CHROMIUM, NO_CHROMIUM, ROOT, Project, dry_run
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page
from report.browsers import assert_close, quick_study

from glo_core.measures.concordance import COLUMNS
from glo_core.measures.judge import predictions
from glo_core.measures.style import style
from glo_core.model import Glo
from reports.study import Study

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
# Boards with grids of pictures, and all of them.
GRIDS = ("noise", "conversion", "scratch", "epochs")
BOARDS = (*GRIDS, "own", "training")
# Half a step of the 8 bits of a canvas.
STEP = 0.5 / 255 + 1e-6
# Where Jupyter and IPython keep what is a user's.
OWN = "CONFIG_DIR DATA_DIR RUNTIME_DIR".split()
FOLDERS = [f"JUPYTER_{name}" for name in OWN] + [
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
]
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
# What can be focused in a board. A slider that is disabled can be, too, and of radio buttons the
# one that is chosen.
FOCUSABLE = (
    "button:not(:disabled), input:not([type=radio]:not(:checked)), select:not(:disabled), "
    "[tabindex='0'], [contenteditable=true]"
)


# --- a running lab -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(quick, tmp_path_factory) -> Project:
    """A copy of the project with the quick report's models, as the lab may train more."""
    project = Project.new(tmp_path_factory.mktemp("lab") / "project")
    shutil.copytree(quick.root / "runs", project.root / "runs")
    return project


@pytest.fixture(scope="module")
def study(project) -> Study:
    """The study that the lab opens there."""
    return quick_study(project)


@pytest.fixture(scope="module")
def lab(project, tmp_path_factory) -> Iterator[str]:
    """JupyterLab, as `make lab` starts it: the address of a notebook, with a %s for its name."""
    folder = tmp_path_factory.mktemp("jupyter")
    environment = os.environ | {name: str(folder / name) for name in FOLDERS}
    options = shlex.split(dry_run("lab"))[3:-1]
    more = ["--no-browser", "--expose-app-in-browser", "--ServerApp.port=0"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, *more],
            cwd=project.root,
            env=environment | {"PYTHONPATH": str(project.root)},
            stdout=log,
            stderr=log,
        )
    try:
        told = folder / "JUPYTER_RUNTIME_DIR" / f"jpserver-{server.pid}.json"
        address = told_address(told, server)
        yield address
    finally:
        server.terminate()  # it ends its kernels, which end by themselves if it is killed
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def told_address(told: Path, server: subprocess.Popen[bytes]) -> str:
    """Where a server listens, as it writes into a file when it is ready."""
    while server.poll() is None:
        try:
            info = json.loads(told.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):  # not there, or not all of it
            time.sleep(0.1)
        else:
            return f"{info['url']}lab/tree/notebooks/%s?token={info['token']}"
    raise RuntimeError(f"JupyterLab ended with {server.returncode}")


@pytest.fixture(scope="module")
def opened(browser, lab, project):
    """A page on a fresh copy of the notebook, whose cells were run, with all first pictures.

    `page.said` is what the console said of errors, `page.asked` what the page has asked for.
    """
    shutil.copy(ROOT / "notebooks" / "explore.ipynb", project.root / "notebooks" / "tried.ipynb")
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    page.said, page.asked = [], []
    page.on("console", lambda each: each.type == "error" and page.said.append(each.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.add_init_script(STAMPS)
    page.goto(lab % "tried.ipynb")
    wait_for_kernel(page)
    run_all(page)
    for kind in GRIDS:
        wait_for_pictures(board(page, kind))
    yield page
    page.close()


def wait_for_kernel(page: Page) -> None:
    """Waits until a notebook is open that has its kernel."""
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.evaluate(
        "jupyterapp.restored.then(() => jupyterapp.shell.currentWidget.sessionContext.ready)"
    )


def run_all(page: Page) -> None:
    """Runs all cells, and waits until they are done."""
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")


def board(page: Page, kind: str) -> Locator:
    """The cell of a board."""
    return page.locator(".jp-CodeCell").filter(has_text=f"{kind}_board(study")


def wait_for_pictures(board: Locator) -> None:
    """Waits until a board shows pictures of the model that is chosen."""
    board.locator("glo-board .pictures:not(.pale) canvas").first.wait_for(state="attached")


def wait_for_models(board: Locator) -> None:
    """Waits until a board has fetched all models that its noise level can choose."""
    board.page.wait_for_function(
        "board => board.widget.get('levels').every(key => board.models.has(key))",
        arg=board.locator("glo-board").element_handle(),
    )
    settle(board.page)


def settle(page: Page) -> None:
    """Waits until what was asked for in the browser is shown: until two frames have passed."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ask(page: Page, expression: str) -> Any:
    """What an expression is in the kernel, whose notebook has `shown`, the boards by their kind."""
    reply = page.evaluate(
        f"""async (expression) => (await {KERNEL}.requestExecute({{
            code: "from reports.lab.parts import _shown as shown, Board, Latest\\n"
                + "import ipywidgets, threading",
            silent: true, store_history: false, user_expressions: {{ expression }},
        }}).done).content.user_expressions.expression""",
        expression,
    )
    assert reply["status"] == "ok", reply
    return ast.literal_eval(reply["data"]["text/plain"])


def control(board: Locator, words: str) -> Locator:
    """The control with these words before it: a slider's handle, a list, or a field."""
    label = board.page.get_by_text(words, exact=True)
    row = board.locator(".widget-inline-hbox").filter(has=label)
    return row.locator("[role=slider], select, input").first


def drag(handle: Locator, to: float) -> None:
    """Drags a slider's handle by the mouse: 0 is its left end, 1 its right one."""
    handle.scroll_into_view_if_needed()
    mouse, at = handle.page.mouse, handle.bounding_box()
    base = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
    y = at["y"] + at["height"] / 2
    mouse.move(at["x"] + at["width"] / 2, y)
    mouse.down()
    mouse.move(base["x"] + to * base["width"], y, steps=5)
    mouse.up()
    settle(handle.page)


def press(control: Locator, *keys: str) -> None:
    """Presses keys in a control, and waits for what they change in the browser."""
    control.focus()
    for key in keys:
        control.page.keyboard.press(key)
    settle(control.page)


def pictures(board: Locator) -> NDArray[np.float64]:
    """The ink of all pictures of a board, from 0 to 1, in their order: (K, 784)."""
    return ink(board.locator("glo-board canvas"))


def ink(canvases: Locator) -> NDArray[np.float64]:
    """The ink of canvases, from 0 to 1: (K, 784)."""
    white = canvases.evaluate_all(
        """canvases => canvases.map(canvas => [
            ...canvas.getContext("2d").getImageData(0, 0, 28, 28).data.filter((_, k) => k % 4 === 0)
        ])"""
    )
    return 1 - np.asarray(white) / 255


def choose(board: Locator, method: str) -> None:
    """Chooses a method, and waits for all of its models."""
    methods = control(board, "method")
    if methods.input_value() != method:
        element = board.locator("glo-board").element_handle()
        before = element.evaluate("board => String(board.widget.get('levels'))")
        methods.select_option(label=method)
        board.page.wait_for_function(
            "([board, before]) => String(board.widget.get('levels')) !== before",
            arg=[element, before],
        )
    wait_for_models(board)


def swept(study: Study) -> list[Glo]:
    """The exercise's models with the loss that is chosen first, by their noise level."""
    recipes = [
        study.swept(study.parameters.chosen_loss, sigma)
        for sigma in sorted(study.parameters.sigmas)
    ]
    return [study.alone(recipe) for recipe in recipes]


def assert_noise(board: Locator, glo: Glo) -> None:
    """Asserts that the board of noise shows reconstructions and conversions of a model."""
    view = "shown['noise'].view"
    images, target = ask(board.page, f"({view}.images, {view}.target)")
    images, found = torch.tensor(images), pictures(board)
    count = len(images)
    reconstructed, converted = found[count : 2 * count], found[2 * count : 3 * count]
    assert_close(reconstructed, glo.reconstruct(images), STEP)
    assert_close(converted, glo.convert(images, target), STEP)


# --- pictures and controls -----------------------------------------------------------------------


def test_nobody_is_asked_about_news_and_nothing_beyond_this_machine(opened):
    opened.wait_for_timeout(1000)
    assert opened.locator(".Toastify__toast").count() == 0
    places = {url.partition("//")[2].partition(":")[0] for url in opened.asked if "//" in url}
    assert places == {"127.0.0.1"}
    assert not any(word in url for url in opened.asked for word in ("api/news", "api/update"))


def test_a_dragged_noise_level_shows_what_pytorch_generates(opened, study):
    noise, models = board(opened, "noise"), swept(study)
    choose(noise, "the exercise, corrected")
    handle = control(noise, "σ")
    for level in (0, len(models) - 1, 1):
        drag(handle, level / (len(models) - 1))
        assert handle.get_attribute("aria-valuetext") == str(level)
        assert_noise(noise, models[level])


def test_the_keyboard_moves_the_noise_level(opened, study):
    noise, models = board(opened, "noise"), swept(study)
    choose(noise, "the exercise, corrected")
    press(control(noise, "σ"), "Home", "ArrowRight", "ArrowRight")
    assert_noise(noise, models[2])
    press(control(noise, "σ"), "ArrowLeft")
    assert_noise(noise, models[1])


def test_pictures_wait_for_no_kernel(opened, study):
    noise, models = board(opened, "noise"), swept(study)
    choose(noise, "the exercise, corrected")
    drag(control(noise, "σ"), 0)
    kernel = ask(opened, "__import__('os').getpid()")
    os.kill(kernel, signal.SIGSTOP)  # it would answer from another thread while a cell runs
    try:
        drag(control(noise, "σ"), 1)
        press(control(noise, "code"), "ArrowRight")
        moved = pictures(noise)
    finally:
        os.kill(kernel, signal.SIGCONT)
    assert_noise(noise, models[-1])
    assert np.array_equal(pictures(noise), moved)


def test_every_control_has_words_before_it_and_a_tooltip(opened):
    opened.evaluate(f"""{KERNEL}.requestExecute({{ silent: true, store_history: false, code: `
def below(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from below(child)
` }}).done""")
    controls = ask(
        opened,
        "[(kind, type(each).__name__, each.description, each.tooltip)"
        " for kind, board in shown.items() for each in below(board)"
        " if hasattr(each, 'tooltip') and hasattr(each, 'description')"
        " and not isinstance(each, ipywidgets.HTML | ipywidgets.Label)]",
    )
    assert {kind for kind, *_ in controls} == {*BOARDS}
    assert len(controls) > 40
    assert [each for each in controls if not each[3]] == []
    # The buttons of a player have signs in place of words.
    assert [each for each in controls if not each[2] and each[1] != "Play"] == []


@pytest.mark.parametrize("kind", BOARDS)
def test_the_keyboard_reaches_every_control(opened, kind):
    cell = board(opened, kind)
    wanted = cell.locator(".jp-OutputArea").evaluate(
        f"""area => [...area.querySelectorAll("{FOCUSABLE}")].filter(each =>
            each.checkVisibility({{ visibilityProperty: true }}) && each.tabIndex >= 0)
            .map((each, k) => (each.dataset.place = k)).length"""
    )
    control(cell, "method").first.focus()
    reached = set()
    for _ in range(2 * wanted):  # boxes that scroll are reached, too
        reached.add(opened.evaluate("document.activeElement.dataset.place ?? null"))
        opened.keyboard.press("Tab")
    assert wanted > 4
    assert reached >= {str(place) for place in range(wanted)}


def test_conversions_are_those_of_the_classes_that_are_chosen(opened, study):
    conversion, images = board(opened, "conversion"), "shown['conversion'].view.images"
    glo, source = study.alone(study.parameters.methods()["ours"]), torch.tensor(ask(opened, images))
    for name in ("0", "7"):
        conversion.get_by_role("button", name=name, exact=True).click()
    settle(opened)
    targets = torch.tensor([k for k in range(10) if k not in (0, 7)])
    expected = glo.convert(source.repeat_interleave(len(targets)), targets.repeat(len(source)))
    found = pictures(conversion)[: len(source) * (1 + len(targets))]
    found = found.reshape(len(source), -1, 784)
    assert_close(found[:, 1:], expected, STEP)
    assert np.abs(found[:, 0] - study.digits.images[source].flatten(1).numpy()).max() <= STEP
    shown = torch.cat(
        [study.digits.images[source][:, None], expected.unflatten(0, (len(source), -1))], 1
    )
    assert_read(conversion, study, shown.flatten(0, 1))
    for name in ("0", "7"):
        conversion.get_by_role("button", name=name, exact=True).click()


def assert_read(board: Locator, study: Study, shown: torch.Tensor) -> None:
    """Asserts what is written below pictures: what the judge reads, slant, thickness and width."""
    labels = [study.digits.class_names[k] for k in predictions(study.judge, shown).tolist()]
    board.locator("glo-board:not(.stale)").wait_for()  # the kernel writes them later
    notes = board.locator("glo-board .grid").first.locator(".note").all_inner_texts()
    found = [re.fullmatch(r"(.+)\n(\S+) (\S+) (\S+)", words).groups() for words in notes]
    assert [label for label, *_ in found] == labels
    numbers = np.array([list(map(float, numbers)) for _, *numbers in found])
    written = np.abs(numbers - style(shown)[:, COLUMNS])
    assert (written.max(0) <= np.array([0.5, 0.05, 0.5]) + 1e-3).all()


def test_a_direction_moves_images_from_scratch(opened):
    scratch = board(opened, "scratch")
    before = pictures(scratch)
    press(control(scratch, "direction 1"), "End")
    moved = pictures(scratch)
    rows = np.abs(moved - before).max(1).reshape(4, 2, 10)
    assert (rows[:, 0] > 0.1).all()
    press(control(scratch, "direction 1"), "Home")
    assert np.abs(pictures(scratch) - moved).max() > 0.1


def test_epochs_play_and_pause(opened, study):
    epochs = board(opened, "epochs")
    glo = study.alone(study.parameters.methods()["ours"])
    play = epochs.locator(".widget-play button").first
    assert_epoch(epochs, glo, 1)
    play.click()
    epoch = control(epochs, "epoch")
    opened.wait_for_function(
        "e => e.getAttribute('aria-valuenow') >= 3", arg=epoch.element_handle()
    )
    play.click()
    settle(opened)
    paused = int(float(epoch.get_attribute("aria-valuenow")))
    assert_epoch(epochs, glo, paused)
    opened.wait_for_timeout(600)
    assert int(float(epoch.get_attribute("aria-valuenow"))) == paused
    assert_epoch(epochs, glo, paused)


def assert_epoch(board: Locator, glo: Glo, epoch: int) -> None:
    """Asserts that the pictures from scratch are those after an epoch, to the bit."""
    recorded = glo.history.scratch[epoch - 1].flatten(1).numpy()
    assert np.array_equal(np.rint(255 * pictures(board)[-len(recorded) :]), recorded)


def test_a_drawn_digit_is_converted_to_every_class(opened, study):
    own = board(opened, "own")
    own.locator("glo-own .pad").scroll_into_view_if_needed()
    own.get_by_role("button", name="Clear").click()
    stroke(own, (0.35, 0.2), (0.28, 0.55), (0.7, 0.5))
    stroke(own, (0.68, 0.18), (0.6, 0.85))
    own.get_by_text(re.compile("^GLO's guess: ")).wait_for()
    guess = own.locator(".guess").inner_text().removeprefix("GLO's guess: ")
    view = "shown['own'].view.fitted"
    opened.wait_for_timeout(500)  # the kernel is told, but is not waited for
    label, code, errors, image = ask(
        opened, f"[{view}[name] for name in ('label', 'code', 'errors', 'image')]"
    )
    assert study.digits.class_names[label] == guess
    assert errors.index(min(errors)) == label
    assert len(errors) == 10
    assert max(image) > 0.5
    glo, classes = study.alone(study.parameters.methods()["ours"]), torch.arange(10)
    expected = glo.decode(classes, torch.tensor(code).expand(10, -1))
    found = ink(own.locator("[data-show^=as]"))
    assert_close(found, expected, STEP)


def stroke(board: Locator, *points: tuple[float, float]) -> None:
    """Draws a line by the mouse on the pad, whose sides are 1 long."""
    mouse, box = board.page.mouse, board.locator("glo-own .pad").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=5)
    mouse.up()


# --- training ------------------------------------------------------------------------------------


def fill(board: Locator, **values: Any) -> None:
    """Fills in the first recipe of the board of training."""
    control(board, "method").first.select_option(label="the exercise, corrected")
    for name, value in values.items():
        control(board, name).fill(str(value))
        control(board, name).press("Tab")


def says(board: Locator, words: str) -> None:
    """Waits until the board of training says something of its first recipe."""
    board.locator(".widget-html").filter(has_text=re.compile(words)).first.wait_for()


def test_training_is_started_paused_and_stopped_over_a_page_that_is_loaded_again(opened, project):
    training = board(opened, "training")
    before = sorted(path.name for path in (project.root / "runs").iterdir())
    fill(training, epochs=5000, seed=77)
    says(training, "to train")
    training.get_by_role("button", name="Start").first.click()
    says(training, r"epoch \d+ of 5000")
    training.get_by_role("button", name="Pause").first.click()
    says(training, r"paused after epoch \d+")
    done = "shown['training'].workers[0].training.epoch.number"
    paused = ask(opened, done)
    load_again(opened)
    training = board(opened, "training")
    says(training, f"paused after epoch {paused} of")
    assert ask(opened, done) == paused
    training.get_by_role("button", name="Go on").first.click()
    says(training, rf"epoch (?!{paused} )\d+ of 5000, loss")  # a slow machine needs a while for one
    training.get_by_role("button", name="Stop").first.click()
    says(training, "nothing of this model is kept")
    assert ask(opened, done) > paused
    after = sorted(path.name for path in (project.root / "runs").iterdir())
    assert after == before


def test_what_is_trained_joins_the_first_boards_table(opened):
    training, noise = board(opened, "training"), board(opened, "noise")
    fill(training, epochs=2, seed=78)
    says(training, "to train")
    training.get_by_role("button", name="Start").first.click()
    says(training, "finished, in runs/")
    noise.get_by_text("Any run in runs/").click()
    line = noise.locator("option", has_text="seed 78")
    line.wait_for()
    noise.locator("select[size]").select_option(label=line.inner_text())
    wait_for_models(noise)
    assert ask(opened, "shown['noise'].view.chosen_level.recipe.seed") == 78
    wait_for_pictures(noise)
    choose(noise, "our GLO")


# --- how fast ------------------------------------------------------------------------------------

TRIES = 20
# Tells when a canvas was last drawn on, with other pixels than before.
STAMPS = """
    const draw = CanvasRenderingContext2D.prototype.putImageData, seen = new WeakMap();
    CanvasRenderingContext2D.prototype.putImageData = function (pixels, ...at) {
        draw.call(this, pixels, ...at);
        const words = new Uint32Array(pixels.data.buffer);
        const sum = words.reduce((sum, word, k) => (sum + word * (k + 1)) % 9007199254740, 0);
        if (seen.get(this.canvas) === sum) return;
        seen.set(this.canvas, sum);
        window.drawn = performance.now();
        window.whenDrawn?.();
    };
"""
# Moves a control there and back; the milliseconds from each move to the pictures that follow it.
# The next move waits until nothing more is drawn because of this one, longer where the kernel is
# asked: a list that is moved there and back before it has answered has not moved.
LATENCIES = """
    async (control, tries) => {
        const times = [], home = control.selectedIndex, rest = control.matches("select") ? 150 : 30;
        let quiet;
        const other = home === 0 ? 1 : home - 1;
        const up = control.getAttribute("aria-valuenow") !== control.getAttribute("aria-valuemax");
        for (let k = 0; k < tries; k++) {
            const there = k % 2 === 0, started = performance.now();
            if (control.matches("select")) {
                control.selectedIndex = there ? other : home;
                control.dispatchEvent(new Event("change", { bubbles: true }));
            } else control.dispatchEvent(new KeyboardEvent("keydown",
                { key: up === there ? "ArrowRight" : "ArrowLeft", bubbles: true }));
            const late = await new Promise((done) => {
                window.whenDrawn = done;
                setTimeout(done, 10000, true);
            });
            if (late) return null;
            times.push(window.drawn - started);
            do {
                quiet = window.drawn;
                await new Promise((done) => setTimeout(done, rest));
            } while (window.drawn !== quiet);
        }
        return times;
    }
"""
# Controls that move pictures, each once.
MOVING = {
    "noise": "method, loss, σ, images of, pick, how many, convert to, code".split(", "),
    "conversion": ["blend from", "to"],
    "scratch": ["code", "direction 1"],
    "epochs": ["epoch"],
}


def test_pictures_follow_controls_at_once(opened):
    medians = {}
    choose(board(opened, "noise"), "the exercise, corrected")
    for kind, names in MOVING.items():
        cell = board(opened, kind)
        for name in names:
            times = control(cell, name).evaluate(LATENCIES, TRIES)
            assert times is not None, f"{kind}: no picture has followed {name}"
            medians[f"{kind}: {name}"] = round(median(times), 1)
    folder = ROOT / "reports" / "build"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lab-latency.json"
    path.write_text(json.dumps(medians, indent=1, ensure_ascii=False), encoding="utf-8")
    print(path.read_text(encoding="utf-8"))
    assert max(medians.values()) < 1000  # only a board that hangs takes as long


# --- the notebook --------------------------------------------------------------------------------


# A control of each board, and the trait of its view that it moves.
LIVE = {
    "noise": ("code", "seed"),
    "conversion": ("to", "end"),
    "scratch": ("direction 1", "move1"),
    "epochs": ("epoch", "epoch"),
}


def assert_live(page: Page) -> None:
    """Asserts that each board is there once, and that its pictures and the kernel follow it."""
    for kind, (name, trait) in LIVE.items():
        cell = board(page, kind)
        wait_for_pictures(cell)
        assert cell.locator("glo-board").count() == 1
        press(control(cell, name), "Home")
        before = pictures(cell)
        press(control(cell, name), "End")
        assert np.abs(pictures(cell) - before).max() > 0.1
        shown = cell.locator("glo-board").evaluate(f"board => board.widget.get('{trait}')")
        for _ in range(100):  # the kernel is told, but is not waited for
            if known := ask(page, f"shown[{kind!r}].view.{trait}") == shown:
                break
            page.wait_for_timeout(50)
        assert known


def test_a_cell_that_was_moved_is_still_live(opened):
    board(opened, "conversion").locator(".jp-InputPrompt").click()
    for command in ("up", "down"):
        opened.evaluate(f"jupyterapp.commands.execute('notebook:move-cell-{command}')")
    assert_live(opened)


def test_a_board_that_is_taken_off_the_page_and_put_back_is_live(opened):
    board(opened, "conversion").locator("glo-board").evaluate(
        "each => { const place = each.parentElement; each.remove(); place.append(each); }"
    )
    assert_live(opened)


def load_again(page: Page) -> None:
    """Saves the notebook and loads the page again, which finds its kernel alive."""
    page.evaluate("jupyterapp.shell.currentWidget.context.save()")
    page.reload()
    wait_for_kernel(page)


def test_a_page_that_is_loaded_again_is_live(opened):
    load_again(opened)
    assert_live(opened)


def test_running_all_again_leaves_one_lab(opened):
    counted = (
        "(sum(isinstance(each, Board) for each in ipywidgets.widget._instances.values()),"
        " sum('Latest' in getattr(getattr(each, '_target', None), '__qualname__', '')"
        " for each in threading.enumerate()))"
    )
    before = ask(opened, counted)
    assert before[0] == len(BOARDS)
    run_all(opened)
    opened.wait_for_timeout(500)  # threads end when they have done what they do
    assert ask(opened, counted) == before
    assert_live(opened)


def test_the_console_has_said_nothing(opened):
    assert opened.said == []


def test_a_page_that_is_loaded_again_after_all_was_run_again_is_live(opened):
    opened.set_default_timeout(5000)
    load_again(opened)
    assert_live(opened)
