"""The tracked notebooks: without outputs, with their parameters, and with nothing typed in."""

import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECTIONS = [path for path in NOTEBOOKS if path.name[0].isdigit()]


def read(path):
    return nbformat.read(path, as_version=4)


def test_the_sections_are_there_in_reading_order():
    assert [path.stem for path in SECTIONS] == [
        "00-introduction",
        "10-conversions",
        "20-noise",
        "30-epochs",
        "40-scratch",
        "45-traps",
        "47-comparison",
        "48-hand",
        "50-discussion",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_tracked_without_outputs(path):
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_of_code_has_at_most_twelve_lines(path):
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell for cell in cells if len(cell.splitlines()) > 12] == []


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: path.stem)
def test_a_section_has_a_title_and_takes_the_reports_parameters(path):
    notebook = read(path)
    assert notebook.cells[0].source.startswith("# ")
    (parameters,) = [
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    assert 'parameter_file = "../reports/full.yaml"' in parameters.source
    assert "overrides = {}" in parameters.source


def test_nothing_that_a_build_makes_is_tracked():
    done = subprocess.run(
        ["git", "ls-files", "runs", "data", "reports/build", ".venv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout, so there is nothing tracked")
    assert done.stdout == ""
