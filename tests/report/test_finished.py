"""Documents that are written whole, and known again."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import fill, remount
from damage import CONTENTS, DAMAGES, folder_instead
from report.executed import section

from glo_core.runs.files import DiskError
from reports import finished
from reports.bind.document import Front, Report, bind
from reports.bind.outputs import read_outputs
from reports.bind.pandoc import DocumentError
from reports.finished import REPORT, is_up_to_date, processor_minutes, write_documents

FRONT = Front("Title", "", ("Ada",), "", "Short.", "", "make report")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the report is built."""
    monkeypatch.setattr(finished, "write_pdf", lambda report, path: path.write_text("paper"))
    return tmp_path


def report(*labels: str) -> tuple[Report, dict[str, Any]]:
    sections = [section(*labels)]
    bound = bind(sections, read_outputs(sections), FRONT)
    figures = [{"label": label, "kind": "animation"} for label in labels]
    return bound, {"figures": figures, "provenance": {"stamp": "a"}}


@pytest.mark.parametrize(("seconds", "threads", "minutes"), [([30, 30], 1, 1), ([60], 2, 2)])
def test_the_time_of_every_thread_counts(
    seconds: list[float], threads: int, minutes: float
) -> None:
    histories: list[Any] = [SimpleNamespace(seconds=each, threads=threads) for each in seconds]
    assert processor_minutes(histories) == minutes


def test_documents_are_put_into_place_and_what_is_left_over_goes(folder: Path) -> None:
    assert not is_up_to_date(folder, "a")
    write_documents(folder, *report("fig-old", "fig-new"), [0.0, 1.0, 1.5, 2.0], 0.25)
    assert {path.name for path in folder.iterdir()} == {"animations", *REPORT}
    assert is_up_to_date(folder, "a")
    assert not is_up_to_date(folder, "b")
    timing = json.loads((folder / "results.json").read_text())["timing"]
    assert (timing["train_seconds"], timing["measure_seconds"]) == (1, 0.5)
    assert timing["training_processor_minutes"] == 0.25
    write_documents(folder, *report("fig-new"), [0.0, 1.0, 1.5, 2.0], 0.25)
    assert [path.name for path in (folder / "animations").iterdir()] == ["new.gif"]
    (folder / "animations" / "new.gif").unlink()
    assert not is_up_to_date(folder, "a")


def test_a_damaged_document_is_noticed_named_and_made_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = [0.0, 1.0, 1.5, 2.0]
    write_documents(folder, *report("fig-new"), times, 0.25)
    for name in ("report.html", "report.pdf", "animations/new.gif", "results.json"):
        good = (folder / name).read_bytes()
        for damage in DAMAGES:
            caplog.clear()
            damage(folder / name)
            missing = name == "results.json" and not (folder / name).exists()
            assert not is_up_to_date(folder, "a")
            assert missing or name in caplog.text
            if damage != folder_instead:
                (folder / name).unlink(missing_ok=True)
                (folder / name).write_bytes(good)
                assert is_up_to_date(folder, "a")
            elif name != "results.json":  # of these, builds set aside what is in the way
                (folder / name / "notes.txt").touch()
                write_documents(folder, *report("fig-new"), times, 0.25)
                assert is_up_to_date(folder, "a")
                assert len([*folder.glob(f".damaged/*/{name}/notes.txt")]) == 1


@pytest.mark.parametrize("content", CONTENTS)
def test_results_of_another_shape_are_set_aside(
    content: bytes, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "results.json").write_bytes(content)
    assert not is_up_to_date(folder, "a")
    assert "results.json is damaged (" in caplog.text
    assert [path.name for path in folder.iterdir()] == [".damaged"]


def test_a_number_that_was_changed_in_the_results_is_noticed_and_a_time_is_not(
    folder: Path,
) -> None:
    bound, results = report()
    results["noise"] = {"share": 0.115}
    write_documents(folder, bound, results, [0.0, 1.0, 1.5, 2.0], 0.25)
    text = (folder / "results.json").read_text(encoding="utf-8")
    for old, new, still in (("0.25", "0.5", True), ("0.115", "0.99", False)):
        assert old in text
        (folder / "results.json").write_text(text.replace(old, new), encoding="utf-8")
        assert is_up_to_date(folder, "a") == still


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_where_the_report_cannot_be_written_the_last_one_stays(
    fault: str, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk / "build"
    monkeypatch.setattr(finished, "write_pdf", lambda report, path: path.write_text("paper"))
    write_documents(folder, *report("fig-old"), [0.0] * 4, 0)
    files = [path for path in folder.rglob("*.*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    if fault == "full":
        fill(disk, 20_000)
    else:
        remount(disk, "ro")
    words = "No space left on device" if fault == "full" else "Read-only file system"
    with pytest.raises(DiskError, match=rf"cannot write in {folder} \({words}\)"):
        write_documents(folder, *report("fig-new"), [0.0] * 4, 0)
    assert {path: path.read_bytes() for path in files} == before
    assert not [*folder.glob("tmp*")]
    assert is_up_to_date(folder, "a")


def test_a_document_that_fails_leaves_the_last_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_documents(folder, *report("fig-old"), [0.0] * 4, 0)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}

    def fail(*_: Any) -> None:
        raise DocumentError("planted")

    monkeypatch.setattr(finished, "write_pdf", fail)
    with pytest.raises(DocumentError, match="planted"):
        write_documents(folder, *report("fig-new"), [0.0] * 4, 0)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == before
