"""The whole chain from nothing: to a report, and to the lab's first pictures.

Each is made by fresh processes in a copy of the project that has no models, no digits but those of
the libraries, and nothing compiled.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from glo_core.provenance import ROOT

FOLDERS = ("glo_core", "notebooks", "reports")
# The notebook whose text is changed for a second build: the one that takes the longest.
CHANGED = "48-hand.ipynb"
# What a reader of the lab does who finds no model: trains the one that the first board offers. The
# last line is what the board's browser then gets.
FIRST_PICTURES = """
board = noise_board(study)
study.alone(board.view.chosen_level.recipe)
board.view.packed(board.view.chosen_level)
"""


class BenchError(RuntimeError):
    """A measurement that failed; the message holds what its process said."""


def run(root: Path, *words: str) -> tuple[float, str]:
    """Runs Python in a project's folder, on its modules: how many seconds it took, what it printed.

    Raises BenchError with the process' words if it fails.
    """
    command = [sys.executable, *words]
    environment = os.environ | {"PYTHONPATH": str(root)}
    start = time.perf_counter()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=root, env=environment
    )
    if done.returncode:
        raise BenchError(f"`{' '.join(command)}` failed:\n{done.stderr}")
    return time.perf_counter() - start, done.stdout


def copy(root: Path) -> Path:
    """Copies the project into `root` as it was before anything was run."""
    ignored = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    return root


def report(name: str) -> dict[str, float]:
    """Seconds of each part of a report from nothing, in order, and of a second build.

    Args:
        name: That of its file of parameters.

    Returns:
        "start" is what the process does before its first part, such as imports; then the parts that
        `results.json` tells of. "second_build" is one after words of one notebook were changed.
    """
    words = ("-m", "reports", f"reports/{name}.yaml", "YES=1")  # however long it takes
    with tempfile.TemporaryDirectory() as folder:
        root = copy(Path(folder))
        taken, _ = run(root, *words)
        results = (root / "reports" / "build" / "results.json").read_text(encoding="utf-8")
        timing = json.loads(results)["timing"]
        seconds = [part for part in timing if part.endswith("_seconds")]
        parts = {part.removesuffix("_seconds"): timing[part] for part in seconds}
        del parts["total"]
        change(root / "notebooks" / CHANGED)
        again, _ = run(root, *words)
    return {"start": taken - sum(parts.values()), **parts, "second_build": again}


def change(path: Path) -> None:
    """Adds a sentence to a notebook's first cell, which is text."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nThis sentence was added."
    nbformat.write(notebook, path)


def lab() -> dict[str, float]:
    """Seconds until the lab has its first pictures to show, imports and training included."""
    with tempfile.TemporaryDirectory() as folder:
        root = copy(Path(folder))
        cells = nbformat.read(root / "notebooks" / "explore.ipynb", as_version=4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        taken, _ = run(root, "-c", "\n".join([*code, FIRST_PICTURES]))
    return {"seconds": taken}
