"""Build the report: parameters in; report.html, report.pdf, results.json and animations out.

Models come from the store, or are trained; each notebook is run by papermill unless it was run
before with the same inputs; and the executed notebooks are bound into the documents. Whatever
fails, the last good report stays in place.

    python -m reports.build reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1
"""

import hashlib
import json
import logging
import os
import platform
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

import glo_core
from glo_core.data import DataError
from glo_core.parameters import ParameterError, parse_override
from glo_core.store import run_key, write_text
from glo_core.study import ROOT, Study, open_study
from glo_core.training import PANEL_SEED
from reports.document import (
    DocumentError,
    Section,
    collect,
    write_animations,
    write_html,
    write_pdf,
)

log = logging.getLogger("report")

NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "reports" / "build"
LIBRARIES = ("torch", "numpy", "scikit-learn", "matplotlib", "papermill", "nbconvert", "typst")
ABSTRACT = """
We rebuild a course exercise on Generative Latent Optimization: {models} models with a class code
and a content code for each of {images} handwritten digits, trained with {sigmas} noise levels
and {losses} losses. Of the old report's {claims} claims, {holding} hold when they are measured
(@tbl-claims). By conversion, fidelity and separation together, the best model is {best}
(@tbl-best).
"""


class SectionError(RuntimeError):
    """A notebook that did not run to its end."""


def build(parameter_file: str, overrides: dict[str, Any]) -> None:
    """The whole report. Raises an error of one of ERRORS, which says what to do."""
    started = time.perf_counter()
    study = open_study(parameter_file, overrides)
    log.info("digits: %d of %s", len(study.digits), study.digits.source)
    models, _ = study.models, study.measured
    sections, seconds = run_sections(study, parameter_file, overrides)
    log.info("binding %d sections into report.html and report.pdf", len(sections))
    binding = time.perf_counter()
    bind(study, sections)
    now = time.perf_counter()
    results = json.loads((BUILD / "results.json").read_text(encoding="utf-8"))
    results["timing"] = {
        "train_seconds": round(sum(glo.history.seconds for glo in models.values()), 1),
        "notebooks_seconds": round(seconds, 1),
        "build_seconds": round(now - binding, 1),
        "total_seconds": round(now - started, 1),
    }
    write_text(BUILD / "results.json", json.dumps(results, indent=1, ensure_ascii=False))
    for name in ("report.html", "report.pdf", "results.json"):
        log.info("%s", BUILD / name)


def run_sections(
    study: Study, parameter_file: str, overrides: dict[str, Any]
) -> tuple[list[Section], float]:
    """The executed notebooks in reading order, and the seconds that running them took."""
    folder = BUILD / "sections"
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    shared = inputs(study)
    with ThreadPoolExecutor(study.parameters.threads) as pool:
        running = []
        for source in sources:
            stamp = hashlib.sha256(shared + source.read_bytes()).hexdigest()
            executed = folder / source.name
            running.append(
                pool.submit(up_to_date, source, executed, stamp, parameter_file, overrides)
            )
        for _ in tqdm(as_completed(running), total=len(running), desc="sections", unit="section"):
            pass
    notebooks = [run.result() for run in running]
    seconds = sum(notebook.metadata["glo"]["seconds"] for notebook in notebooks)
    return [Section(s.stem, n) for s, n in zip(sources, notebooks, strict=True)], seconds


def inputs(study: Study) -> bytes:
    """Everything besides its own source that a section depends on, as bytes to hash."""
    code = [path.read_bytes() for path in sorted((ROOT / "glo_core").glob("*.py"))]
    runs = [run_key(recipe, study.digits) for recipe in study.models]
    words = [study.parameters.model_dump_json(), study.splits.hint, *runs]
    words += [f"{name} {version(name)}" for name in LIBRARIES]
    return b"\0".join([*code, "\n".join(words).encode()])


def up_to_date(
    source: Path, executed: Path, stamp: str, parameter_file: str, overrides: dict[str, Any]
) -> nbformat.NotebookNode:
    """A notebook with its outputs: as it was run last if its stamp is the same, else run now.

    It runs in a kernel of its own, and `executed` is written only if it ran to its end.
    """
    if executed.exists():
        notebook: nbformat.NotebookNode = nbformat.read(executed, as_version=4)
        if notebook.metadata["glo"]["stamp"] == stamp:
            return notebook
    known = papermill.inspect_notebook(str(source))
    values = {"parameter_file": str(Path(parameter_file).resolve()), "overrides": overrides}
    if missing := values.keys() - known.keys():
        raise SectionError(f"{source.name}: its parameters cell does not set {sorted(missing)}")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=executed.parent) as folder:
        new = Path(folder) / source.name
        try:
            papermill.execute_notebook(
                source,
                new,
                values,
                kernel_name="python3",
                progress_bar=False,
                # The kernel's folder. Papermill's own `cwd` would move this whole process there,
                # and with it the notebook that runs beside this one.
                resources={"metadata": {"path": str(NOTEBOOKS)}},
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
        except PapermillExecutionError as error:
            where = f"{source.name}, cell {error.cell_index}"
            raise SectionError(f"{where}: {error.ename}: {error.evalue}") from error
        except Exception as error:  # a kernel that died, or did not start
            raise SectionError(f"{source.name}: {type(error).__name__}: {error}") from error
        notebook = nbformat.read(new, as_version=4)
        notebook.metadata["glo"] = {"stamp": stamp, "seconds": time.perf_counter() - started}
        nbformat.write(notebook, new)
        os.replace(new, executed)
    return notebook


def bind(study: Study, sections: list[Section]) -> None:
    """Writes every document into a temporary folder, then moves all of them into place."""
    collected = collect(sections)
    check_figures(collected.figures)
    findings = sorted(collected.findings, key=lambda finding: finding["id"])
    results = {
        "provenance": provenance(study),
        "figures": collected.figures,
        "findings": findings,
        **collected.results,
    }
    meta = {
        "title": "Generative Latent Optimization",
        "subtitle": "With a class code and a content code for every digit",
        "authors": ["The glo_core authors"],
        "date": "",
        "abstract": abstract(study, findings, collected.results["discussion"]["best"]),
        "footer": f"glo_core {glo_core.__version__}, {study.digits.source}, "
        f"fingerprint {study.digits.fingerprint[:12]}",
    }
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        folder = Path(name)
        write_html(sections, folder / "report.html", meta)
        write_pdf(sections, folder / "report.pdf", meta)
        animations = write_animations(sections, folder / "animations")
        write_text(folder / "results.json", json.dumps(results, indent=1, ensure_ascii=False))
        (BUILD / "animations").mkdir(exist_ok=True)
        for path in animations:
            os.replace(path, BUILD / "animations" / path.name)
        for old in set((BUILD / "animations").iterdir()):
            if old.name not in {path.name for path in animations}:
                old.unlink()
        for file in ("report.html", "report.pdf", "results.json"):
            os.replace(folder / file, BUILD / file)


def check_figures(figures: list[dict[str, Any]]) -> None:
    """Raises DocumentError if a label that a notebook's code writes out has made no figure."""
    found = {figure["label"] for figure in figures}
    for source in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(source, as_version=4).cells:
            written = set(re.findall(r'^ *"((?:fig|tbl)-[a-z0-9-]+)",$', cell.source, re.M))
            if cell.cell_type == "code" and (missing := written - found):
                raise DocumentError(f"{source.name}: no output for {', '.join(sorted(missing))}")


def abstract(study: Study, findings: list[dict[str, Any]], best: dict[str, Any]) -> str:
    """The abstract's text, with its numbers from the results."""
    from glo_core.figures import LOSS_NAMES, sigma_name

    return ABSTRACT.format(
        models=len(study.models),
        images=f"{len(study.digits):,}",
        sigmas=len(study.sigmas),
        losses=len(study.losses),
        claims=len(findings),
        holding=sum(finding["holds"] for finding in findings),
        best=f"{LOSS_NAMES[best['loss']]} with σ = {sigma_name(best['sigma'])}",
    )


def provenance(study: Study) -> dict[str, Any]:
    """Where every number comes from."""
    parameters = study.parameters.model_dump(mode="json")
    return {
        "data": {"source": study.digits.source, "fingerprint": study.digits.fingerprint},
        "parameters": parameters,
        "seeds": {
            "models": parameters["seeds"],
            "pick": parameters["pick_seed"],
            "panel": PANEL_SEED,
        },
        "threads": study.parameters.threads,
        "versions": {
            "glo_core": glo_core.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "machine": {"processor": platform.machine(), "system": platform.system()},
        "runs": [run_key(recipe, study.digits) for recipe in study.models],
    }


ERRORS = (ParameterError, DataError, SectionError, DocumentError)


def main(arguments: list[str]) -> int:
    """`reports.build PARAMETER_FILE [NAME=VALUE ...]`: 0 if the report is there."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("papermill", "matplotlib", "traitlets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    torch.set_num_interop_threads(1)
    parameter_file, *assignments = arguments
    try:
        build(parameter_file, dict(map(parse_override, assignments)))
    except ERRORS as error:
        log.error("make report: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
