"""The lab's boards in a real Chromium, with a widget of which no kernel knows."""

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


def test_losses_that_are_not_finite_leave_a_gap(blank):
    found = blank.evaluate(
        """() => [[[1, null, 0.5, 0.25], 3], [[1, null], 2]].map(([losses, marked]) => {
            const place = document.createElement("div");
            drawCurves(place, [losses, null], 0, marked, "loss");
            const path = place.querySelector(".chosen").getAttribute("d");
            return [path.replace(/[^ML]/g, ""), place.querySelectorAll(".mark").length];
        })"""
    )
    assert found == [["MML", 1], ["M", 0]]
