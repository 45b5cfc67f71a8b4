"""Notebooks as they stand in the project: their code, and which parameters they take."""

import re
import symtable
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager


class NotebookError(ValueError):
    """A notebook of the project that cannot be read, or not be given parameters."""


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of the project, whole and valid. Raises NotebookError."""
    try:
        notebook: nbformat.NotebookNode = nbformat.reads(path.read_text(encoding="utf-8"), 4)
        nbformat.validate(notebook)
    # What nbformat raises for JSON of another shape is of many types
    except Exception as error:
        kind = type(error).__name__
        raise NotebookError(
            f"{path} is no notebook ({kind}): restore it, as by `git checkout`"
        ) from error
    return notebook


def code_cells(path: Path) -> list[str]:
    """The code cells, as Python. A cell that is none fails when the notebook is run."""
    python, cells = TransformerManager(), []
    for cell in read_notebook(path).cells:
        if cell.cell_type == "code":
            code = python.transform_cell(cell.source)  # commands of Jupyter such as %matplotlib
            with suppress(SyntaxError):
                compile(code, path.name, "exec")
                cells.append(code)
    return cells


def parameter_names(source: Path) -> set[str]:
    """The names that a notebook's parameters cell sets, as Python and IPython see them.

    The cell is the first that is tagged `parameters`; papermill puts the report's values below it.
    Raises NotebookError if there is none, or if it is no Python.
    """
    cells = read_notebook(source).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged or tagged[0].cell_type != "code":  # papermill takes the first, whatever it is
        raise NotebookError(
            f"{source.name}: no code cell is tagged `parameters`: tag the one that sets them"
        )
    code = re.sub(r"\A\s*%%.*", "", tagged[0].source)  # %%capture, say: the rest is run as it is
    try:
        table = symtable.symtable(TransformerManager().transform_cell(code), source.name, "exec")
    except (SyntaxError, ValueError) as error:
        raise NotebookError(f"{source.name}: its parameters cell is no Python: {error}") from error
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}


def check_parameters(source: Path, names: Iterable[str]) -> None:
    """Raises NotebookError unless a notebook's parameters cell sets all these names."""
    if missing := {*names} - parameter_names(source):
        raise NotebookError(f"{source.name}: its parameters cell does not set {sorted(missing)}")
