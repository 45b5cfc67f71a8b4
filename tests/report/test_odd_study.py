"""The whole report of a study that is unlike the exercise in every way, and its words.

It is built in this process, so that it takes half the time: a planted function runs the notebooks'
cells one after the other without kernels, and classifiers learn for a moment only.
"""

import ast
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import CHROMIUM, NO_CHROMIUM, ROOT
from jinja2 import Environment, nodes
from PIL import Image
from pypdf import PdfReader

from glo_core import data, group
from glo_core.classifier import train_classifier
from glo_core.measures import subject
from glo_core.runs import store
from reports import build as builder
from reports import claims, methods, study, traps
from reports.answers import comparison, discussion, frontier, hand, leaks
from reports.answers.text import FOLDER
from reports.bind.outputs import ExecutedSection
from reports.show import publish

SLOW = pytest.mark.slow

# What is said of MNIST's digits alone, and where a report of other data says it for a reason.
OF_DIGITS = re.compile(
    r"digit|\bhands?\b(?! out)|handwrit|mnist|\bpens?\b|strokes?\b|numeral|\bwrit(er|ing)"
    r"|\b4 (becomes|to|→)|four.to.three",
    re.I,
)
ALLOWED = (
    "The exercise and its old report were about MNIST's handwritten digits",
    "These were made for handwriting",
)
# What a condition of the words names that no other data have.
ONLY_OF_DIGITS = {"mnist", "searched", "other_images", "other_kind"}


def of_digits(text: str) -> list[str]:
    """The words in a text that are about digits, with what stands around them."""
    text = " ".join(text.replace("’", "'").split())
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return [text[max(0, m.start() - 30) : m.end() + 30] for m in OF_DIGITS.finditer(text)]


def said(node: nodes.Node) -> Iterator[str]:
    """What a template can say where the data are not MNIST's."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Const):
        yield str(node.value)
    left_out: tuple[str, ...] = ()
    if isinstance(node, nodes.If | nodes.CondExpr) and ONLY_OF_DIGITS & named(node.test):
        is_other = isinstance(node.test, nodes.Not)
        left_out = ("elif_", "else_", "expr2") if is_other else ("body", "expr1")
    for child in node.iter_child_nodes(exclude=left_out):
        yield from said(child)


def named(node: nodes.Node) -> set[str]:
    """The names in a condition."""
    around = nodes.Output([node])  # as `find_all` leaves out the node that it is asked of
    values = {each.name for each in around.find_all(nodes.Name)}
    return values | {each.attr for each in around.find_all(nodes.Getattr)}


# The folder's name, and those of the classes in the order of the labels: the first and the last are
# those of the conversion that is shown alone, and every figure draws all three.
FOLDER_NAME = 'my $x <b> & "pets" *5*'
NAMES = (
    '"q" $5$ &amp; \\(x\\) 1... <b>it\'s',
    "<img src=x onerror=alert(1)> 犬 قط 🐶",
    "@fig-live c\\d *b* _x_ ^x^ ~x~ [x](y) `x` #x {{x}} {% x %} a|b <svg onload=alert(1)> --- x\\",
)
# Three named classes, one σ, one loss, two seeds. The frontier and the mistakes are at the sweep's
# one σ, so that there are fewer models.
PARAMETERS = {
    "data": FOLDER_NAME,
    "n": 65,
    "epochs": 1,
    "batch_size": 8,
    "sigmas": [0.1, 1e38],
    "losses": ["l2"],
    "chosen_loss": "l2",
    "seeds": [3, 4],
    "frontier_sigmas": [0.1, 1e38],
    "trap_sigma": 0.1,
    "handed_in_sigmas": [0.1, 1e38],
    "unseen": 1000,
    "betas": [1, 1e300],
    "threads": 1,
}
CLASSES = dict(zip((1, 7, 8), NAMES, strict=True))


def save_images(folder: Path) -> None:
    """Forty digits of three classes as files, in a folder for each class."""
    real = data.load("mnist-5k", 600).train
    for label, name in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for k in torch.nonzero(real.labels == label)[:40, 0].tolist():
            pixels = (real.images[k] * 255).byte().numpy()
            Image.fromarray(pixels).save(folder / name / f"{k}.png")


def run_here(stamps: Any, values: dict[str, Any], folder: Path, threads: int) -> Any:
    """Runs the sections' notebooks as `reports.sections.run_sections` does, but without kernels."""
    return [ExecutedSection(path.stem, executed(path, values)) for path in stamps]


def executed(path: Path, values: dict[str, Any]) -> Any:
    """A notebook with the outputs of its cells."""
    notebook: Any = nbformat.read(path, as_version=4)
    names: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(publish, "display", partial(keep, cell.outputs))
                exec(compile(cell.source, path.name, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= values
    return notebook


def keep(outputs: list[Any], data: dict[str, Any], metadata: Any = None, raw: bool = True) -> None:
    """Stands in for IPython's `display`."""
    new_output = nbformat.v4.new_output
    outputs.append(new_output("display_data", data, metadata=metadata or {}))


# --- the words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_words_of_other_data_are_not_about_digits(path):
    _, *parts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.M)
    template = Environment().parse("\n".join(parts))
    assert of_digits(" ".join(said(template))) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")), ids=lambda path: path.stem
)
def test_what_a_notebook_says_of_any_data_is_not_about_digits(path):
    section = ExecutedSection(path.stem, None).key
    for cell in nbformat.read(path, as_version=4).cells:
        texts = [cell.source] if cell.cell_type == "markdown" else strings(cell.source)
        assert of_digits(" ".join(text for text in texts if text != section)) == []


def strings(source: str) -> list[str]:
    """All strings in some code, such as labels of axes."""
    constants = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [each.value for each in constants if isinstance(each.value, str)]


def test_methods_mistakes_claims_and_headers_are_not_about_digits():
    tables = [
        *(f"{method.name} {method.words}" for method in methods.METHODS),
        *(f"{trap.name} {trap.wrong}" for trap in traps.TRAPS),
        *(claim for claim, _ in claims.CLAIMS.values()),
        *(figure for _, figure in claims.CLAIMS.values()),
        *(*comparison.SAMPLES_HEADER, *discussion.HEADER, *discussion.METHODS_HEADER),
        *(*frontier.HEADER, *hand.STYLE_HEADER, *hand.BETA_HEADER, *leaks.HEADER),
        *hand.BASELINE_NAMES.values(),
    ]
    assert of_digits(". ".join(tables)) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("a digit", 1),
        ("{% if many %}a 4 becomes a 3{% endif %}", 1),
        ("{{ 'pen' if many else 'ink' }}", 1),
        ("{{ 'hand' if mnist else 'style' }}, {% if not mnist %}made{% else %}MNIST{% endif %}", 0),
        ("{% if mnist %}hand{% else %}stroke{% endif %}", 1),
        ("{% if ours.other_kind and more %}other digits{% endif %}", 0),
        ("the exercise as handed in, or handed out", 0),
        (ALLOWED[0], 0),
    ],
)
def test_a_word_about_digits_is_found_where_other_data_would_show_it(template, found):
    assert len(of_digits(" ".join(said(Environment().parse(template))))) == found


# --- the report ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report."""
    root = tmp_path_factory.mktemp("odd")
    save_images(root / FOLDER_NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "train_classifier", partial(train_classifier, steps=300))
        patch.setattr(group, "SWAP_STEPS", 20)
        patch.setattr(subject, "MEASURED", 40)  # fewer than there are
        patch.setattr(study, "ROOT", root)
        patch.setattr(builder, "BUILD", root / "build")
        patch.setattr(builder, "run_sections", run_here)
        (root / "build").mkdir()
        builder.build(str(ROOT / "reports" / "quick.yaml"), PARAMETERS)
    return root / "build"


@SLOW
def test_it_claims_no_more_than_it_shows(built):
    page = BeautifulSoup((built / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert FOLDER_NAME in page.find(id="sec-images").text
    assert FOLDER_NAME in page.find("footer").text
    assert f"'DATA={FOLDER_NAME}'" in page.find("code", string=re.compile("^make report")).text
    assert "the old report's choice" not in page.text
    assert "3, 4; figures show images of the first" in page.find(id="tbl-run").text
    assert "cannot be decided here" in page.find(id="tbl-claims").text


@SLOW
def test_it_speaks_of_images_and_not_of_digits(built):
    page = BeautifulSoup((built / "report.html").read_text(encoding="utf-8"), "html.parser")
    names = [
        each[name] for name in ("id", "alt", "aria-label") for each in page.select(f"[{name}]")
    ]
    names += [path.stem for path in (built / "animations").iterdir()]
    # Code, where files come from, and the titles of cited works are not about these data.
    for each in page.select("script, style, pre, details, #refs"):
        each.decompose()
    assert of_digits(page.text) == []
    assert of_digits(". ".join(names)) == []


@SLOW
def test_its_results_are_of_what_was_trained(built):
    results = json.loads((built / "results.json").read_text(encoding="utf-8"))
    holds = {
        finding["id"]: [verdict["holds"] for verdict in finding["verdicts"].values()]
        for finding in results["findings"]
    }
    assert holds == {k: [None, None] for k in range(1, 6)}
    labels = {figure["label"] for figure in results["figures"]}
    assert {label for label in labels if label.startswith("fig-epochs")} == {"fig-epochs-l2"}
    assert results["provenance"]["seeds"]["models"] == [3, 4]


@SLOW
def test_its_paper_says_names_as_they_are(built):
    pages = PdfReader(built / "report.pdf").pages
    text = unbroken("".join(page.extract_text() for page in pages))
    for name in (NAMES[0], NAMES[-1], FOLDER_NAME):
        assert unbroken(name) in text


def unbroken(text: str) -> str:
    """Without what a line may be broken at, and without hyphens, which PDF knows two of."""
    return re.sub(r"[-\s\xad]", "", text)


@SLOW
def test_names_are_text_and_never_markup(built):
    page = BeautifulSoup((built / "report.html").read_text(encoding="utf-8"), "html.parser")
    results = json.loads((built / "results.json").read_text(encoding="utf-8"))
    captions = {figure["label"]: figure["caption"] for figure in results["figures"]}
    for label in ("fig-live", "fig-one-conversion", "fig-one-image", "fig-traps", "fig-same-image"):
        assert NAMES[-1] in captions[label]
        assert NAMES[-1] in page.find(id=label).figcaption.text
    for label in ("fig-live", "fig-one-conversion", "fig-traps", "fig-same-image"):
        assert NAMES[0] in captions[label]
    held = json.loads(page.find("glo-decoder").script.text)
    assert held["classes"] == list(NAMES)
    assert (
        page.select("[onerror], [onload], [src=x], figcaption p :is(em, code, sub, sup, b, math)")
        == []
    )
    assert {script.get("type") for script in page.select("script")} == {None, "application/json"}


@SLOW
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_a_stranger_who_opens_it_runs_and_asks_for_nothing_else(built, browser):
    page = browser.new_page(offline=True)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((built / "report.html").as_uri())
    page.wait_for_selector("glo-decoder[data-ready]", state="attached")
    page.wait_for_selector("glo-own canvas", state="attached")
    options = page.locator("glo-decoder [name=to] option").all_text_contents()
    assert options == list(NAMES)
    page.select_option("glo-decoder [name=to]", "1")
    page.wait_for_timeout(200)
    assert said == []
    assert {url.partition(":")[0] for url in asked[1:]} <= {"data"}
    assert page.locator("[onload], [onerror], img[src=x]").count() == 0
    page.close()


@SLOW
def test_what_has_diverged_is_a_gap_that_is_said(built):
    page = BeautifulSoup((built / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert "L2, σ = 10³⁸, seed 3 (step 1); L2, σ = 10³⁸, seed 4 (step 1); " in page.text
    assert "conditional VAE, β = 10³⁰⁰, seed 3 (step 2)" in page.text
    assert "left out, as models diverge: 10³⁸" in page.find(id="tbl-run").text
    assert not re.search(r"\bnan\b", page.text, re.I)
    results = json.loads((built / "results.json").read_text(encoding="utf-8"))
    lost = results["noise"]["diverged"]
    assert {(each["method"], each["sigma"]) for each in lost} == {
        ("glo", 1e38),
        ("trap", 1e38),
        ("cvae", 0),
    }
    assert [each["sigma"] for each in results["noise"]["sweep"]] == [0.1]
