"""The board for an own image: its scripts in a real Chromium, and what Python measures for it."""

import base64
import json
import re
from collections import Counter
from dataclasses import fields, replace
from io import BytesIO

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import CHROMIUM, NO_CHROMIUM, expose
from PIL import Image
from playwright.sync_api import Page

from glo_core.measures.fitting import fit
from reports.show.live import Shown, deflated, in_halves, numbers, sizes
from reports.show.own import Framing, framing, own_board, still
from reports.show.page import FOLDER, LAB, REPORT, base64_of
from reports.traps import OwnStatistics

in_chromium = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
SCRIPTS = ("Fit", "classCode", "generate", "modelOf", "seen", "bytes", "inflated", "halvesOf")


@pytest.fixture(scope="module")
def blank(browser) -> Page:
    """A blank page with what the scripts export."""
    page = browser.new_page()
    expose(page, *SCRIPTS)
    return page


@pytest.fixture(params=["folded", "of each image"])
def glo(request, models):
    """A model by what its BatchNorm normalises with."""
    if request.param == "folded":
        return models[0]
    return OwnStatistics(
        **{field.name: getattr(models[0], field.name) for field in fields(models[0])}
    )


@pytest.fixture
def loaded(blank, glo) -> Page:
    """The page with the model as `model`."""
    parts = numbers(Shown(glo, "", isinstance(glo, OwnStatistics)), torch.arange(0))
    blank.evaluate(
        """async ([sizes, halves]) => {
            window.model = modelOf(sizes, halvesOf(await inflated(bytes(halves))));
        }""",
        [sizes(parts), base64_of(deflated(in_halves(parts, "it")))],
    )
    return blank


@pytest.mark.parametrize("names", [REPORT, LAB], ids=["report", "lab"])
def test_no_two_scripts_that_are_joined_define_one_name(names):
    scripts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names]
    defined = re.findall(
        r"^(?:export )?(?:default )?(?:async )?(?:function|class|const|let) (\w+)",
        "\n".join(scripts),
        re.MULTILINE,
    )
    assert len(defined) > 50
    assert [name for name, count in Counter(defined).items() if count > 1] == []


# --- generating and fitting ----------------------------------------------------------------------


@in_chromium
@pytest.mark.parametrize("count", [1, 3, 10])
def test_it_generates_what_pytorch_generates(loaded, glo, count):
    images = torch.arange(count)
    codes = torch.cat([glo.class_table[glo.labels[images]], glo.content_table[images]], 1)
    generated = loaded.evaluate(
        "codes => generate(model, codes).map(image => [...image])", codes.tolist()
    )
    wanted = glo.reconstruct(images).flatten(1).numpy()
    assert np.abs(np.array(generated) - wanted).max() < 5e-3  # half precision


@in_chromium
def test_the_gradient_is_that_of_small_differences(loaded, digits):
    """Where no pixel's difference changes its sign, losses are smooth, but for ReLU's corners."""
    found = loaded.evaluate(
        """image => {
            const fit = new Fit(model, Float32Array.from(image), [0, 2], 30), pairs = [];
            fit.step();
            const gradient = fit.gradient(), size = gradient[0].length;
            const at = (k, n, step) => {
                fit.places[k][n] += step;
                fit.pass();
                const passed = fit.passed.images.subarray(784 * k, 784 * (k + 1));
                fit.places[k][n] -= step;
                return passed.reduce((sum, each, p) => sum + Math.abs(each - image[p]), 0) / 784;
            };
            for (const k of [0, 1]) for (let n = 0; n < size; n++)
                pairs.push([gradient[k][n], (at(k, n, 1e-5) - at(k, n, -1e-5)) / 2e-5]);
            return pairs;
        }""",
        digits.images[2].flatten().tolist(),
    )
    gradient, differences = np.array(found).T
    assert np.abs(differences).max() > 1e-4
    assert np.allclose(gradient, differences, atol=0.02 * np.abs(differences).max())


@in_chromium
def test_it_fits_as_well_as_pytorch_and_within_the_same_ball(loaded, glo, digits):
    labels, steps, losses = torch.arange(4), 40, []
    for image in digits.images[[5, 8, 11]]:
        repeated = image.expand(4, 28, 28)
        wanted = glo.decode(labels, fit(glo, repeated, labels, steps)) - repeated
        found = loaded.evaluate(
            """([image, steps]) => {
                const fit = new Fit(model, Float32Array.from(image), [0, 1, 2, 3], steps);
                while (!fit.done) fit.step();
                const lists = all => all.map(each => [...each]);
                const codes = lists(fit.codes), places = lists(fit.places);
                return { codes, places, losses: fit.losses };
            }""",
            [image.flatten().tolist(), steps],
        )
        losses.append([wanted.abs().mean((1, 2)).tolist(), found["losses"]])
        lengths = np.linalg.norm(found["places"], axis=1)
        assert lengths.max() <= np.sqrt(glo.recipe.content_dim) + 1e-6
        generated = glo.decode(labels, torch.tensor(found["codes"])) - repeated
        assert np.allclose(found["losses"], generated.abs().mean((1, 2)), atol=2e-3)
    # Adam's steps depend on the axes of the codes, so that single codes end in other places.
    pytorch, script = np.mean(losses, (0, 2))
    assert script == pytest.approx(pytorch, rel=0.05)


@in_chromium
def test_a_board_takes_its_data_and_its_model_from_outside(blank, models, digits):
    """As in the lab, where another model fits codes to the same image."""
    html = own_board(models[0], digits, digits.subset([5, 2]), "image", 2.0)
    held = json.loads(BeautifulSoup(html, "html.parser").script.string)
    del held["halves"]
    packed = []
    for glo in (models[0], models[2]):
        parts = numbers(Shown(glo, ""), torch.arange(0))
        packed.append([sizes(parts), base64_of(deflated(in_halves(parts, "it")))])
    found = blank.evaluate(
        """async ([held, packed]) => {
            const board = Object.assign(document.createElement("glo-own"), { data: held });
            const details = [];
            for (const [sizes, halves] of packed) {
                const model = modelOf(sizes, halvesOf(await inflated(bytes(halves))));
                const fitted =
                    new Promise(done => board.addEventListener("fitted", done, { once: true }));
                board.setModel(model);
                document.body.append(board);
                const { label, code, errors, image } = (await fitted).detail;
                details.push({ label, code: [...code], errors, image: [...image] });
            }
            board.remove();
            return details;
        }""",
        [held, packed],
    )
    image = digits.images[5].clamp(0, 1)
    for glo, detail in zip((models[0], models[2]), found, strict=True):
        assert np.allclose(detail["image"], image.flatten(), atol=0.5 / 255 + 1e-6)
        assert detail["label"] == np.argmin(detail["errors"])
        label, code = torch.tensor([detail["label"]]), torch.tensor([detail["code"]])
        error = (glo.decode(label, code)[0] - image).abs().mean()
        assert error == pytest.approx(min(detail["errors"]), abs=5e-3)
    assert found[0]["errors"] != found[1]["errors"]


# --- a picture as the network sees it ------------------------------------------------------------


def looked_at(page: Page, picture: Image.Image, frame: Framing, form: str = "PNG"):
    """What `seen` makes of a picture in a file of some form: (28, 28) or None, and its words."""
    file = BytesIO()
    picture.save(file, form, **({"quality": 85} if form == "JPEG" else {}))
    greys, said = page.evaluate(
        """async ([content, frame]) => {
            const file = await (await fetch(`data:;base64,${content}`)).blob();
            const bitmap = await createImageBitmap(file);
            const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
            const context = canvas.getContext("2d");
            context.drawImage(bitmap, 0, 0);
            const { greys, said } =
                seen(context.getImageData(0, 0, bitmap.width, bitmap.height), frame);
            return [greys && [...greys], said];
        }""",
        [base64.b64encode(file.getvalue()).decode(), frame._asdict()],
    )
    return greys if greys is None else np.array(greys).reshape(28, 28), said


def enlarged(image: torch.Tensor, times: int, size: tuple[int, int], at: tuple[int, int]):
    """The ink of an image, enlarged, somewhere in a larger picture: (H, W) in [0, 1]."""
    large = Image.fromarray((image.numpy() * 255).round().astype(np.uint8))
    large = large.resize((28 * times, 28 * times), Image.Resampling.NEAREST)
    picture = Image.new("L", size)
    picture.paste(large, at)
    return np.asarray(picture) / 255


def as_picture(ink, *, dark: bool = True) -> Image.Image:
    return Image.fromarray((255 * (1 - ink if dark else ink)).round().astype(np.uint8))


def forms(ink) -> dict[str, tuple[Image.Image, str]]:
    """One drawing as files: white on black, on a transparent ground, and as a photograph."""
    clear = np.zeros((*ink.shape, 4), np.uint8)
    clear[..., 3] = (255 * ink).round()
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]] / np.array(ink.shape)[:, None, None]
    light = 0.45 + 0.35 * x + 0.15 * y - 0.15 * (x - 0.3) ** 2
    noise = np.random.default_rng(0).normal(0, 0.02, ink.shape)
    paper = (light * (1 - 0.8 * ink) + noise).clip(0, 1)
    return {
        "white on black": (as_picture(ink, dark=False), "PNG"),
        "transparent": (Image.fromarray(clear), "PNG"),
        "photograph": (as_picture(paper, dark=False), "JPEG"),
    }


def apart(one, other) -> float:
    """The mean absolute difference of two images.

    An image whose centre lies between two pixels may come to either.
    """
    shifts = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return min(np.abs(np.roll(one, shift, (0, 1)) - other).mean() for shift in shifts)


@in_chromium
@pytest.mark.parametrize(
    ("times", "size", "at"), [(10, (640, 480), (300, 150)), (40, (1200, 1300), (5, 90))]
)
def test_a_training_image_comes_back_from_any_picture_of_it(blank, splits, times, size, at):
    frame = framing(splits.train.images)
    for image in splits.train.images[[0, 120, 240]]:
        for name, (picture, form) in forms(enlarged(image, times, size, at)).items():
            greys, said = looked_at(blank, picture, frame, form)
            away = apart(greys, image.numpy())
            assert away < 0.025, name
            assert any("turned over" in each for each in said) == (name != "white on black")
            assert any("transparent" in each for each in said) == (name == "transparent")
            assert any("uneven" in each for each in said) == (name == "photograph")


@in_chromium
def test_forms_of_one_drawing_look_alike(blank, splits):
    frame = framing(splits.train.images)
    for image in splits.train.images[[50, 200, 450]]:
        ink = enlarged(image, 12, (500, 640), (100, 220))
        first, *others = [
            looked_at(blank, *each[:1], frame, each[1])[0] for each in forms(ink).values()
        ]
        assert all(apart(first, other) < 0.03 for other in others)


@in_chromium
def test_fine_lines_of_a_large_picture_are_averaged(blank):
    """Every second column is dark: a grey square, whatever its place, and no pattern of stripes."""
    ink = np.zeros((900, 900))
    ink[150:750, 150:750:2] = 1
    greys, _ = looked_at(blank, as_picture(ink), Framing(20, False, (14, 14)))
    assert greys[5:23, 5:23].std() < 0.02
    assert greys[5:23, 5:23].mean() > 0.95
    assert greys[:4].max() == greys[24:].max() == 0


@in_chromium
@pytest.mark.parametrize("mass", [False, True])
def test_the_centre_comes_to_the_middle(blank, mass):
    ink = np.zeros((200, 260))
    ink[20:120, 100:120] = ink[100:120, 100:160] = 1  # an L, whose mass is not in its box's middle
    greys, said = looked_at(blank, as_picture(ink), Framing(20, mass, (14.5, 13.5)))
    y, x = np.mgrid[:28, :28] + 0.5
    lit = greys > 0.1
    centre = (
        [(each * greys).sum() / greys.sum() for each in (x, y)]
        if mass
        else [(each[lit].min() + each[lit].max()) / 2 for each in (x, y)]
    )
    assert np.allclose(centre, (14.5, 13.5), atol=0.55)
    assert "cut to the ink: 60×100 of 260×200 pixels" in said


@in_chromium
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_blank_picture_holds_nothing(blank, level):
    ink = np.full((60, 80), level)
    assert looked_at(blank, as_picture(ink), Framing(20, True, (14, 14)))[0] is None
    noisy = (0.5 + np.random.default_rng(1).normal(0, 0.01, (200, 300))).clip(0, 1)
    assert looked_at(blank, as_picture(noisy), Framing(20, True, (14, 14)))[0] is None


# --- what Python measures ------------------------------------------------------------------------


def test_mnist_is_framed_by_its_mass(splits):
    found = framing(splits.train.images)
    assert found[:2] == (20, True)
    assert np.allclose(found.middle, 14.5, atol=0.1)


def test_the_box_is_framed_where_it_is_what_lies_at_one_place():
    images = torch.zeros(30, 28, 28)
    for k, image in enumerate(images):
        image[3:25, 8:20] = 0.15  # what is in its box varies, and the box does not
        image[3 + k % 20 : 6 + k % 20, 8 : 10 + k % 9] = 1
    images[7] = 0  # a blank one has no place
    assert framing(images) == Framing(22, False, (14.0, 14.0))


def test_the_html_holds_its_data_whatever_a_class_is_called(models, digits):
    named = replace(digits, class_names=("</script>", '"', "&", "ü"))
    html = own_board(models[0], named, named.subset([4, 7]), "image", 2.5)
    (script,) = BeautifulSoup(html, "html.parser").select("glo-own > script")
    held = json.loads(script.string)
    assert held["classes"] == ["</script>", '"', "&", "ü"]
    assert held["labels"] == digits.labels[[4, 7]].tolist()
    assert (held["noun"], held["pen"]) == ("image", 2.5)
    assert held["framing"]["side"] == framing(digits.images).side


def test_the_still_picture_has_every_conversion_beside_its_image(models, digits):
    glo, images = models[0], torch.tensor([2, 9])
    codes = glo.content_table[images]
    picture = still(glo, digits.images[images], codes, digits.class_names)
    cells = 255 - np.asarray(picture)
    step = (cells.shape[1] + 2) // 5  # an image and four classes
    top = cells.shape[0] - 2 * 58 + 2
    for row, image in enumerate(images):
        wanted = [digits.images[image], *glo.convert(image.expand(4), torch.arange(4))]
        for column, each in enumerate(wanted):
            cell = cells[top + 58 * row :, step * column :][:56:2, :56:2] / 255
            assert np.abs(cell - each.numpy()).max() <= 0.5 / 255 + 1e-6
