"""CONTRIBUTING.md: its recipes are followed to the letter, each in a copy of the project.

Each block of code begins with a comment that names its file and says where it goes. This test knows
the places that such a comment may name (`_placed`), and no more of the recipes than that.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import golden
import nbformat
import pytest
from conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(?:python|markdown)\n(.*?)^```$", re.M | re.S)
CELL = re.compile(r"^# %%([^\n]*)\n(.*?)(?=^# %%|\Z)", re.M | re.S)
PLACE = re.compile(r"^(?:#|<!--) (?P<file>[\w/.-]+\.\w+): (?P<place>.+?)(?: -->)?\n", re.M)
RECIPES = {name: body for name, body in re.findall(r"^## How to add a (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)}
# A study that is trained and measured in seconds.
TINY = {
    "data": "mnist-5k",
    "n": 60,
    "epochs": 1,
    "sigmas": [0, 0.1],
    "losses": ["l1", "l2"],
    "frontier_sigmas": [0.1],
    "trap_sigma": 0.1,
    "threads": 1,
}


class Piece(NamedTuple):
    """Code of a recipe, with its file and the place in it."""

    file: str
    place: str
    code: str


def pieces(text: str) -> list[Piece]:
    """The code of all blocks, cut at the comments that name a place."""
    found = []
    for block in BLOCKS.findall(text):
        before, *parts = PLACE.split(block)
        assert before == "", f"this block does not say where it goes:\n{block}"
        found += [Piece(*part) for part in zip(parts[::3], parts[1::3], parts[2::3], strict=True)]
    return found


class Copy:
    """A copy of the project, in which recipes are followed."""

    def __init__(self, root: Path):
        self.root = root
        ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
        for name in ("glo_core", "notebooks", "reports", "tests"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        shutil.copy(ROOT / "pyproject.toml", root)
        self.changed: list[str] = []

    def follow(self, recipe: str) -> None:
        """Puts the code of a recipe where it says, then the imports in order, as the page says."""
        for piece in pieces(RECIPES[recipe]):
            path = self.root / piece.file
            path.write_text(_placed(path, piece), encoding="utf-8")
            self.changed.append(piece.file)
        self.program("ruff", "check", "--quiet", "--fix", *self.changed)
        code = [file for file in self.changed if not file.endswith(".md")]
        self.program("ruff", "format", "--quiet", "--check", *code)

    def edit(self, file: str, pattern: str, other: str) -> None:
        """Replaces the one line, or the start of it, that a pattern matches."""
        path = self.root / file
        text, count = re.subn(pattern, other, path.read_text(encoding="utf-8"), flags=re.M)
        assert count == 1, f"{file} has {count} lines like {pattern}"
        path.write_text(text, encoding="utf-8")

    def program(self, module: str, *arguments: str) -> str:
        """What a module says that is run as a program in this copy, in which it finds all code."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code: str) -> None:
        """Runs code in this copy; an `assert` of it that fails is an error here."""
        script = self.root / "script.py"
        script.write_text(f"from reports.study import ROOT\nassert str(ROOT) == {str(self.root)!r}\n{code}")
        self.program("script")

    def test(self, *arguments: str) -> None:
        """Runs tests in this copy."""
        self.program("pytest", "-q", "-p", "no:cacheprovider", *arguments)


def _placed(path: Path, piece: Piece) -> str:
    """The text of a file with a piece of code in its place."""
    code = piece.code.rstrip("\n") + "\n"
    if piece.place.startswith("a new "):
        assert not path.exists()
        return code if piece.place == "a new file" else nbformat.writes(notebook(code))
    text = path.read_text(encoding="utf-8")
    if piece.place == "at its end":
        return f"{text}\n\n{code}" if not code.startswith("register") else text + code
    if piece.place == "among the imports":
        return re.sub(r"^(?=from glo_core)", code, text, count=1, flags=re.M)
    where, _, name = piece.place.rpartition(" ")
    if where == "at the end of":
        (start,) = re.finditer(rf"^{name}\b.*= [\[({{]$", text, re.M)
        end = re.compile(r"^(?=[\])}])", re.M).search(text, start.end())
        assert end
        return text[: end.start()] + code + text[end.start() :]
    assert where == "in place of", piece.place
    (line,) = re.finditer(rf"^{name} = .*\n", text, re.M)
    kept = re.findall(r'"[^"]*"', line[0])
    assert [word for word in kept if word not in code] == [], "the line has changed since"
    return text[: line.start()] + code + text[line.end() :]


def notebook(code: str) -> nbformat.NotebookNode:
    """The notebook of cells that begin with `# %%`, as editors know it."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for head, body in CELL.findall(code):
        if "[markdown]" in head:
            cell = nbformat.v4.new_markdown_cell(re.sub(r"^# ?", "", body.strip(), flags=re.M))
        else:
            cell = nbformat.v4.new_code_cell(body.strip())
        cell.metadata["tags"] = re.findall(r'"([\w-]+)"', head)
        made.cells.append(cell)
    return made


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_every_block_of_code_belongs_to_a_recipe() -> None:
    assert [*RECIPES] == ["loss", "measure", "method", "section"]
    assert pieces(TEXT) == [piece for recipe in RECIPES.values() for piece in pieces(recipe)]


def test_every_version_is_named_with_its_file() -> None:
    versions = TEXT.partition("## Versions")[2].partition("\n\n")[2].partition("The golden test")[0]
    assert set(re.findall(r"`([\w/]+\.py)`", versions)) == {*golden.PLACES.values()}


@pytest.mark.slow
def test_a_new_loss_is_trained_and_accepted_by_the_report(copy: Copy) -> None:
    copy.follow("loss")
    copy.python("""
import torch
from reports.parameters import parse_override, read
from reports.show.names import LOSS_NAMES
from reports.show.theme import LOSS_STYLES
from glo_core import Recipe, load, train
from glo_core.losses import loss_of

parameters = read("reports/quick.yaml", dict([parse_override("LOSSES=l1,l1+4l2")]))
assert parameters.losses == ("l1", "l1+4l2")
assert LOSS_NAMES["l1+4l2"] in LOSS_STYLES
(loss,) = loss_of(["l1+4l2"], torch.device("cpu"))(torch.full((1, 2, 49, 16), 0.5), torch.zeros(1, 2, 49, 16))
assert loss == 0.5 + 4 * 0.25
recipes = [Recipe(loss=loss, epochs=5) for loss in ("l1", "l1+4l2")]
_, model = train(recipes, load("mnist-5k", 60).train)
losses = model.history.losses
assert losses[-1] < losses[0]
""")


@pytest.mark.slow
def test_a_new_measure_is_taken_and_stands_in_the_results(copy: Copy) -> None:
    copy.follow("measure")
    copy.test("tests/measures/test_ink.py")
    only_ink(copy)
    copy.python(f"""
from reports.study import open_study

study = open_study("reports/quick.yaml", {TINY!r})
value = study.results[study.swept(), "ink"].value
images = study.model().reconstruct(range(60)) if False else None
assert 0 < value < 10
assert study.series("ink", "l1").shape == (2,)
""")


def only_ink(copy: Copy) -> None:
    """Has a study take no other measure than that of the recipe, with classifiers of few steps."""
    with (copy.root / "glo_core/measures/evaluation.py").open("a") as file:
        file.write('MEASURES = {"ink": MEASURES["ink"]}\n')
    copy.edit("glo_core/classifier.py", r"^STEPS, BATCH, RATE = \d+", "STEPS, BATCH, RATE = 20")
    copy.edit("glo_core/training.py", r"^SWAP_STEPS = \d+", "SWAP_STEPS = 20")


@pytest.mark.slow
def test_a_new_method_is_trained_kept_compared_and_guarded(copy: Copy) -> None:
    copy.follow("method")
    copy.program("golden") if False else None
    copy.python("""
import torch
from glo_core import Recipe, load, train
from glo_core.peers.fading import FadingRecipe
from glo_core.runs.store import Store
from glo_core.runs.sweep import sweep
from reports.methods import METHODS
from reports.parameters import read

digits = load("mnist-5k", 60).train
recipe = FadingRecipe(sigma=1.0, epochs=2)
(model,) = sweep([recipe], digits, Store("kept"))
loaded = Store("kept").load(recipe, digits)
assert loaded is not None and type(loaded.recipe) is FadingRecipe
assert torch.equal(loaded.content_table, model.content_table)
(plain,) = train([Recipe(sigma=1.0, epochs=2)], digits)
assert not torch.equal(plain.content_table, model.content_table)
assert METHODS[-1].key == "fading"
assert type(read("reports/quick.yaml").methods()["fading"]) is FadingRecipe
""")
    copy.program("tests.golden")
    copy.test("tests/test_golden.py", "-k", "fading or not planted")


@pytest.mark.slow
def test_a_new_section_is_run_and_bound(copy: Copy) -> None:
    copy.follow("measure")
    copy.follow("section")
    only_ink(copy)
    copy.python(f"""
from pathlib import Path
from reports.bind.document import Front, bind
from reports.bind.outputs import read_outputs
from reports.bind.paper import write_pdf
from reports.bind.web import write_html
from reports.build import check_labels
from reports.sections import run_sections, section_notebooks
from reports.study import ROOT

(notebook,) = [path for path in section_notebooks() if path.stem == "48-ink"]
values = {{"parameter_file": str(ROOT / "reports" / "quick.yaml"), "overrides": {TINY!r}}}
sections = run_sections({{notebook: "a stamp"}}, values, ROOT / "sections", 1)
outputs = read_outputs(sections)
check_labels(sections, outputs, ["l1", "l2"])
assert outputs.floats.keys() == {{"fig-ink"}}
assert len(outputs.numbers["ink"]["ink"]) == 2
report = bind(sections, outputs, Front("Title", "", ("Ada",), "", "Short.", "", "make report"))
write_html(report, ROOT / "report.html")
write_pdf(report, ROOT / "report.pdf")
""")
    page = (copy.root / "report.html").read_text(encoding="utf-8")
    assert 'id="fig-ink"' in page
    assert "ink at σ = 0" in page
