"""The lab's boards in a real Chromium, with a widget of which no kernel knows."""

import re

import numpy as np
import pytest
from conftest import CHROMIUM, NO_CHROMIUM
from playwright.sync_api import Page

from reports.show import page as elements

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
# A board on the page for a widget with three models, what it has asked for, and who listens.
BOARD = """
    const state = { levels: ["a", "b", "c"], level: 0 }, asked = [];
    const heard = { change: new Set(), "msg:custom": new Set() };
    const board = document.createElement("glo-board");
    board.connect({
        get: (name) => state[name],
        on: (name, act) => heard[name].add(act),
        off: (name, act) => heard[name].delete(act),
        send: ({ wanted }) => asked.push(wanted),
    });
    const listening = () => heard.change.size + heard["msg:custom"].size;
    const choose = async (level) => {
        state.level = level;
        for (const act of heard.change) act();
        for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
    };
    document.body.append(board);
"""


@pytest.fixture(scope="module")
def blank(browser) -> Page:
    """A blank page with what the scripts of the lab export."""
    page = browser.new_page()
    script = elements.widget().replace("export default { render };", "")
    page.evaluate(f"{{ {script} Object.assign(globalThis, {{ SCENES, drawCurves }}); }}")
    return page


def test_of_models_that_were_passed_by_none_is_asked_for(blank):
    asked = blank.evaluate(
        f"""async () => {{
            {BOARD}
            for (const level of [0, 1, 2, 1, 2]) await choose(level);
            await board.receive({{ key: "a", error: "none" }});
            await choose(2);
            board.remove();
            return asked;
        }}"""
    )
    assert asked == ["a", "c"]


def test_a_place_beyond_the_levels_is_the_last_one(blank):
    asked = blank.evaluate(
        f"""async () => {{
            {BOARD}
            state.levels = ["a"];
            await choose(2);
            board.remove();
            return asked;
        }}"""
    )
    assert asked == ["a"]


def test_a_board_listens_and_asks_only_while_it_is_on_the_page(blank):
    found = blank.evaluate(
        f"""async () => {{
            {BOARD}
            await choose(0);
            const found = [listening()];
            board.remove();
            await board.receive({{ key: "a", error: "none" }});
            await choose(1);
            found.push(listening(), [...asked]);
            document.body.append(board);
            await choose(1);
            found.push(listening(), asked);
            board.remove();
            return found;
        }}"""
    )
    assert found == [2, 0, ["a"], 2, ["a", "b"]]


def test_images_after_an_epoch_stand_below_the_names_of_their_classes(blank):
    rows, greys = blank.evaluate(
        """() => {
            const images = (...greys) =>
                Uint8Array.from(greys.flatMap((grey) => Array(784).fill(grey)));
            const model = {
                shown: [0, 0, 1, 2, 2],
                real: images(1, 2, 3, 4, 5),
                panel: images(0, 0, 0, 0, 0, 11, 12, 13, 14, 15),
                scratch: images(0, 0, 0, 21, 22, 23),
            };
            const gallery = { classes: ["x", "y", "z"] };
            const [{ rows, cells }] = SCENES.epochs({ epoch: 2 }, model, gallery);
            const grey = (cell) => (cell.greys ? Math.round(255 * cell.greys[0]) : null);
            return [rows, cells.map((row) => row.map(grey))];
        }"""
    )
    assert rows == ["real", "epoch 2", "real", "epoch 2", "from scratch"]
    assert greys == [[1, 3, 4], [11, 13, 14], [2, None, 5], [12, None, 15], [21, 22, 23]]


# Draws curves, of which the first one is in front, and tells what is to be seen.
CURVES = """
    ([curves, fronts, epochs]) => {
        const place = document.createElement("div");
        drawCurves(place, curves, fronts, epochs ?? undefined);
        const all = (name) => [...place.querySelectorAll(name)];
        return {
            fronts: all(".front").map((each) => each.getAttribute("d")),
            others: all(".other").length,
            marks: all("circle").map((each) => ["cx", "cy"].map((at) => +each.getAttribute(at))),
            words: all("text").map((each) => each.textContent),
        };
    }
"""
FRONT = {"curve": 0, "color": "red"}


def points(path):
    return [tuple(map(float, each.split())) for each in re.split("[ML]", path)[1:]]


def test_losses_that_are_not_finite_leave_a_gap(blank):
    for losses, marked, commands, marks in (
        ([1, None, 0.5, 0.25], 3, "MML", 1),
        ([1, None], 2, "M", 0),
        ([1, 0, 0.5], 1, "MM", 1),
    ):
        shown = blank.evaluate(CURVES, [[losses, None], [FRONT | {"marked": marked}], None])
        (path,) = shown["fronts"]
        assert re.sub("[^ML]", "", path) == commands
        assert len(shown["marks"]) == marks


def test_curves_share_their_axes_and_fall_with_the_logarithm_of_the_loss(blank):
    fronts = [FRONT | {"name": "A"}, {"curve": 1, "color": "blue", "name": "<B>"}]
    shown = blank.evaluate(CURVES, [[[0.4, 0.2, 0.1], [0.4, 0.1], [0.3]], fronts, 10])
    one, other = map(points, shown["fronts"])
    assert one[0] == other[0]
    assert one[2][1] == other[1][1]
    (left, high), (middle, half), (right, low) = one
    assert half - high == pytest.approx(low - half, abs=0.2) != 0
    assert middle - left == pytest.approx(right - middle, abs=0.2) != 0
    assert high < half  # from the upper edge
    assert shown["others"] == 1
    assert shown["marks"] == pytest.approx(np.array([one[-1], other[-1]]), abs=0.1)
    assert {"A", "<B>"} <= {*shown["words"]}


@pytest.mark.parametrize("losses", [[0.3], [0.3, 0.3], [None, 0.2], [1e-9, 1e9], [0.11, 0.12]])
@pytest.mark.parametrize("epochs", [2, 1000])
def test_any_losses_can_be_shown(blank, losses, epochs):
    shown = blank.evaluate(CURVES, [[losses], [FRONT], epochs])
    for x, y in points(shown["fronts"][0]):
        assert 0 <= x <= 420
        assert 0 < y < 190
    assert len([words for words in shown["words"] if re.match(r"\d", words)]) > 1


@pytest.mark.parametrize("curves", [[], [None], [[None, 0.0]]])
def test_without_losses_there_are_no_axes(blank, curves):
    assert blank.evaluate(CURVES, [curves, [], None])["words"] == []
