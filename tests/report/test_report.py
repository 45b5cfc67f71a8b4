"""The quick report, end to end in a copy of the project, opened as a reader opens it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from copy import copy

import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import GIVEN, ROOT, Project, dry_run
from PIL import Image
from pypdf import PdfReader
from safetensors.torch import load_file, save_file

from glo_core.runs.files import read_json, sealed, sha256, unsealed, write_text
from reports.build import main
from reports.sections import SectionError

REPORT = ("report.html", "report.pdf", "results.json")
PARTS = ("train", "measure", "notebooks", "build")
FIGURES = {
    "F1": "fig-one-conversion",
    "A1": "fig-one-conversion-noise",
    "F2": "fig-conversions",
    "A2": "fig-conversions-noise",
    "F3": "fig-loss-curves",
    "Q1": "fig-leakage",
    "F4": "fig-one-image",
    "A3": "fig-epochs-l1",
    "A4": "fig-epochs-l2",
    "A5": "fig-epochs-l1-l2",
    "A6": "fig-learning-to-draw",
    "F5": "fig-scratch",
    "A7": "fig-scratch-l1",
    "A8": "fig-scratch-l2",
    "A9": "fig-scratch-l1-l2",
    "Q2": "fig-score",
    "frontier": "fig-frontier",
    "traps": "fig-traps",
    "comparison": "fig-methods",
    "more": "fig-scratch-epochs",
}


@pytest.fixture(scope="module")
def page(quick):
    text = (quick.build / "report.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


@pytest.fixture(scope="module")
def pdf(quick):
    return PdfReader(quick.build / "report.pdf")


@pytest.fixture(scope="module")
def paper(pdf):
    return "\n".join(page.extract_text() for page in pdf.pages)


def test_the_build_says_what_it_does(quick):
    assert "using mnist-5k" in quick.said
    assert "make report DATA=mnist" in quick.said
    assert "0 of 34 models found" in quick.said
    assert "trained 34/34 models" in quick.said
    assert not re.search("warning|error", quick.said, re.IGNORECASE)


def test_every_part_of_the_exercise_is_there_with_caption_and_alternative_text(quick, page):
    known = {figure["label"]: figure for figure in quick.results()["figures"]}
    assert set(FIGURES.values()) <= known.keys()
    for label in FIGURES.values():
        figure = page.find(id=label)
        assert (
            figure.find("figcaption").text.strip().startswith(f"Figure {known[label]['number']}.")
        )
        assert all(image["alt"].strip() for image in figure.find_all("img"))


def test_the_html_is_one_file_that_asks_for_nothing_else(quick, page):
    for tag in page.find_all(src=True):
        assert tag["src"].startswith("data:")
    assert not page.find_all("link")
    assert not page.find_all("script", src=True)
    text = str(page.find("style")) + "".join(tag["style"] for tag in page.find_all(style=True))
    assert not re.search(r"url\(|@import", text)
    works = [tag["href"] for tag in page.select("#refs a[href]")]
    assert all(address.startswith("https://") for address in works)
    relative = {tag["href"] for tag in page.find_all("a", href=True) if tag["href"][0] != "#"}
    relative -= {*works}
    gifs = {f"animations/{path.name}" for path in (quick.build / "animations").iterdir()}
    assert relative == gifs


def test_every_link_inside_leads_somewhere(page):
    names = {tag["id"] for tag in page.find_all(id=True)}
    links = [tag["href"][1:] for tag in page.find_all("a", href=True) if tag["href"][0] == "#"]
    assert len(links) > 40
    assert set(links) <= names


def test_no_reference_or_placeholder_is_left_in_the_text(page, paper):
    prose = copy(page.find("main"))
    for hidden in prose.find_all(["details", "annotation"]):  # code, and formulas' TeX
        hidden.extract()
    for text in (prose.text, paper):
        assert not re.search(r"@(fig|tbl|sec)-|\{\w+\}|\bnan\b|\bNone\b|Traceback", text)


def test_formulas_are_mathml_and_code_is_folded(page):
    assert len(page.find_all("math")) > 10
    folded = page.find_all("details", class_="code")
    assert len(folded) >= 15
    assert not any(detail.has_attr("open") for detail in folded)
    assert not page.find_all(string=re.compile("open_study"))  # set-up cells are left out


def test_every_animation_has_a_gif_a_slider_and_a_film_strip(quick, page):
    animations = [label for key, label in FIGURES.items() if key.startswith("A")]
    for label in animations:
        figure = page.find(id=label)
        frames = json.loads(figure.find("glo-player")["data-names"])
        assert int(figure.find("input")["max"]) == len(frames) - 1 >= 3
        assert figure.select_one("glo-player input[type=range]")
        with Image.open(quick.build / "animations" / f"{label.removeprefix('fig-')}.gif") as gif:
            gif.seek(2)  # fails where there are fewer images


def test_the_pdf_holds_the_same_figures_numbers_and_sections(quick, pdf, paper):
    for figure in quick.results()["figures"]:
        kind = "Table" if figure["kind"] == "table" else "Figure"
        assert f"{kind} {figure['number']}." in paper
    outline = [item.title for item in pdf.outline if not isinstance(item, list)]
    sections = ["Introduction", "Conversions", "Noise", "Epochs", "Scratch"]
    sections += ["Six ways to get it wrong", "How it compares", "Is it the same style?"]
    sections += ["Discussion", "References"]
    assert [title.lstrip("0123456789. ") for title in outline] == sections


def test_the_pdf_can_be_read_printed_and_read_aloud(pdf):
    assert 8 <= len(pdf.pages) <= 34
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/StructTreeRoot"]["/K"]
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            (inner,) = font.get_object().get("/DescendantFonts", [font])
            descriptor = inner.get_object()["/FontDescriptor"]
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & descriptor.keys(), font


def test_the_pictures_in_the_pdf_have_at_least_150_dots_an_inch(pdf):
    placed = [image for page in pdf.pages for image in placed_images(page)]
    assert len(placed) > 10
    assert min(dots / points * 72 for dots, points in placed) > 149.9


def placed_images(page):
    """The width of each raster on a page, in pixels and, as it is placed, in points."""
    images, found = page["/Resources"].get("/XObject", {}), []
    scale, saved = 1.0, []
    for operands, operator in page.get_contents().operations:
        if operator == b"q":
            saved.append(scale)
        elif operator == b"Q":
            scale = saved.pop()
        elif operator == b"cm":
            scale *= abs(operands[0])
        elif operator == b"Do" and images[operands[0]]["/Subtype"] == "/Image":
            found.append((images[operands[0]]["/Width"], float(scale)))
    return found


def test_every_figure_of_models_names_them(quick):
    results = quick.results()
    trained = set(results["provenance"]["runs"])
    of_none = {"fig-network", "fig-images", "tbl-run", "tbl-map", "tbl-traps", "tbl-methods"}
    for figure in results["figures"]:
        assert set(figure["runs"]) <= trained, figure["label"]
        assert bool(figure["runs"]) == (figure["label"] not in of_none), figure["label"]
        for run in figure["runs"]:
            assert (quick.root / "runs" / run / "run.json").exists()


def test_results_hold_provenance_findings_timing_and_every_sections_numbers(quick):
    results = quick.results()
    provenance = results["provenance"]
    assert provenance["data"]["source"].startswith("the 5,000 MNIST training digits")
    assert len(provenance["data"]["fingerprint"]) == 64
    assert provenance["parameters"]["sigmas"] == [0, 0.1, 1, 1000]
    assert provenance["parameters"]["pick_seed"] == 1  # of the command line
    assert provenance["seeds"].keys() == {"models", "pick", "panel"}
    assert provenance["threads"] == [1]  # each group by one
    assert "torch" in provenance["versions"]
    assert [finding["id"] for finding in results["findings"]] == [1, 2, 3, 4, 5]
    assert all({"claim", "figure", "verdicts"} <= each.keys() for each in results["findings"])
    timing = results["timing"]
    assert timing["total_seconds"] == pytest.approx(
        sum(timing[f"{part}_seconds"] for part in PARTS), abs=0.5
    )
    first = ("introduction", "conversions", "noise", "epochs", "scratch")
    for section in (*first, "traps", "comparison", "discussion"):
        assert results[section]


def test_a_number_in_the_text_is_the_one_in_the_results(quick, page):
    results = quick.results()
    value, low, high = results["conversions"]["judge_accuracy"]
    assert value >= 0.98  # on digits that the judge has never seen
    written = f"{value:.1%} ({100 * low:.1f}–{100 * high:.1f}%)"
    assert written in page.find(id="sec-conversion-accuracy").text
    method = "the exercise as handed in"
    holding = sum(bool(each["verdicts"][method]["holds"]) for each in results["findings"])
    assert f"{holding} hold for {method}" in page.find(class_="abstract").text


def test_every_number_of_the_prose_stands_in_the_results(quick, page):
    def numbers(tree):
        if isinstance(tree, dict | list):
            for value in tree.values() if isinstance(tree, dict) else tree:
                yield from numbers(value)
            if isinstance(tree, list) and tree and all(isinstance(each, float) for each in tree):
                yield (max(tree) - min(tree)) / 2  # what stands after a ±
        elif isinstance(tree, int | float) and not isinstance(tree, bool):
            yield float(tree)

    known = set()
    for number in numbers(quick.results()):
        known |= {f"{number:{form}}" for form in (".1f", ".2f", ".3f", ".4f", ".0%", ".1%", "g")}
        known |= {f"{100 * number:.1f}"}  # the lower end of an interval in percent
    prose = copy(page.find("main"))
    for other in prose.find_all(
        ["details", "annotation", "figcaption", "output", "footer", "math"]
    ):
        other.extract()
    for number in prose.select(".header-section-number, a.ref, #refs"):
        number.extract()
    written = set(re.findall(r"\d+\.\d+%?|\d+%", prose.text.replace("−", "-")))
    assert len(written) > 50
    said_in_words = {"95%", "100%"}  # of every interval, and of a perfect probe
    assert (
        written - known - said_in_words - {quick.results()["provenance"]["versions"]["glo_core"]}
        == set()
    )


def test_our_code_gives_no_warnings_in_the_notebooks(quick):
    for path in (quick.build / "sections").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                assert "Warning" not in output.get("text", ""), path.name


def test_the_leakage_of_the_first_model_is_at_its_chance_line(quick):
    """Random codes that hardly moved cannot tell the class: a planted sanity of the real run."""
    noise = quick.results()["noise"]
    value, low, high = noise["leakage"]["linear"][0]
    assert low <= value <= high
    assert abs(value - noise["chance"]) < 0.06


# --- the same again, a change, and errors --------------------------------------------------------


def test_the_same_parameters_elsewhere_give_the_same_bytes(quick, tmp_path, monkeypatch):
    """Two sections are run again, and all are bound, in another folder, locale, zone and order.

    The models are the same, but training took longer, and a number of a measure was changed.
    """
    other = Project(shutil.copytree(quick.root, tmp_path / "wörk é"))
    for name in ("00-introduction", "50-discussion"):
        (other.build / "sections" / f"{name}.ipynb").unlink()
    for name in REPORT:
        (other.build / name).unlink()
    for path in other.root.glob("runs/l*/run.json"):
        run = unsealed(read_json(path), path.parent.name)
        run["seconds"] *= 7
        write_text(path, json.dumps(sealed(run, path.parent.name)))
    measure = min(other.root.glob("runs/l*/conversions-*.json"))
    good = measure.read_text(encoding="utf-8")
    measure.write_text(re.sub(r"0\.\d+", "0.99", good, count=1), encoding="utf-8")
    assert measure.read_text(encoding="utf-8") != good
    for name, value in {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    done = other.make(*GIVEN)
    assert done.returncode == 0, done.stderr
    assert f"{measure.relative_to(other.root / 'runs')} is damaged" in done.stderr
    assert "measured 1/1 models" in done.stderr
    assert measure.read_text(encoding="utf-8") == good
    found, expected = other.results(), quick.results()
    timings = [each.pop("timing")["training_processor_minutes"] for each in (found, expected)]
    assert timings[0] == pytest.approx(7 * timings[1], rel=0.1)
    assert found == expected  # which has the SHA-256 of every document
    assert {"report.html", "report.pdf", "animations/scratch-l1.gif"} <= found["sha256"].keys()


@pytest.fixture(scope="module")
def changed(quick, tmp_path_factory):
    """A copy of the project with its models and its report, to be changed and broken."""
    root = tmp_path_factory.mktemp("changed") / "project"
    shutil.copytree(quick.root, root)
    return Project(root)


@pytest.fixture
def make(changed, monkeypatch, caplog):
    """Builds that report in this process, which saves the start of another."""
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda _: None)  # once a process
    monkeypatch.setattr("reports.study.ROOT", changed.root)
    monkeypatch.setattr("reports.sections.ROOT", changed.root)
    monkeypatch.setattr("reports.build.BUILD", changed.build)
    # Kernels import from there, too, and so find its models
    monkeypatch.setattr(sys, "path", [str(changed.root), *sys.path])
    caplog.set_level("INFO")
    return lambda: main([str(changed.root / "reports" / "quick.yaml"), *GIVEN])


def add_cell(project, name, cell):
    """Puts a cell behind the parameters cell of a section's notebook."""
    path = project.root / "notebooks" / name
    notebook = nbformat.read(path, as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    notebook.cells.insert(tags.index(["parameters"]) + 1, cell)
    nbformat.write(notebook, path)


def test_nothing_changed_nothing_done(changed, make, caplog):
    before = changed.times(), (changed.build / "results.json").stat().st_mtime_ns
    assert make() == 0
    assert "nothing has changed" in caplog.text
    assert (changed.times(), (changed.build / "results.json").stat().st_mtime_ns) == before


def test_a_change_in_one_notebook_runs_that_section_alone(changed, make, caplog, capsys):
    before, elsewhere = changed.times(), {*ROOT.glob("runs/*")}
    add_cell(changed, "45-traps.ipynb", nbformat.v4.new_markdown_cell("A planted remark."))
    assert make() == 0
    assert {*ROOT.glob("runs/*")} == elsewhere
    after = changed.times()
    assert {name for name in after if after[name] != before[name]} == {"45-traps.ipynb"}
    assert re.search(r"(\d+) of \1 models found", caplog.text)
    bars = capsys.readouterr().err
    assert "sections" in bars
    assert "trained" not in bars
    assert "measured" not in bars
    assert "A planted remark." in (changed.build / "report.html").read_text(encoding="utf-8")


def test_a_section_that_fails_is_named_and_the_last_report_stays(changed, make, caplog):
    before = [(changed.build / name).read_bytes() for name in REPORT]
    planted = nbformat.v4.new_code_cell("raise ArithmeticError('planted')")
    add_cell(changed, "20-noise.ipynb", planted)
    assert make() == 1
    assert re.search(r"20-noise\.ipynb, cell .*ArithmeticError: planted", caplog.text)
    assert [(changed.build / name).read_bytes() for name in REPORT] == before


def test_a_model_whose_last_bits_are_others_has_every_section_run_again(changed, make, monkeypatch):
    """As those of one that was trained anew may be, without those that it was trained beside."""

    def asked(stamps, *_):
        asked_for.append({*stamps.values()})
        raise SectionError("planted")

    asked_for: list[set[str]] = []
    monkeypatch.setattr("reports.build.run_sections", asked)
    monkeypatch.setattr("reports.study.Study.results", None)  # they are kept with the weights
    (changed.build / "results.json").unlink()
    assert make() == 1
    folder = min(changed.root.glob("runs/l1-*"))
    weights = load_file(folder / "weights.safetensors")
    save_file(
        weights | {"content_table": weights["content_table"] + 1e-6}, folder / "weights.safetensors"
    )
    run = unsealed(read_json(folder / "run.json"), folder.name)
    run["sha256"]["weights.safetensors"] = sha256((folder / "weights.safetensors").read_bytes())
    write_text(folder / "run.json", json.dumps(sealed(run, folder.name)))
    assert make() == 1
    before, after = asked_for
    assert not before & after


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("SIGMA=1", "did you mean 'sigmas'"),
        ("DATA=mnits", "did you mean 'mnist'"),
        ("N=5001", "5,?000"),
        ("EPOCHS=0", "epochs = 0"),
    ],
)
def test_what_cannot_be_built_is_one_clear_error(assignment, words, caplog, monkeypatch):
    monkeypatch.setattr(torch, "set_num_interop_threads", lambda _: None)  # once a process
    assert main([str(ROOT / "reports" / "quick.yaml"), assignment]) == 1
    (said,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert re.search(words, said.getMessage())
    assert said.exc_info is None


# --- make ----------------------------------------------------------------------------------------


def test_make_help_has_a_line_for_every_target():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.findall(r"^make (\w+) +\S", done.stdout, re.M)
    assert {*targets} == {*"help report plan check test fuzz bench lab clean".split()}


def test_make_hands_every_parameter_over():
    given = ["SIGMAS=0,0.1", "LOSSES=l1+l2", "DATA=it's (a) & $x, b=c"]
    (line,) = dry_run("report", *given, "PARAMS=my file.yaml").splitlines()
    assert shlex.split(line)[1:4] == ["-m", "reports", "my file.yaml"]
    assert sorted(shlex.split(line)[4:]) == sorted(given)
    assert shlex.split(dry_run("report"))[3:] == ["reports/full.yaml"]


def test_the_lab_stays_on_this_machine_and_keeps_its_token():
    command = dry_run("lab")
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "token" not in command
