"""The chain, in a stand-in for the project whose report is built at once."""

import nbformat
import pytest
from conftest import ROOT

from reports import chain
from reports.chain import BenchError, change, copy, lab, report
from reports.finished import TIMING

# Counts its builds in a file, wants other words for the second, and runs in its own folder.
BUILDER = """
import json, sys
from pathlib import Path

import reports

root = Path.cwd()
assert Path(reports.__file__).parent == root / "reports"
assert sys.argv[1:] == ["reports/small.yaml", "YES=1"]
build = root / "reports" / "build"
build.mkdir(exist_ok=True)
builds = len([*build.glob("*.words")])
cells = json.loads((root / "notebooks" / CHANGED).read_text())["cells"]
words = "".join(cells[0]["source"])
assert words == "Planted words" or builds == 1 and words.startswith("Planted words\\n\\n")
(build / f"{builds}.words").write_text(words)
(build / "results.json").write_text(json.dumps({"timing": TIMING}))
"""
SECONDS = [0.002, 0.003, 0.001, 0.004]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in little, with a report that was built before, which is not to be copied."""
    for folder in ("glo_core", "reports", "notebooks", "reports/build"):
        (tmp_path / folder).mkdir()
    (tmp_path / "reports" / "build" / "0.words").touch()
    timing = dict(zip(TIMING, [*SECONDS, sum(SECONDS), 0.5], strict=True))
    constants = f"CHANGED, TIMING = {chain.CHANGED!r}, {timing!r}\n"
    (tmp_path / "reports" / "__init__.py").touch()
    (tmp_path / "reports" / "__main__.py").write_text(constants + BUILDER, encoding="utf-8")
    notebook(tmp_path / "notebooks" / chain.CHANGED, "")
    monkeypatch.setattr(chain, "ROOT", tmp_path)
    return tmp_path


def notebook(path, code):
    cells = [nbformat.v4.new_markdown_cell("Planted words"), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_a_report_is_built_from_nothing_and_again_with_other_words(project):
    found = report("small")
    parts = ["train", "measure", "notebooks", "build"]
    assert [*found] == ["start", *parts, "second_build"]
    assert [found[part] for part in parts] == SECONDS
    assert found["start"] > 0  # starting Python is more than the parts that it tells of
    assert found["second_build"] > 0.01
    assert len([*(project / "reports" / "build").iterdir()]) == 1  # it ran in a copy


def test_the_lab_runs_its_notebooks_code_and_trains_the_model_that_it_shows(project, monkeypatch):
    monkeypatch.setattr(chain, "FIRST_PICTURES", "assert shown\ntime.sleep(0.2)")
    path = project / "notebooks" / "explore.ipynb"
    code = "import time\nshown = True"
    notebook(path, f"{code}\ntime.sleep(0.2)")
    assert 0.4 < lab()["seconds"] < 20
    notebook(path, f"{code}\nraise SystemExit('planted error')")
    with pytest.raises(BenchError, match="planted error"):
        lab()


def test_only_text_is_changed_in_the_projects_own_notebook(tmp_path):
    path = copy(tmp_path) / "notebooks" / chain.CHANGED
    before = nbformat.read(path, as_version=4)
    change(path)
    after = nbformat.read(path, as_version=4)
    assert before.cells[0].cell_type == "markdown"
    assert after.cells[0].source.startswith(before.cells[0].source + "\n")
    assert after.cells[1:] == before.cells[1:]


def test_a_copy_has_the_projects_programs_and_nothing_that_was_made(tmp_path):
    copy(tmp_path)
    assert (tmp_path / "reports" / "__main__.py").read_bytes() == (
        ROOT / "reports" / "__main__.py"
    ).read_bytes()
    assert (tmp_path / "notebooks" / "explore.ipynb").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*chain.FOLDERS}
    assert not {path.name for path in tmp_path.rglob("*")} & {"build", "__pycache__"}
