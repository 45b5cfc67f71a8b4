"""Build the report: parameters in; report.html, report.pdf, results.json and animations out.

Models come from the store, or are trained; each notebook is run by papermill unless it was run
before with the same inputs; and the executed notebooks are bound into the documents. Whatever
fails, the last good report stays in place.

The documents depend on the parameters alone. `results.json`, which is put into place last, has the
SHA-256 of each of them, a digest of itself, and beside it the times, which differ with each build.

    python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1
"""

import logging
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

import glo_core
from glo_core.data import DataError
from glo_core.files.errors import check_text
from glo_core.runs.cluster import ClusterError
from glo_core.runs.files import DamageError, DiskError, check_disk, made
from glo_core.runs.leftovers import clear
from glo_core.runs.locks import held
from glo_core.runs.sweep import SweepError
from glo_core.training import DeviceError
from reports.answers.abstract import abstract
from reports.answers.text import Text
from reports.bind.document import Front, bind
from reports.bind.outputs import ExecutedSection, Outputs, read_outputs
from reports.bind.pandoc import DocumentError
from reports.finished import REPORT, collected, is_up_to_date, processor_minutes, write_documents
from reports.gaps import StudyError
from reports.measuring import MeasuringError, processes
from reports.notebooks import NotebookError, check_parameters
from reports.plan import DOCUMENTS_BYTES, PlanError, plan
from reports.provenance import report_stamp, section_stamp, with_weights
from reports.reading import ParameterError, parse_overrides
from reports.sections import SectionError, run_sections, section_notebooks
from reports.study import JUDGE_SEED, ROOT, Study, open_study

log = logging.getLogger("report")

BUILD = ROOT / "reports" / "build"


def build(parameter_file: str, overrides: dict[str, Any], yes: bool = False) -> None:
    """The whole report, however long it takes if `yes`; one build at a time.

    Raises an error of one of ERRORS, which says what to do.
    """
    clock = [time.perf_counter()]
    parameter_file = str(Path(parameter_file).resolve())
    check_text(parameter_file, "parameter file")
    check_text(str(ROOT), "the project's folder")
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
    if is_up_to_date(BUILD, stamp):
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
    results = collected(study, report, outputs, stamp)
    write_documents(BUILD, report, results, clock, minutes)
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
