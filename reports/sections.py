"""Run the sections' notebooks: each in a kernel of its own, and only if its stamp has changed.

An executed notebook has a digest of itself beside its stamp; one that was changed is run again.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

from glo_core.runs.files import DamageError, digest, made, read_json, set_aside, write_text
from reports.bind.outputs import ExecutedSection
from reports.kernels import ForkedKernelManager, end_all
from reports.study import ROOT


class SectionError(RuntimeError):
    """A notebook that did not run to its end."""


def section_notebooks() -> list[Path]:
    """The sections' notebooks in reading order."""
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def run_sections(
    stamps: dict[Path, str], values: Mapping[str, Any], folder: Path, threads: int
) -> list[ExecutedSection]:
    """The executed sections, in the order of `stamps`.

    Args:
        stamps: The notebooks, and a hash of what each one's outputs depend on.
        values: What their parameters cells are to set.
        folder: Where executed notebooks are kept.
        threads: How many notebooks run at a time.

    Raises:
        SectionError: A notebook did not run to its end.
        DiskError: An executed notebook cannot be written.
    """
    made(folder)
    with ThreadPoolExecutor(threads) as pool:
        # The last sections first: they take the longest, and no processor idles at the end.
        running = {
            source: pool.submit(up_to_date, source, folder / source.name, stamp, values)
            for source, stamp in reversed(stamps.items())
        }
        try:
            done = as_completed(running.values())
            bar = tqdm(done, total=len(running), desc="sections", unit="section")
            for run in bar:
                run.result()
        except BaseException as error:  # do not begin the others
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, Exception):  # Ctrl-C: do not wait for those that run, either
                end_all()
            raise
    return [ExecutedSection(source.stem, running[source].result()) for source in stamps]


def up_to_date(
    source: Path, executed: Path, stamp: str, values: Mapping[str, Any]
) -> nbformat.NotebookNode:
    """A notebook with its outputs: as it was run last if its stamp is the same, else run now.

    `executed` is written only if the notebook ran to its end.
    """
    if kept := _kept(executed, stamp):
        return kept
    try:
        notebook = _execute(source, values)
    except PapermillExecutionError as error:
        where = f"{source.name}, cell {error.cell_index}"
        raise SectionError(f"{where}: {error.ename}: {error.evalue}") from error
    except Exception as error:  # a kernel that died, or did not start
        raise SectionError(f"{source.name}: {type(error).__name__}: {error}") from error
    content = json.loads(nbformat.writes(notebook))
    content["metadata"]["glo"] = {"stamp": stamp, "digest": digest(content, stamp)}
    write_text(executed, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return _opened(content)


def _kept(executed: Path, stamp: str) -> nbformat.NotebookNode | None:
    """A notebook as it was run last, if its stamp is this one. What is damaged is set aside."""
    try:
        content = read_json(executed)
        seal = content["metadata"].pop("glo")
        if seal["stamp"] != stamp:
            return None
        if digest(content, stamp) != seal["digest"]:
            raise DamageError("it was changed after it was run")
        return _opened(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        set_aside(executed, executed.parent, error)
        return None


def _opened(content: dict[str, Any]) -> nbformat.NotebookNode:
    """A notebook from JSON, the same whether it has just been run or was kept."""
    notebook: nbformat.NotebookNode = nbformat.reads(json.dumps(content), as_version=4)
    notebook.metadata.pop("glo", None)
    return notebook


def _execute(source: Path, values: Mapping[str, Any]) -> nbformat.NotebookNode:
    """A notebook that was run in a kernel of its own, in the notebook's folder."""
    executed: nbformat.NotebookNode = papermill.execute_notebook(
        source,
        None,  # it would be written after every cell
        dict(values),
        kernel_name="python3",
        progress_bar=False,
        # The kernel's folder. Papermill's own `cwd` would move this whole process there, and with
        # it the notebook that runs beside this one.
        resources={"metadata": {"path": str(source.parent)}},
        kernel_manager_class=ForkedKernelManager,
    )
    return executed
