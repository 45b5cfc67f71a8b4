"""The parameters cell of a section's notebook: what it sets is what Python sees in it."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest

from reports.notebooks import NotebookError, check_parameters, parameter_names
from reports.sections import run_sections, section_notebooks

V4: Any = nbformat.v4
BOTH = {"parameter_file", "overrides"}


def notebook(folder: Path, *cells: Any) -> Path:
    """A notebook of these cells, on disk."""
    path = folder / "10-planted.ipynb"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    nbformat.write(V4.new_notebook(cells=[*cells], metadata=metadata), path)
    return path


def tagged(source: str) -> Any:
    return V4.new_code_cell(source, metadata={"tags": ["parameters"]})


@pytest.mark.parametrize(
    "source",
    [
        'parameter_file = ""; overrides = {}',
        "parameter_file: str | None = None\noverrides: dict[str, object] = {}",
        'parameter_file, overrides = "", {}',
        '(parameter_file, *overrides) = ["", 1]',
        "parameter_file = overrides = None",
        'parameter_file = (\n    "a"\n    "b"\n)\noverrides = {\n    "n": 3,  # few\n}',
        'parameter_file = "a=b # c"\noverrides = {"a": "="}',
        'parameter_file = \\\n    "a"\noverrides \\\n    = {}',
        'import os\nif os.name:\n    parameter_file = ""\noverrides = {}',
        'print(overrides := {})\nparameter_file = ""',
        '%matplotlib inline\n!true\nfiles = !ls\nparameter_file = ""\noverrides = {}\noverrides?',
        '%%capture\nparameter_file = ""\noverrides = {}',
        '\n  parameter_file = ""\n  overrides = {}',
        'import asyncio\nparameter_file = await asyncio.sleep(0, "")\noverrides = {}',
    ],
)
def test_a_parameters_cell_may_be_written_as_people_write_python(
    source: str, tmp_path: Path
) -> None:
    path = notebook(tmp_path, V4.new_markdown_cell("# One"), V4.new_code_cell("1"), tagged(source))
    assert parameter_names(path) >= BOTH


@pytest.mark.parametrize(
    "source",
    [
        '# overrides = {}\nparameter_file = ""',
        '"""\noverrides = {}\n"""\nparameter_file = ""',
        'def f():\n    overrides = {}\n\n\nparameter_file = ""',
        'parameter_file = ""\noverrides == {}',
        'parameter_file = ""\nx.overrides = {}\ny["overrides"] = {}',
    ],
)
def test_what_only_looks_like_an_assignment_sets_nothing(source: str, tmp_path: Path) -> None:
    assert parameter_names(notebook(tmp_path, tagged(source))) & BOTH == {"parameter_file"}


def test_the_first_cell_that_is_tagged_counts_as_it_does_for_papermill(tmp_path: Path) -> None:
    assert parameter_names(notebook(tmp_path, tagged("a = 1"), tagged("b = 1"))) == {"a"}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (V4.new_code_cell("overrides = {}"), "no code cell is tagged `parameters`"),
        (V4.new_markdown_cell("", metadata={"tags": ["parameters"]}), "no code cell is tagged"),
        (tagged("overrides = {"), "its parameters cell is no Python: '{' was never closed"),
        (tagged("overrides = \0"), "its parameters cell is no Python: .* null bytes"),
        (tagged(""), r"its parameters cell does not set \['overrides'\]"),
        (tagged("override = {}"), r"its parameters cell does not set \['overrides'\]"),
    ],
)
def test_a_cell_that_cannot_be_used_is_told_by_its_cause(
    cell: Any, words: str, tmp_path: Path
) -> None:
    path = notebook(tmp_path, cell)
    with pytest.raises(NotebookError, match=rf"^10-planted\.ipynb: {words}"):
        check_parameters(path, ["overrides"])


def test_every_section_sets_what_the_report_gives_it() -> None:
    assert all(parameter_names(path) >= BOTH for path in section_notebooks())


@pytest.fixture
def _collected() -> Iterator[None]:
    yield
    gc.collect()


# Papermill leaves the event loops of its threads to the garbage collector, which closes them.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("_collected")
def test_the_reports_values_replace_those_of_any_such_cell(tmp_path: Path) -> None:
    cells = tagged("a, b = 1, {}  # = #"), V4.new_code_cell("print(a, b)")
    path = notebook(tmp_path, V4.new_code_cell("1"), *cells)
    values = {"a": "x = #", "b": {"n": 3}}
    ((section),) = run_sections({path: "stamp"}, values, tmp_path / "done", 1)
    assert section.notebook.cells[-1].outputs[0].text == "x = # {'n': 3}\n"
