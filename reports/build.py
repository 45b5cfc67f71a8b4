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
import shlex
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

import glo_core
from glo_core.data import DataError
from glo_core.model import PANEL_SEED
from glo_core.runs.cluster import ClusterError
from glo_core.runs.store import run_key, write_text
from glo_core.runs.sweep import SweepError
from glo_core.training import DeviceError
from reports.bind.document import Section, collect, gif_name
from reports.bind.pandoc import DocumentError
from reports.bind.paper import write_pdf
from reports.bind.web import write_animations, write_html
from reports.parameters import ParameterError, parse_override
from reports.show import page
from reports.show.names import LOSS_NAMES, sigma_name
from reports.study import ROOT, Study, open_study

log = logging.getLogger("report")

NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "reports" / "build"
REPORT = ("report.html", "report.pdf", "results.json")
TIMING = (
    "train_seconds",
    "measure_seconds",
    "notebooks_seconds",
    "build_seconds",
    "total_seconds",
)
LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "mlxtend",
    "matplotlib",
    "pillow",
    "imageio",
    "papermill",
    "nbconvert",
    "pypandoc_binary",
    "typst",
)
ABSTRACT = """
We rebuild a course exercise on Generative Latent Optimization: models with a class code and a
content code for each of {images} images, for the noise levels {sigmas} and the losses {losses}. Of
the old report's {claims} claims, {holding} hold when measured (@tbl-claims). By conversion,
fidelity and separation together, we choose {best} (@tbl-best). Three probes measure how much of
the class the content codes hold, of latents that hardly learn and of latents that do
(@fig-frontier). With another training recipe the same network redraws with an L1 error of
{error:.4f}, {conversion:.1%} of its conversions are read as meant, and an MLP reads the class from
{leakage:.1%} of its content codes, where chance is {chance:.1%} (@tbl-comparison).
"""


class SectionError(RuntimeError):
    """A notebook that did not run to its end."""


def build(parameter_file: str, overrides: dict[str, Any]) -> None:
    """The whole report. Raises an error of one of ERRORS, which says what to do."""
    clock = [time.perf_counter()]
    parameter_file = str(Path(parameter_file).resolve())
    study = open_study(parameter_file, overrides)
    patterns = ("**/*.py", "*.bib", "bind/templates/[!.]*.*")
    builder = [path for pattern in patterns for path in (ROOT / "reports").glob(pattern)]
    builder += page.FOLDER.glob("[!.]*.*")
    stamp = stamp_of(study, *sorted(builder), *sections_sources())
    if is_up_to_date(stamp):
        log.info("nothing has changed since %s was built", BUILD / "report.html")
        return
    log.info("digits: %d of %s", len(study.digits), study.digits.source)
    _ = study.models, study.judge
    clock.append(time.perf_counter())
    _ = study.measured, study.examined
    clock.append(time.perf_counter())
    sections = run_sections(study, parameter_file, overrides)
    clock.append(time.perf_counter())
    log.info("binding %d sections into report.html and report.pdf", len(sections))
    bind(study, sections, stamp, clock, command(parameter_file, overrides))
    for name in REPORT:
        log.info("%s", BUILD / name)


def sections_sources() -> list[Path]:
    """The sections' notebooks in reading order."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def stamp_of(study: Study, *files: Path) -> str:
    """A hash of the files and of all that every section depends on: it changes when they do."""
    code = sorted((ROOT / "glo_core").glob("**/*.py"))
    words = [json.dumps(study.parameters.content()), study.splits.hint, study.digits.source]
    words += [study.splits.judge.fingerprint, study.splits.test.fingerprint]
    words += [run_key(recipe, study.digits) for recipe in study.parameters.recipes()]
    words += [f"{name} {version(name)}" for name in LIBRARIES]
    content = [path.read_bytes() for path in (*code, *files)] + [word.encode() for word in words]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


def is_up_to_date(stamp: str) -> bool:
    """Whether the report that is there is whole and was built from exactly this."""
    try:
        results = json.loads((BUILD / "results.json").read_text(encoding="utf-8"))
        files = [BUILD / name for name in REPORT]
        files += [
            BUILD / "animations" / gif_name(figure["label"])
            for figure in results["figures"]
            if figure["kind"] == "animation"
        ]
        same = results["provenance"]["stamp"] == stamp
    except (FileNotFoundError, ValueError, KeyError):
        return False
    return same and all(path.exists() for path in files)


def run_sections(study: Study, parameter_file: str, overrides: dict[str, Any]) -> list[Section]:
    """The executed notebooks in reading order; only those are run whose inputs have changed."""
    folder = BUILD / "sections"
    folder.mkdir(parents=True, exist_ok=True)
    sources = sections_sources()
    with ThreadPoolExecutor(study.parameters.threads) as pool:
        running = [
            pool.submit(
                up_to_date,
                source,
                folder / source.name,
                stamp_of(study, source),
                {"parameter_file": parameter_file, "overrides": overrides},
            )
            for source in sources
        ]
        try:
            bar = tqdm(as_completed(running), total=len(running), desc="sections", unit="section")
            for run in bar:
                run.result()
        except BaseException:  # a section that failed, or Ctrl-C: do not begin the others
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [
        Section(source.stem, run.result()) for source, run in zip(sources, running, strict=True)
    ]


def up_to_date(
    source: Path, executed: Path, stamp: str, values: dict[str, Any]
) -> nbformat.NotebookNode:
    """A notebook with its outputs: as it was run last if its stamp is the same, else run now.

    It runs in a kernel of its own, and `executed` is written only if it ran to its end.
    """
    with suppress(FileNotFoundError, nbformat.reader.NotJSONError, KeyError):
        notebook: nbformat.NotebookNode = nbformat.read(executed, as_version=4)
        if notebook.metadata["glo"]["stamp"] == stamp:
            return notebook
    if missing := values.keys() - papermill.inspect_notebook(str(source)).keys():
        raise SectionError(f"{source.name}: its parameters cell does not set {sorted(missing)}")
    with tempfile.TemporaryDirectory(dir=executed.parent) as folder:
        new = Path(folder) / source.name
        try:
            _execute(source, new, values)
        except PapermillExecutionError as error:
            where = f"{source.name}, cell {error.cell_index}"
            raise SectionError(f"{where}: {error.ename}: {error.evalue}") from error
        except Exception as error:  # a kernel that died, or did not start
            raise SectionError(f"{source.name}: {type(error).__name__}: {error}") from error
        notebook = nbformat.read(new, as_version=4)
        notebook.metadata["glo"] = {"stamp": stamp}
        nbformat.write(notebook, new)
        os.replace(new, executed)
    return notebook


def _execute(source: Path, new: Path, values: dict[str, Any], attempts: int = 3) -> None:
    """Runs a notebook in a kernel of its own.

    Kernels that start at the same moment may pick the same port, and one of them dies before it
    has run anything: it is started again.
    """
    try:
        papermill.execute_notebook(
            source,
            new,
            values,
            kernel_name="python3",
            progress_bar=False,
            # The kernel's folder. Papermill's own `cwd` would move this whole process there, and
            # with it the notebook that runs beside this one.
            resources={"metadata": {"path": str(NOTEBOOKS)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
    except RuntimeError as error:
        if attempts == 1 or "before replying to kernel_info" not in str(error):
            raise
        _execute(source, new, values, attempts - 1)


def command(parameter_file: str, overrides: dict[str, Any]) -> str:
    """The command line that makes this report, started in the project's folder."""
    path = Path(parameter_file)
    words = {"PARAMS": path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}
    words |= {name.upper(): value for name, value in overrides.items()}
    listed = {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in words.items()
    }
    return shlex.join(["make", "report", *(f"{name}={value}" for name, value in listed.items())])


def bind(
    study: Study, sections: list[Section], stamp: str, clock: list[float], made_by: str
) -> None:
    """Writes every document into a temporary folder, then moves all of them into place.

    `clock` holds the times at which the build began, had its models, its measures, its sections;
    `made_by` is the command that makes the report again.
    """
    collected = collect(sections)
    check_figures(collected.figures, study.losses)
    findings = sorted(collected.findings, key=lambda finding: finding["id"])
    results = {
        "provenance": provenance(study, stamp),
        "figures": collected.figures,
        "findings": findings,
        **collected.results,
    }
    meta = {
        "title": "Generative Latent Optimization",
        "subtitle": "With a class code and a content code for every image",
        "authors": ["The glo_core authors"],
        "date": "",
        "abstract": abstract(study, findings, collected.results),
        "command": made_by,
        "footer": f"glo_core {glo_core.__version__}, {study.digits.source}, "
        f"fingerprint {study.digits.fingerprint[:12]}",
    }
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        folder = Path(name)
        write_html(sections, folder / "report.html", meta)
        write_pdf(sections, folder / "report.pdf", meta)
        animations = write_animations(sections, folder / "animations")
        steps = [round(b - a, 1) for a, b in pairwise([*clock, time.perf_counter()])]
        results["timing"] = dict(zip(TIMING, [*steps, round(sum(steps), 1)], strict=True))
        write_text(folder / "results.json", json.dumps(results, indent=1, ensure_ascii=False))
        (BUILD / "animations").mkdir(exist_ok=True)
        for path in animations:
            os.replace(path, BUILD / "animations" / path.name)
        for left in {*(BUILD / "animations").glob("*.gif")} - {
            BUILD / "animations" / path.name for path in animations
        }:
            left.unlink()
        for file in REPORT:
            os.replace(folder / file, BUILD / file)


def check_figures(figures: list[dict[str, Any]], losses: tuple[str, ...]) -> None:
    """Raises DocumentError if a label that a notebook's code writes has made no figure.

    A label ends where it is written out, or in braces, which stand for each of the losses.
    """
    found = {figure["label"] for figure in figures}
    for source in sections_sources():
        for cell in nbformat.read(source, as_version=4).cells:
            written = set(re.findall(r'^ *"((?:fig|tbl)-[a-z0-9-]+)",$', cell.source, re.M))
            for start in re.findall(r'^ *f"(fig-[a-z-]+-)\{.*\}",$', cell.source, re.M):
                written |= {start + loss.replace("+", "-") for loss in losses}
            if cell.cell_type == "code" and (missing := written - found):
                raise DocumentError(f"{source.name}: no output for {', '.join(sorted(missing))}")


def abstract(study: Study, findings: list[dict[str, Any]], results: dict[str, Any]) -> str:
    """The abstract's text, with its numbers from the results."""
    best, reached = results["discussion"]["best"], results["comparison"]["reached"]
    return ABSTRACT.format(
        images=f"{len(study.digits):,}",
        sigmas=", ".join(map(sigma_name, study.sigmas)),
        losses=", ".join(LOSS_NAMES[loss] for loss in study.losses),
        claims=len(findings),
        holding=sum(finding["holds"] is True for finding in findings),
        best=f"{LOSS_NAMES[best['loss']]} with σ = {sigma_name(best['sigma'])}",
        error=reached["reconstruction_l1"],
        conversion=reached["conversion"],
        leakage=reached["leakage_mlp"],
        chance=results["noise"]["chance"],
    )


def provenance(study: Study, stamp: str) -> dict[str, Any]:
    """Where every number comes from."""
    parameters = study.parameters.model_dump(mode="json")
    return {
        "stamp": stamp,
        "data": {"source": study.digits.source, "fingerprint": study.digits.fingerprint},
        "parameters": parameters,
        "seeds": {
            "models": parameters["seeds"],
            "pick": parameters["pick_seed"],
            "panel": PANEL_SEED,
        },
        "threads": sorted({glo.history.threads for glo in study.models.values()}),
        "versions": {
            "glo_core": glo_core.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "machine": {"processor": platform.machine(), "system": platform.system()},
        "runs": [run_key(recipe, study.digits) for recipe in study.models],
    }


ERRORS = (
    ParameterError,
    DataError,
    DeviceError,
    ClusterError,
    SweepError,
    SectionError,
    DocumentError,
)


def main(arguments: list[str]) -> int:
    """`reports.build [PARAMETER_FILE [NAME=VALUE ...]]`: 0 if the report is there."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("papermill", "matplotlib", "traitlets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    torch.set_num_interop_threads(1)
    parameter_file, *assignments = arguments or ["reports/full.yaml"]
    try:
        build(parameter_file, dict(map(parse_override, assignments)))
    except ERRORS as error:
        log.error("make report: %s", error)
        return 1
    except KeyboardInterrupt:
        log.error("make report: stopped; the models that were trained are kept")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
