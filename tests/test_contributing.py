"""CONTRIBUTING.md: its recipes are followed to the letter, each in a copy of the project.

Each block of code there begins with a comment that names a file and a place in it. This module
knows the kinds of places (`placed`); what is put there, the recipes alone say.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import golden
import nbformat
import pytest
from conftest import ROOT, dry_run

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPE = re.compile(r"^## How to add a (\w+)\n(.*?)(?=^## How to|\Z)", re.M | re.S)
RECIPES: dict[str, str] = dict(RECIPE.findall(TEXT))
BLOCK = re.compile(r"^```(?:python|markdown)\n(.*?)^```$", re.M | re.S)
# `# glo_core/losses.py: at the end of WEIGHTS`, and in Markdown `<!-- … -->`
PLACE = re.compile(r"^(?:#|<!--) ([\w/.-]+\.\w+): (.+?)(?: -->)?\n", re.M)
PLACES = (
    "a new file",
    "a new notebook",
    "at its end",
    "among the imports",
    "at the end of",
    "before",
    "in place of",
)
CELL = re.compile(r"^# %%([^\n]*)\n(.*?)(?=^# %%|\Z)", re.M | re.S)
LIKE_THE_OTHERS = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Parameters of a study that is trained in seconds.
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
    """Code of a recipe, its file, and the place in it."""

    file: str
    place: str
    code: str


def pieces(text: str) -> list[Piece]:
    """The code of all blocks, cut at the comments that name a place."""
    found = []
    for block in BLOCK.findall(text):
        before, *parts = PLACE.split(block)
        assert before == "", f"this block does not say where it goes:\n{block}"
        found += [Piece(*part) for part in zip(parts[::3], parts[1::3], parts[2::3], strict=True)]
    return found


def placed(path: Path, place: str, code: str) -> str:
    """The text of a file with code in its place."""
    code = code.strip("\n") + "\n"
    found = re.fullmatch(rf'({"|".join(PLACES)})(?: "?([^"]+)"?)?', place)
    assert found, f"{place!r} is no place that is known here"
    where, name = found.groups()
    if where.startswith("a new"):
        assert not path.exists()
        return code if where == "a new file" else nbformat.writes(notebook(code))
    text = path.read_text(encoding="utf-8")
    start = end = len(text)
    if where == "among the imports":
        start = end = re.search(r"^from glo_core", text, re.M).start()
    elif where == "at the end of":
        (opening,) = re.finditer(rf"^{name}\b.* = [({{\[]$", text, re.M)
        start = end = re.compile(r"^[)}\]]", re.M).search(text, opening.end()).start()
    elif where == "before":
        (line,) = re.finditer(rf"^{re.escape(name)}", text, re.M)
        start, end, code = line.start(), line.start(), f"{code}\n"
    elif where == "in place of":
        (line,) = re.finditer(rf"^{name} = .*\n", text, re.M)
        assert {*re.findall(r'"[^"]*"', line[0])} <= {*re.findall(r'"[^"]*"', code)}, "it changed"
        start, end = line.span()
    return text[:start] + code + text[end:]


def notebook(code: str) -> nbformat.NotebookNode:
    """The notebook of cells that `# %%` separates, as many editors know it."""
    made = nbformat.v4.new_notebook(metadata=LIKE_THE_OTHERS)
    for head, body in CELL.findall(code):
        if "[markdown]" in head:
            text = re.sub(r"^# ?", "", body.strip(), flags=re.M)
            made.cells.append(nbformat.v4.new_markdown_cell(text))
        else:
            tags = {"tags": re.findall(r'"([\w-]+)"', head)}
            made.cells.append(nbformat.v4.new_code_cell(body.strip(), metadata=tags))
    return made


class Copy:
    """A copy of the project, in which recipes are followed."""

    def __init__(self, root: Path):
        self.root = root
        ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
        for name in ("glo_core", "notebooks", "reports", "tests"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        shutil.copy(ROOT / "pyproject.toml", root)

    def follow(self, recipe: str) -> None:
        """Follows a recipe, and leaves its imports to `ruff check --fix`, as the page says."""
        files = []
        for file, place, code in pieces(RECIPES[recipe]):
            text = placed(self.root / file, place, code)
            (self.root / file).write_text(text, encoding="utf-8")
            files += [file] if file.endswith(("py", "ipynb")) else []
        self.run("ruff", "check", "--fix", *files)
        self.run("ruff", "format", "--check", *files)

    def quicken(self, measure: str) -> None:
        """Classifiers of few steps, and a single measure, so that a study takes seconds."""
        for file, pattern, other in (
            ("classifier.py", r"^STEPS, BATCH, RATE = \d+", "STEPS, BATCH, RATE = 20"),
            ("group.py", r"^SWAP_STEPS = \d+", "SWAP_STEPS = 20"),
            (
                "measures/evaluation.py",
                r"\Z",
                f'MEASURES = {{"{measure}": MEASURES["{measure}"]}}\n',
            ),
        ):
            path = self.root / "glo_core" / file
            text, count = re.subn(pattern, other, path.read_text(encoding="utf-8"), flags=re.M)
            assert count == 1, f"{file} has {count} of {pattern}"
            path.write_text(text, encoding="utf-8")

    def run(self, module: str, *arguments: str) -> None:
        """Runs a module as a program, with the code of this copy. It must not fail."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": f"{self.root}{os.pathsep}{self.root / 'tests'}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def python(self, code: str) -> None:
        """Runs a program, in which `assert` is a check."""
        here = f"import reports\nassert reports.__file__.startswith({str(self.root)!r})\n"
        (self.root / "checks.py").write_text(here + dedent(code), encoding="utf-8")
        self.run("checks")


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_there_are_four_recipes_and_all_code_belongs_to_one() -> None:
    assert [*RECIPES] == ["loss", "measure", "method", "section"]
    assert pieces(TEXT) == [piece for recipe in RECIPES.values() for piece in pieces(recipe)]


def test_the_places_of_all_versions_are_named() -> None:
    of_models = TEXT.partition("**Models**")[2].partition("\n\n")[0]
    assert {*re.findall(r"`([\w/]+\.py)`", of_models)} == {*golden.PLACES.values()}


@pytest.mark.parametrize("target", sorted({*re.findall(r"(?:^|`)make ([a-z]+)", TEXT, re.M)}))
def test_every_target_of_make_is_one(target: str) -> None:
    assert dry_run(target)


@pytest.mark.slow
def test_a_new_loss_is_trained_and_is_a_parameter_of_the_report(copy: Copy) -> None:
    copy.follow("loss")
    copy.python("""
        import torch
        from glo_core import Recipe, load, train
        from glo_core.losses import loss_of
        from reports.reading import parse_override, read
        from reports.show.names import LOSS_NAMES
        from reports.show.theme import LOSS_STYLES

        parameters = read("reports/quick.yaml", dict([parse_override("LOSSES=l1,l1+4l2")]))
        assert {recipe.loss for recipe in parameters.sweep()} == {"l1", "l1+4l2"}
        assert LOSS_NAMES["l1+4l2"] in LOSS_STYLES

        black, grey = torch.zeros(1, 784, 2), torch.full((1, 784, 2), 0.5)
        assert loss_of(["l1+4l2"], torch.device("cpu"))(grey, black).item() == 0.5 + 4 * 0.25
        recipes = [Recipe(loss=loss, epochs=5) for loss in ("l1", "l1+4l2")]
        for model in train(recipes, load("mnist-5k", 60).train):
            assert model.history.losses[-1] < model.history.losses[0]
    """)


@pytest.mark.slow
def test_a_new_measure_is_taken_and_stands_in_the_results(copy: Copy) -> None:
    copy.follow("measure")
    copy.run("pytest", "-q", "tests/measures/test_ink.py")
    copy.quicken("ink")
    copy.python(f"""
        import torch
        from reports.study import open_study

        study = open_study("reports/quick.yaml", {TINY!r})
        images, reconstructions = study.digits.images, study.model().reconstruct(torch.arange(60))
        expected = float(reconstructions.mean() / images.mean())
        assert abs(study.results[study.swept(), "ink"].value - expected) < 1e-4
        assert study.series("ink", "l2").shape == (2,)
    """)


@pytest.mark.slow
def test_a_new_method_is_trained_kept_compared_and_guarded(copy: Copy) -> None:
    copy.follow("method")
    copy.python("""
        import torch
        from glo_core import Recipe, load, train
        from glo_core.peers.fading import FadingRecipe
        from glo_core.runs.store import Store
        from glo_core.runs.sweep import sweep
        from reports.methods import METHODS
        from reports.reading import read

        digits, store = load("mnist-5k", 60).train, Store("kept")
        recipe = FadingRecipe(sigma=1.0, epochs=2)
        (model,) = sweep([recipe], digits, store)
        kept = store.load(recipe, digits)
        assert type(kept.recipe) is FadingRecipe
        assert torch.equal(kept.content_table, model.content_table)
        (plain,) = train([Recipe(sigma=1.0, epochs=2)], digits)
        assert not torch.equal(plain.content_table, model.content_table)

        assert "fading" in {method.key for method in METHODS}
        assert type(read("reports/quick.yaml").methods()["fading"]) is FadingRecipe
    """)
    copy.run("golden")
    copy.run("pytest", "-q", "tests/test_golden.py", "-k", "fading or not planted")


@pytest.mark.slow
def test_a_new_section_is_run_and_bound(copy: Copy) -> None:
    copy.follow("measure")
    copy.follow("section")
    copy.quicken("ink")
    copy.python(f"""
        from pathlib import Path
        from reports.bind.document import Front, bind
        from reports.bind.outputs import read_outputs
        from reports.bind.paper import write_pdf
        from reports.bind.web import write_html
        from reports.build import check_labels
        from reports.sections import run_sections, section_notebooks

        if __name__ == "__main__":  # sections are run in processes that import this module
            (notebook,) = [path for path in section_notebooks() if path.stem == "48-ink"]
            values = {{"parameter_file": str(Path("reports/quick.yaml").resolve())}}
            values["overrides"] = {TINY!r}
            sections = run_sections({{notebook: "its stamp"}}, values, Path("sections"), 1)
            outputs = read_outputs(sections)
            check_labels(sections, outputs, ["l1", "l2"])
            assert len(outputs.numbers["ink"]["ink"]) == 2
            front = Front("T", "", ("Ada",), "", "Short.", "", "make report")
            report = bind(sections, outputs, front)
            write_html(report, Path("report.html"))
            write_pdf(report, Path("report.pdf"))
    """)
    copy.run("pytest", "-q", "tests/report/test_answers_introduction.py", "-k", "map")
    page = (copy.root / "report.html").read_text(encoding="utf-8")
    assert 'id="fig-ink"' in page
    assert re.search(r"\d% of their\s+images’ ink at σ = 0", page)
