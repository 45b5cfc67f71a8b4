"""The documents that are finished: written, put into place, and known again."""

import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from glo_core.model import History
from glo_core.runs.files import (
    new_folder,
    read_json,
    sealed,
    set_aside,
    sha256,
    unsealed,
    write_text,
    writing,
)
from reports.bind.document import Report, collect
from reports.bind.outputs import Outputs
from reports.bind.paper import write_pdf
from reports.bind.web import write_animations, write_html
from reports.provenance import provenance
from reports.study import Study

log = logging.getLogger("report")

REPORT = ("report.html", "report.pdf", "results.json")
TIMING = (
    "train_seconds",
    "measure_seconds",
    "notebooks_seconds",
    "build_seconds",
    "total_seconds",
    "training_processor_minutes",
)


def is_up_to_date(build: Path, stamp: str) -> bool:
    """Whether a folder has the report of exactly this, and each file is still what was written."""
    path = build / "results.json"
    try:
        results = read_json(path)
        if results["provenance"]["stamp"] != stamp:
            return False
        del results["timing"]
        files = unsealed(results)["sha256"]
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        set_aside(path, build, error)
        return False
    changed = [name for name, expected in files.items() if _hash_of(build / name) != expected]
    for name in changed:
        log.warning("%s was changed after it was built", build / name)
    return not changed


def _hash_of(path: Path) -> str:
    """The SHA-256 of a file; "" if it cannot be read."""
    try:
        return sha256(path.read_bytes())
    except OSError:
        return ""


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
    build: Path, report: Report, results: dict[str, Any], clock: Sequence[float], minutes: float
) -> None:
    """Writes every document into a temporary folder, then moves all of them to `build`.

    `clock` holds the times at which the build began, had its models, its measures, its sections;
    `minutes` is how long its models were trained. Raises DiskError if the folder cannot be written.
    """
    with writing(build), new_folder(build) as name:
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
        (build / "animations").mkdir(exist_ok=True)
        for path in animations:
            _put(path, build / "animations" / path.name, build)
        for left in (build / "animations").glob("*.gif"):
            if left.name not in {path.name for path in animations}:
                left.unlink()
        for file in REPORT:
            _put(folder / file, build / file, build)


def _put(path: Path, place: Path, build: Path) -> None:
    """Moves a file into its place in `build`. A folder of that name is set aside."""
    if place.is_dir() and not place.is_symlink():
        set_aside(place, build, IsADirectoryError("a folder"))
    os.replace(path, place)
