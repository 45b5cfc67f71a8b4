"""The quick report in a real Chromium, as a reader opens it: from disk, without a network."""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import axe_playwright_python
import numpy as np
import pytest
import torch
from conftest import CHROMIUM, GIVEN, NO_CHROMIUM, ROOT, expose
from PIL import Image, ImageDraw
from playwright.sync_api import Page
from report.browsers import expected, quick_study, shown_methods

from reports.answers.introduction import unseen
from reports.show.live import Shown, directions
from reports.study import Study

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
WIDTHS = (400, 1400, 2500)
# What axe-core calls grave.
GRAVE = {"serious", "critical"}
FOCUSABLE = "a[href], button, input, select, summary, [tabindex='0']"


@pytest.fixture
def opened(browser, quick):
    """Opens the report in a window of its own, which is closed after the test."""
    contexts = []

    def open_report(width: int = 1400, **options: Any) -> Page:
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 900}, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((quick.build / "report.html").as_uri())
        page.wait_for_selector("glo-decoder[data-ready]", state="attached")
        return page

    yield open_report
    for context in contexts:
        context.close()


@pytest.fixture
def page(opened) -> Page:
    return opened(reduced_motion="reduce")


@pytest.fixture(scope="module")
def study(quick) -> Study:
    """The study whose models the quick report shows."""
    return quick_study(quick, *GIVEN)


@pytest.fixture(scope="module")
def methods(study) -> dict[str, list[Shown]]:
    """The models of the decoder by their method's name."""
    return shown_methods(study)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_asks_for_nothing_says_nothing_and_fits(opened, width):
    page = opened(width)
    # Kept for people to look at, beside the report.
    folder = ROOT / "reports" / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for label in ("text", "fig-live", "fig-frontier", "tbl-comparison"):
        page.locator(f"#{label}").evaluate("e => e.scrollIntoView({ behavior: 'instant' })")
        page.screenshot(path=folder / f"{label}-{width}.png")
    assert page.asked[0].startswith("file:")
    assert {url.partition(":")[0] for url in page.asked[1:]} <= {"data"}
    assert page.said == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_not_its_own_may_not_run(opened):
    page = opened()
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.org/a.png>');"
        "const script = document.createElement('script');"
        "script.textContent = 'window.foreign = true'; document.body.append(script)"
    )
    for _ in range(100):
        if len(page.said) < 2:
            page.wait_for_timeout(50)
    assert page.evaluate("window.foreign") is None
    assert len(page.said) == 2
    assert all("Content Security Policy" in text for text in page.said)


# --- the live decoder ----------------------------------------------------------------------------


def settle(page: Page) -> None:
    """Waits until all that was asked for is shown: until two frames have passed."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def move(page: Page, **values: Any) -> None:
    """Sets controls of the decoder as a reader does, and waits until it has generated."""
    page.evaluate(
        """values => {
            const decoder = document.querySelector("glo-decoder");
            for (const [name, value] of Object.entries(values)) {
                const control = decoder.querySelector(`[name=${name}]`);
                control.value = value;
                control.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }""",
        values,
    )
    settle(page)


def generated(page: Page) -> np.ndarray:
    return np.array(page.evaluate("[...document.querySelector('glo-decoder').generated]"))


def canvas(page: Page, name: str) -> np.ndarray:
    """The ink on a canvas, (784,) in [0, 1]."""
    address = page.evaluate(f"document.querySelector('[data-show={name}]').toDataURL()")
    picture = Image.open(BytesIO(base64.b64decode(address.partition(",")[2])))
    return 1 - np.asarray(picture.convert("L")).ravel() / 255


def embedded(study: Study) -> torch.Tensor:
    """The images of the decoder, as the notebook picks them."""
    classes = range(len(study.digits.class_names))
    return torch.cat([study.pick(k, 2) for k in classes])


def test_the_decoder_generates_what_pytorch_generates(opened, study, methods):
    page, errors = opened(), []
    stream = np.random.default_rng(0)
    images = embedded(study)
    models = [
        (k, level, shown)
        for k, listed in enumerate(methods.values())
        for level, shown in enumerate(listed)
    ]
    assert len({shown.glo.recipe.content_dim for _, _, shown in models}) > 1
    assert any(shown.own_statistics for _, _, shown in models)
    for method, level, (glo, noise, _) in models:
        _, axes = directions(glo)
        for place in stream.permutation(len(images))[:4].tolist():
            page.evaluate(f"document.querySelector('glo-decoder').choose({place})")
            start, end = int(study.digits.labels[images[place]]), int(stream.integers(10))
            mix, moves = stream.choice([0, 0.3, 1]), stream.uniform(-3, 3, 3).round(1)
            moves[stream.random(3) < 0.5] = 0
            names = {f"move{k + 1}": f"{value:.1f}" for k, value in enumerate(moves)}
            move(page, method=method, noise=level, to=end, mix=float(mix), **names)
            assert page.locator("[data-of=noise]").inner_text() == noise
            content = glo.content_table[images[place]] + torch.tensor(moves).float() @ axes[:3]
            error = np.abs(generated(page) - expected(glo, start, end, mix, content))
            errors.append((error.max(), error.mean()))
            assert np.abs(canvas(page, "generated") - generated(page)).max() <= 0.5 / 255 + 1e-6
    assert max(most for most, _ in errors) <= 1e-2
    assert np.median([most for most, _ in errors]) <= 5e-3
    assert np.mean([mean for _, mean in errors]) <= 1e-3


def test_every_class_of_a_code_is_generated_below(opened, study, methods):
    page, images = opened(), embedded(study)
    glo = methods["our GLO"][0].glo  # shown first
    for place in (0, 7):
        page.evaluate(f"document.querySelector('glo-decoder').choose({place})")
        settle(page)
        converted = glo.convert(images[place].expand(10), torch.arange(10)).flatten(1).numpy()
        for k in range(10):
            assert np.abs(canvas(page, f"class{k}") - converted[k]).max() <= 1e-2 + 0.5 / 255
        real = study.digits.images[images[place]].flatten().numpy()
        assert np.abs(canvas(page, "real") - real).max() <= 0.5 / 255 + 1e-6


def choices(page: Page) -> dict[str, str]:
    """What the decoder's controls have chosen, by their names."""
    chosen: dict[str, str] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll("glo-decoder :is(select, input)")]
            .filter(each => each.type !== "radio" || each.checked)
            .map(each => [each.name, each.value]))"""
    )
    return chosen


@pytest.mark.parametrize("width", [400, 1400])
def test_another_method_shows_the_same_image_and_conversion(opened, methods, width):
    page, pictures = opened(width), []
    page.evaluate("document.querySelector('glo-decoder').choose(7)")
    move(page, to=5, mix=0.5, move1="1.5")
    control = page.get_by_role("combobox", name="method", exact=True)
    assert control.locator("option").all_inner_texts() == list(methods)
    height = "document.querySelector('glo-decoder').getBoundingClientRect().height"
    before, tall = choices(page), page.evaluate(height)
    for k, name in enumerate(methods):
        control.select_option(name)
        settle(page)
        assert choices(page) == before | {"method": str(k)}
        assert page.evaluate(height) == tall
        slider = page.locator("glo-decoder input[name=noise]")
        assert slider.is_visible() == (len(methods[name]) > 1)
        pictures.append(generated(page))
    for k, picture in enumerate(pictures):
        assert all(np.abs(picture - other).max() > 0.1 for other in pictures[:k])
    control.press("Home")
    settle(page)
    assert np.array_equal(generated(page), pictures[0])


def test_random_codes_are_draws_from_the_codes_gaussian(page, methods):
    glo = methods["our GLO"][0].glo
    expose(page, "contentCode")
    found = page.evaluate(
        """() => {
            const decoder = document.querySelector("glo-decoder");
            const model = decoder.model(decoder.level().model);
            return Array.from({ length: 4000 }, (_, k) => [...contentCode(model, 0, k + 1, [])]);
        }"""
    )
    codes = torch.tensor(found)
    spread = glo.content_table.std(0)
    assert ((codes.mean(0) - glo.content_table.mean(0)).abs() < 0.1 * spread).all()
    across = torch.cov(codes.T) - torch.cov(glo.content_table.T)
    assert across.abs().max() < 0.12 * spread.max() ** 2


def test_a_random_code_and_the_way_back(opened):
    page = opened()
    before = generated(page)
    page.get_by_role("button", name="New random code").click()
    settle(page)
    first = generated(page)
    assert np.abs(first - before).max() > 0.1
    page.get_by_role("button", name="New random code (this is no. 1)").click()
    settle(page)
    assert np.abs(generated(page) - first).max() > 0.1
    page.get_by_role("button", name="Back to the image").click()
    settle(page)
    assert np.array_equal(generated(page), before)


# --- an image of the reader's own ----------------------------------------------------------------

# A 4 in two strokes, as proportions of the pad.
FOUR = (
    ((0.38, 0.2), (0.33, 0.35), (0.3, 0.52), (0.45, 0.53), (0.6, 0.52), (0.7, 0.5)),
    ((0.63, 0.18), (0.6, 0.4), (0.57, 0.6), (0.54, 0.85)),
)


def fitted(page: Page) -> None:
    """Waits until the board has fitted its codes."""
    page.wait_for_selector("glo-own .found[aria-busy=false]", state="attached")


def draw(page: Page, strokes) -> None:
    """Draws strokes on the board's pad with the mouse, and waits until they are fitted."""
    page.get_by_role("button", name="Clear").click()
    pad = page.locator("glo-own .pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for stroke in strokes:
        for k, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if k == 0:
                page.mouse.down()
        page.mouse.up()
    fitted(page)


@torch.inference_mode()
def check_conversions(page: Page, glo) -> None:
    """The board's pictures are what PyTorch generates of the code that it has fitted."""
    chosen = int(page.locator("glo-own input:checked").input_value())
    codes = torch.tensor(
        page.evaluate("document.querySelector('glo-own').fit.codes.map(c => [...c])")
    )
    wanted = glo.decode(torch.arange(10), codes[chosen].expand(10, -1)).flatten(1).numpy()
    for k in range(10):
        assert np.abs(canvas(page, f"as{k}") - wanted[k]).max() <= 1e-2 + 0.5 / 255
    reconstructed = glo.decode(torch.arange(10), codes).flatten(1).numpy()
    errors = np.abs(reconstructed - canvas(page, "seen")).mean(1)
    said = [float(each) for each in page.locator("glo-own .error").all_inner_texts()]
    assert np.allclose(said, errors, atol=3e-3)


@pytest.mark.parametrize("width", [400, 1400])
def test_a_drawn_digit_is_converted(opened, methods, width):
    page, (ours,) = opened(width), methods["our GLO"]
    draw(page, FOUR)
    board = page.locator("glo-own")
    board.evaluate("e => e.scrollIntoView({ behavior: 'instant' })")
    page.screenshot(path=ROOT / "reports" / "build" / "screenshots" / f"fig-own-{width}.png")
    check_conversions(page, ours.glo)
    errors = [float(each) for each in board.locator(".error").all_inner_texts()]
    guess = int(board.locator(".guess").inner_text().removeprefix("GLO's guess: "))
    assert errors[guess] == min(errors)
    assert board.locator("input:checked").input_value() == str(guess)
    seen = canvas(page, "seen").reshape(28, 28) > 0.1
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    assert 19 <= rows[-1] - rows[0] + 1 <= 21
    assert columns[-1] - columns[0] < 16  # a 4 is narrow
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.said == []


def test_another_class_can_be_chosen_and_an_unseen_image_taken(page, study, methods):
    fitted(page)
    before = canvas(page, "seen")
    page.get_by_role("button", name="An unseen image").click()
    fitted(page)
    assert np.abs(canvas(page, "seen") - before).max() > 0.5
    shown = unseen(study).images[1].flatten().numpy()
    assert np.abs(canvas(page, "seen") - shown).max() <= 0.5 / 255 + 1e-6
    pictures = [canvas(page, f"as{k}") for k in range(10)]
    page.locator("glo-own input:checked").focus()
    page.keyboard.press("ArrowRight")
    assert any(np.abs(canvas(page, f"as{k}") - pictures[k]).max() > 0.1 for k in range(10))
    check_conversions(page, methods["our GLO"][0].glo)


def pictures_of(strokes, folder) -> list[Path]:
    """One image in three files: on a transparent ground, white on black, and as a photograph."""
    ink = Image.new("L", (400, 300))
    for stroke in strokes:
        places = [(100 + 200 * x, 40 + 200 * y) for x, y in stroke]
        ImageDraw.Draw(ink).line(places, 255, 24, joint="curve")
    clear = Image.new("RGBA", ink.size)
    clear.putalpha(ink)
    light = np.linspace(0.5, 0.9, 400) * np.linspace(0.8, 1, 300)[:, None]
    paper = 255 * light * (1 - 0.8 * np.asarray(ink) / 255)
    files = {"clear.png": clear, "white.png": ink, "photo.jpg": Image.fromarray(paper.astype("u1"))}
    for name, picture in files.items():
        picture.save(folder / name)
    return [folder / name for name in files]


def test_loaded_pictures_of_one_digit_are_seen_alike(page, tmp_path):
    fitted(page)
    seen = []
    for file in pictures_of(FOUR, tmp_path):
        page.get_by_role("button", name="Clear").click()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Load a picture").click()
        chooser.value.set_files(file)
        page.wait_for_function("() => document.querySelector('glo-own').greys")
        fitted(page)
        seen.append(canvas(page, "seen"))
        assert page.locator("glo-own .found").is_visible()
    assert seen[0].mean() > 0.05
    assert all(np.abs(seen[0] - other).mean() < 0.02 for other in seen[1:])
    assert page.said == []


def test_what_is_no_picture_is_told_and_a_blank_one_too(page, tmp_path):
    fitted(page)
    file, problem = page.locator("glo-own [type=file]"), page.locator("glo-own [role=alert]")
    (tmp_path / "words.txt").write_text("no picture", encoding="utf-8")
    file.set_input_files(tmp_path / "words.txt")
    problem.get_by_text("words.txt").wait_for()
    Image.new("RGB", (100, 80), "white").save(tmp_path / "blank.png")
    file.set_input_files(tmp_path / "blank.png")
    problem.get_by_text("no ink").wait_for()
    assert not page.locator("glo-own .found").is_visible()
    draw(page, FOUR)
    assert problem.inner_text() == ""
    assert page.locator("glo-own .found").is_visible()
    page.get_by_role("button", name="Undo").click()
    fitted(page)
    page.get_by_role("button", name="Undo").click()
    assert not page.locator("glo-own .found").is_visible()


# --- players and plots ---------------------------------------------------------------------------


def test_every_slider_moves_its_picture(page):
    move(page, method=1)  # the exercise, whose noise level can be moved, too
    sliders = page.locator("input[type=range]")
    assert sliders.count() > 12
    looks = {  # what is seen, and nothing that a scrolled page would change
        "glo-player": "e => e.querySelector('.sprite img').getBoundingClientRect().top"
        " - e.querySelector('.sprite').getBoundingClientRect().top",
        "glo-decoder": "e => e.querySelector('[data-show=generated]').toDataURL()",
    }
    for slider in sliders.all():
        name = "glo-decoder" if slider.get_attribute("name") else "glo-player"
        element = slider.locator(f"xpath=ancestor::{name}")
        at_end, start = slider.evaluate("e => [e.value === e.max, e.value]")
        before, said = element.evaluate(looks[name]), slider.get_attribute("aria-valuetext")
        slider.focus()
        page.keyboard.press("Home" if at_end else "End")
        settle(page)
        assert element.evaluate(looks[name]) != before, slider.get_attribute("aria-label")
        assert slider.get_attribute("aria-valuetext") != said
        slider.fill(start)


def test_controls_are_named_by_their_labels(page):
    for name in ("noise level in training", "between the classes", "direction 1"):
        assert page.get_by_label(name).get_attribute("type") == "range"
    assert page.get_by_role("combobox", name="method", exact=True).count() == 1


def test_a_figure_that_was_moved_still_works(opened):
    page = opened()
    page.evaluate("document.querySelectorAll('figure').forEach(e => e.parentElement.append(e))")
    figure = page.locator("#fig-learning-to-draw")
    figure.get_by_role("button", name="Play").click()
    assert figure.get_by_role("button", name="Pause").is_visible()
    before = generated(page)
    move(page, mix=0.5)
    assert np.abs(generated(page) - before).max() > 0.1
    assert page.said == []


BOXES = """sprite => [sprite, sprite.querySelector("img")].map(element => {
    const {y, height} = element.getBoundingClientRect();
    return {y, height};
})"""


def test_a_player_shows_the_frame_that_it_names(page):
    figure = page.locator("#fig-scratch-l1")
    names = json.loads(figure.locator("glo-player").get_attribute("data-names"))
    slider = figure.locator("input")
    for k, name in enumerate(names):
        slider.evaluate(f"e => {{ e.value = {k}; e.dispatchEvent(new Event('input')) }}")
        assert figure.locator("output").inner_text() == name
        sprite = figure.locator(".sprite")
        box, sheet = sprite.evaluate(BOXES)  # at once, as what stands above may still be loading
        assert abs(sheet["y"] - box["y"] + k * box["height"]) < 1
        assert abs(sheet["height"] - len(names) * box["height"]) < 2
        assert sprite.locator("img").get_attribute("alt").endswith(name)


def test_a_player_plays_to_its_end_and_stops(opened):
    page = opened()
    page.clock.install()
    figure = page.locator("#fig-learning-to-draw")
    last = figure.locator("input").get_attribute("max")
    figure.get_by_role("button", name="Play").click()
    assert figure.locator("input").input_value() == "0"  # it stood at its end
    page.clock.run_for(1200)
    figure.get_by_role("button", name="Pause").click()
    paused = figure.locator("input").input_value()
    page.clock.run_for(5000)
    assert 0 < int(paused) < int(last)
    assert figure.locator("input").input_value() == paused
    figure.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    page.clock.run_for(20000)
    assert figure.locator("input").input_value() == last
    assert figure.locator(".controls button").inner_text() == "Play"


def test_nothing_plays_where_less_motion_is_asked_for(page):
    assert page.locator(".controls button").count() > 5
    assert not any(button.is_visible() for button in page.locator(".controls button").all())
    assert page.locator("#fig-learning-to-draw input").is_visible()


@pytest.mark.parametrize("label", ["fig-frontier", "fig-conversion-matrix"])
def test_pointing_at_a_mark_shows_its_picture_and_name(opened, label):
    page = opened()
    player = page.locator(f"#{label} glo-player")
    player.scroll_into_view_if_needed()
    names = json.loads(player.get_attribute("data-names"))
    places = json.loads(player.get_attribute("data-places"))
    box = player.locator(".plot img").bounding_box()
    for k in {0, len(names) // 2, len(names) - 1}:
        x, y = places[k][0]
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        said = player.locator("output").inner_text()
        same = [names[j] for j, each in enumerate(places) if [x, y] in each]
        assert said in same
        ring = player.locator(".ring").first.bounding_box()
        assert abs(ring["x"] + ring["width"] / 2 - box["x"] - x * box["width"]) < 1
        assert abs(ring["y"] + ring["height"] / 2 - box["y"] - y * box["height"]) < 1


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "rules"),
    [("light", "{}"), ("dark", "{ runOnly: ['color-contrast'] }")],  # only colours differ
    ids=["light", "dark"],
)
def test_axe_finds_nothing_grave(opened, scheme, rules):
    page = opened(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.wait_for_timeout(1000)  # what now scrolls becomes reachable
    folder = axe_playwright_python.__path__[0]
    with open(f"{folder}/axe.min.js", encoding="utf-8") as script:
        page.evaluate(script.read())
    found = page.evaluate(f"axe.run({rules})")["violations"]
    grave = {
        each["id"]: [node["target"] for node in each["nodes"]][:5]
        for each in found
        if each["impact"] in GRAVE
    }
    assert grave == {}


def test_the_keyboard_reaches_everything_and_is_never_caught(opened):
    page = opened()
    fitted(page)  # until then, another class may be chosen
    wanted = page.evaluate(
        f"""[...document.querySelectorAll("{FOCUSABLE}")].filter(each =>
            each.checkVisibility({{ visibilityProperty: true }})
            && !each.closest("[aria-hidden=true], [tabindex='-1']:not(main)")
            && !(each.type === "radio" && !each.checked)
            && each.tabIndex >= 0).map((each, k) => (each.dataset.place = k)).length"""
    )
    reached = set()
    for _ in range(wanted + 50):
        page.keyboard.press("Tab")
        place = page.evaluate("document.activeElement?.dataset.place ?? null")
        if place is not None:
            reached.add(int(place))
        if len(reached) == wanted:
            break
    missing = page.evaluate(
        "missing => [...document.querySelectorAll('[data-place]')]"
        ".filter(e => missing.includes(+e.dataset.place)).map(e => e.outerHTML.slice(0, 90))",
        sorted(set(range(wanted)) - reached),
    )
    assert missing == []


def test_boxes_that_scroll_can_be_reached_and_others_need_not(opened):
    for width, scrolls in ((400, True), (2500, False)):
        table = opened(width).locator("#tbl-comparison .scroll")
        assert (table.get_attribute("tabindex") == "0") == scrolls


def test_images_of_the_decoder_are_picked_by_the_arrow_keys(opened):
    page = opened()
    before = generated(page)
    page.locator("glo-decoder input[type=radio]:checked").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert np.abs(generated(page) - before).max() > 0.1


def test_the_contents_follow_the_reading(opened):
    page = opened(reduced_motion="reduce")
    for label in ("sec-noise", "sec-scratch-read", "sec-limits"):
        page.evaluate(f"document.getElementById('{label}').scrollIntoView()")
        current = page.locator("nav [aria-current]")
        page.wait_for_function(
            "label => document.querySelector('nav [aria-current]')?.hash === label", arg=f"#{label}"
        )
        assert current.count() == 1
        assert current.is_visible()


def test_code_can_be_copied(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    code = page.locator("details.code").first
    code.locator("summary").click()
    code.get_by_role("button", name="Copy").click()
    code.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == code.locator("code").inner_text()


def test_on_paper_a_player_is_a_film_strip(opened):
    page = opened(width=643)  # A4 between the margins
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    names = json.loads(page.locator("#fig-learning-to-draw glo-player").get_attribute("data-names"))
    strip = page.locator("#fig-learning-to-draw .strip > div")
    said = [each.inner_text() for each in strip.all()]
    assert len(names) > len(said) == 6
    assert (said[0], said[-1]) == (names[0], names[-1])
    assert said == [name for name in names if name in said]
    assert strip.first.is_visible()
    assert not page.locator("nav").is_visible()
    assert not page.locator("glo-decoder .sliders").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert strip.count() == 0
