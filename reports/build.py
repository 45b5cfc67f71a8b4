"""Build the report: parameters in; report.html, report.pdf, results.json and animations out.

Models come from the store, or are trained; each notebook is run by papermill unless it was run
before with the same inputs; and the executed notebooks are bound into the documents. Whatever
fails, the last good report stays in place.

The documents depend on the parameters alone. `results.json`, which is put into place last, has the
SHA-256 of each of them, a digest of itself, and beside it the times, which differ with each build.

    python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1
"""

import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

import glo_core
from glo_core.data import DataError
from glo_core.model import History
from glo_core.runs.cluster import ClusterError
from glo_core.runs.files import (
    DamageError,
    DiskError,
    check_disk,
    made,
    new_folder,
    read_json,
    sealed,
    set_aside,
    sha256,
    unsealed,
    write_text,
    writing,
)
from glo_core.runs.leftovers import clear
from glo_core.runs.locks import held
from glo_core.runs.sweep import SweepError
from glo_core.training import DeviceError
from reports.answers.abstract import abstract
from reports.answers.text import Text
from reports.bind.document import Front, Report, bind, collect
from reports.bind.outputs import ExecutedSection, Outputs, read_outputs
from reports.bind.pandoc import DocumentError
from reports.bind.paper import write_pdf
from reports.bind.web import write_animations, write_html
from reports.gaps import StudyError
from reports.measuring import MeasuringError, processes
from reports.notebooks import NotebookError, check_parameters
from reports.parameters import ParameterError, parse_overrides
from reports.plan import DOCUMENTS_BYTES, PlanError, plan
from reports.provenance import provenance, report_stamp, section_stamp, with_weights
from reports.sections import SectionError, run_sections, section_notebooks
from reports.study import JUDGE_SEED, ROOT, Study, open_study

log = logging.getLogger("report")

BUILD = ROOT / "reports" / "build"
REPORT = ("report.html", "report.pdf", "results.json")
TIMING = (
    "train_seconds",
    "measure_seconds",
    "notebooks_seconds",
    "build_seconds",
    "total_seconds",
    "training_processor_minutes",
)


def build(parameter_file: str, overrides: dict[str, Any], yes: bool = False) -> None:
    """The whole report, however long it takes if `yes`; one build at a time.

    Raises an error of one of ERRORS, which says what to do.
    """
    clock = [time.perf_counter()]
    parameter_file = str(Path(parameter_file).resolve())
    study = open_study(parameter_file, overrides)
    with held(made(BUILD) / ".lock", "builds a report here"):
        runs = study.store.root
        clear(BUILD, BUILD / "sections", runs, *runs.glob("*/"))
        _build(study, parameter_file, overrides, yes, clock)


def _build(
    study: Study, parameter_file: str, overrides: dict[str, Any], yes: bool, clock: list[float]
) -> None:
    values = {"parameter_file": parameter_file, "overrides": overrides}
    for notebook in section_notebooks():
        check_parameters(notebook, values)
    stamps = {notebook: section_stamp(study, notebook) for notebook in section_notebooks()}
    stamp = report_stamp(stamps.values())
    if is_up_to_date(stamp):
        log.info("nothing has changed since %s was built", BUILD / "report.html")
        return
    log.info("digits: %d of %s", len(study.digits), study.digits.source)
    planned = plan(study)
    log.info("%s", "\n".join(planned.lines()))
    planned.check(yes)
    models = {study.store.root: planned.disk} if planned.disk else {}
    check_disk({BUILD: DOCUMENTS_BYTES, **models})
    train(study)
    clock.append(time.perf_counter())
    _ = study.results
    clock.append(time.perf_counter())
    trained = {notebook: with_weights(stamp, study) for notebook, stamp in stamps.items()}
    sections = run_sections(trained, values, BUILD / "sections", study.parameters.threads)
    clock.append(time.perf_counter())
    log.info("binding %d sections into report.html and report.pdf", len(sections))
    outputs = read_outputs(sections)
    check_labels(sections, outputs, study.losses)
    made_by = command(parameter_file, overrides)
    report = bind(sections, outputs, front(study, outputs, made_by))
    minutes = processor_minutes(glo.history for glo in study.models.values())
    write_documents(report, collected(study, report, outputs, stamp), clock, minutes)
    for name in REPORT:
        log.info("%s", BUILD / name)


def train(study: Study) -> None:
    """Has the store hold every model and the judge, which is trained beside them."""
    if study.parameters.threads > 1:
        # In a process of its own: two threads of many small steps would wait for each other
        with processes(1) as beside:
            judge = beside.submit(study.store.classifier, study.splits.judge, JUDGE_SEED)
            _ = study.models
            if isinstance(error := judge.exception(), DiskError):
                raise error  # any other failure would show when it is trained below
    _ = study.models, study.judge


def is_up_to_date(stamp: str) -> bool:
    """Whether the report was built from exactly this, and each file is still what was written."""
    path = BUILD / "results.json"
    try:
        results = read_json(path)
        if results["provenance"]["stamp"] != stamp:
            return False
        del results["timing"]
        files = unsealed(results)["sha256"]
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        set_aside(path, BUILD, error)
        return False
    changed = [name for name, expected in files.items() if _hash_of(BUILD / name) != expected]
    for name in changed:
        log.warning("%s was changed after it was built", BUILD / name)
    return not changed


def _hash_of(path: Path) -> str:
    """The SHA-256 of a file; "" if it cannot be read."""
    try:
        return sha256(path.read_bytes())
    except OSError:
        return ""


def check_labels(
    sections: Sequence[ExecutedSection], outputs: Outputs, losses: Iterable[str]
) -> None:
    """Raises DocumentError if a section has a caption for a figure that it has not published."""
    for section in sections:
        declared = Text(section.key).labels(losses)
        published = {item.label for item in outputs.floats.values() if item.section == section.key}
        if missing := declared - published:
            raise DocumentError(f"{section.name}.ipynb: no output for {', '.join(sorted(missing))}")


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


def front(study: Study, outputs: Outputs, made_by: str) -> Front:
    """The title, the abstract with its numbers, and what stands around them."""
    return Front(
        title="Generative Latent Optimization",
        subtitle="With a class code and a content code for every image",
        authors=("The glo_core authors",),
        date="",
        abstract=abstract(study, outputs.findings, outputs.numbers),
        footer=f"glo_core {glo_core.__version__}, {study.digits.source}, "
        f"fingerprint {study.digits.fingerprint[:12]}",
        command=made_by,
    )


def collected(study: Study, report: Report, outputs: Outputs, stamp: str) -> dict[str, Any]:
    """What `results.json` holds, but for the times that the build took."""
    findings = sorted(outputs.findings, key=lambda finding: finding.id)
    return {
        "provenance": provenance(study, stamp),
        "figures": collect(report),
        "findings": [finding.model_dump(exclude={"kind"}) for finding in findings],
        **outputs.numbers,
    }


def processor_minutes(histories: Iterable[History]) -> float:
    """The time that all threads together needed to train some models, whenever that was."""
    return sum(history.seconds * history.threads for history in histories) / 60


def write_documents(
    report: Report, results: dict[str, Any], clock: Sequence[float], minutes: float
) -> None:
    """Writes every document into a temporary folder, then moves all of them into place.

    `clock` holds the times at which the build began, had its models, its measures, its sections;
    `minutes` is how long its models were trained. Raises DiskError if the folder cannot be written.
    """
    with writing(BUILD), new_folder(BUILD) as name:
        folder = Path(name)
        with ThreadPoolExecutor(1) as beside:
            page = beside.submit(write_html, report, folder / "report.html")
            write_pdf(report, folder / "report.pdf")
            page.result()
        animations = write_animations(report, folder / "animations")
        written = [folder / "report.html", folder / "report.pdf", *animations]
        files = {str(path.relative_to(folder)): _hash_of(path) for path in written}
        steps = [round(b - a, 1) for a, b in pairwise([*clock, time.perf_counter()])]
        timing = dict(zip(TIMING, [*steps, round(sum(steps), 1), round(minutes, 2)], strict=True))
        content = {**sealed({**results, "sha256": files}), "timing": timing}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_text(folder / "results.json", text)
        (BUILD / "animations").mkdir(exist_ok=True)
        for path in animations:
            _put(path, BUILD / "animations" / path.name)
        for left in (BUILD / "animations").glob("*.gif"):
            if left.name not in {path.name for path in animations}:
                left.unlink()
        for file in REPORT:
            _put(folder / file, BUILD / file)


def _put(path: Path, place: Path) -> None:
    """Moves a file into its place. A folder of that name is set aside."""
    if place.is_dir() and not place.is_symlink():
        set_aside(place, BUILD, IsADirectoryError("a folder"))
    os.replace(path, place)


ERRORS = (
    ParameterError,
    PlanError,
    DataError,
    DeviceError,
    ClusterError,
    SweepError,
    StudyError,
    MeasuringError,
    NotebookError,
    SectionError,
    DocumentError,
    DamageError,
    DiskError,
)


def main(arguments: list[str]) -> int:
    """`python -m reports [PARAMETER_FILE [NAME=VALUE ...]]`: 0 if the report is there."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("papermill", "matplotlib", "traitlets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    torch.set_num_interop_threads(1)
    parameter_file, *assignments = arguments or ["reports/full.yaml"]
    try:
        overrides = parse_overrides(assignments)
        yes = overrides.pop("yes", 0) == 1
        build(parameter_file, overrides, yes)
    except ERRORS as error:
        log.error("make report: %s", error)
        return 1
    return 0
