"""The builder on made-up sections: what is run again when, and what is put where."""

import gc
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat.v4
import pytest
from conftest import GIVEN, ROOT, Project, fill
from damage import CONTENTS, folder_instead
from report.executed import section

from glo_core.data import DataError, Splits
from glo_core.runs.files import DiskError, made
from glo_core.runs.leftovers import mine
from glo_core.runs.store import Store
from reports import build as builder
from reports import sections as sections_module
from reports.answers import text
from reports.bind.outputs import read_outputs
from reports.bind.pandoc import DocumentError
from reports.finished import REPORT
from reports.provenance import code_stamp, report_stamp, section_stamp
from reports.reading import read
from reports.sections import SectionError, run_sections, section_notebooks, up_to_date
from reports.study import Study

V4: Any = nbformat.v4
SECTIONS = {path.name for path in section_notebooks()}


def test_a_path_that_is_no_text_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.yaml"))
    shutil.copy(ROOT / "reports" / "quick.yaml", file)
    with pytest.raises(DataError, match=r"parameter file '.*caf.*': .* bytes that are not UTF-8"):
        builder.build(str(file), {})


# --- stamps --------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("glo_core", "notebooks", "reports"):
        ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


def stamps(project: Path) -> dict[str, str]:
    """Each section's, by its notebook's name, and that of the report."""
    notebooks = sorted((project / "notebooks").glob("[0-9]*.ipynb"))
    found = {path.name: code_stamp(path, project) for path in notebooks}
    return found | {"report": report_stamp(found.values(), project)}


CODE = "\nPLANTED = 1\n"
COMMENT = "\n# A remark.\n"


@pytest.mark.parametrize(
    ("file", "added", "changed"),
    [
        ("reports/lab/noise.py", COMMENT, set()),
        ("reports/show/plots.py", COMMENT, set()),
        ("reports/build.py", COMMENT, set()),
        ("reports/lab/noise.py", CODE, set()),  # no section shows the lab
        ("reports/build.py", CODE, {"report"}),
        ("reports/bind/web.py", CODE, {"report"}),
        ("reports/bind/templates/report.css", "p {}", {"report"}),
        ("reports/show/elements/player.js", ";", {"report"}),
        ("reports/references.bib", "\n", {"report"}),
        ("reports/answers/abstract.md", "More.", {"report"}),
        ("reports/answers/noise.py", COMMENT, set()),
        ("reports/answers/noise.py", CODE, {"20-noise.ipynb", "report"}),
        ("reports/answers/noise.md", "More.", {"20-noise.ipynb", "report"}),
        ("notebooks/40-scratch.ipynb", "\n", {"40-scratch.ipynb", "report"}),
        ("reports/study.py", CODE, {*SECTIONS, "report"}),
        ("glo_core/training.py", CODE, {*SECTIONS, "report"}),
    ],
)
def test_a_stamp_changes_with_what_the_section_uses(
    project: Path, file: str, added: str, changed: set[str]
) -> None:
    before = stamps(project)
    with (project / file).open("a", encoding="utf-8") as stream:
        stream.write(added)
    assert {name for name, stamp in stamps(project).items() if stamp != before[name]} == changed


def test_a_docstring_does_not_count(project: Path) -> None:
    before = stamps(project)
    path = project / "reports" / "study.py"
    _, _, code = path.read_text(encoding="utf-8").split('"""', 2)
    path.write_text(f'"""Other words."""\n{code}', encoding="utf-8")
    assert stamps(project) == before


def test_commands_of_jupyter_and_errors_hide_no_import(project: Path) -> None:
    path = project / "notebooks" / "20-noise.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [V4.new_code_cell("%matplotlib inline\nfrom reports import planted")]
    notebook.cells += [V4.new_code_cell("this is no Python")]
    nbformat.write(notebook, path)
    (project / "reports" / "planted.py").write_text("PLANTED = 1", encoding="utf-8")
    before = stamps(project)
    (project / "reports" / "planted.py").write_text("PLANTED = 0", encoding="utf-8")
    after = stamps(project)
    assert {name for name in after if after[name] != before[name]} == {"20-noise.ipynb", "report"}


def test_a_stamp_changes_with_parameters_data_and_versions(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = section_notebooks()[0]

    def stamp(splits: Splits = splits, **overrides: Any) -> str:
        parameters = read(ROOT / "reports" / "quick.yaml", {"data": "mnist-5k", **overrides})
        return section_stamp(Study(parameters, splits, Store(tmp_path)), notebook)

    first = stamp()
    assert stamp() == first
    assert stamp(threads=7, workers=1) == first  # say only where things are computed
    found = {stamp(pick_seed=9), stamp(epochs=9), stamp(data="auto")}
    found |= {stamp(replace_test(splits)), section_stamp_of_other(stamp, monkeypatch)}
    assert len(found | {first}) == 6


def replace_test(splits: Splits) -> Splits:
    """The same splits, but for the first test image."""
    images = splits.test.images.clone()
    images[0] = 0
    return splits._replace(test=replace(splits.test, images=images))


def section_stamp_of_other(stamp: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stamp when a measure has another version."""
    monkeypatch.setattr("glo_core.measures.evaluation.version", lambda name: f"other {name}")
    return str(stamp())


# --- running -------------------------------------------------------------------------------------

# Papermill leaves the event loops of its threads to the garbage collector, which closes them.
leaves_loops = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def _collected() -> Iterator[None]:
    yield
    gc.collect()


PARAMETERS = V4.new_code_cell("word = ''", metadata={"tags": ["parameters"]})


def planted(folder: Path, *sources: str) -> Path:
    """A notebook with a parameters cell and these code cells."""
    folder.mkdir(exist_ok=True)
    path = folder / "10-planted.ipynb"
    cells = [PARAMETERS, *map(V4.new_code_cell, sources)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    nbformat.write(V4.new_notebook(cells=cells, metadata=metadata), path)
    return path


@leaves_loops
@pytest.mark.usefixtures("_collected")
def test_a_section_is_run_again_only_if_its_stamp_has_changed(tmp_path: Path) -> None:
    """It is run in its own folder, and another section's failure does not spoil it."""
    source = planted(tmp_path / "notebooks", "import os; print(word, os.getcwd())")

    def run(stamp: str, word: str) -> str:
        ((section),) = run_sections({source: stamp}, {"word": word}, tmp_path / "done", 2)
        assert section.name == "10-planted"
        return str(section.notebook.cells[-1].outputs[0].text)

    assert run("a", "first") == f"first {source.parent}\n"
    assert run("a", "second").startswith("first")
    assert run("b", "third").startswith("third")
    assert "outputs" in nbformat.read(source, as_version=4).cells[0]
    assert not nbformat.read(source, as_version=4).cells[1].outputs


@leaves_loops
@pytest.mark.usefixtures("_collected")
@pytest.mark.parametrize("variable", ["JUPYTER_PATH", "JUPYTER_DATA_DIR"])
def test_a_sections_kernel_is_this_interpreters_and_says_nothing(
    variable: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, str(other_kernel(tmp_path)))
    source = planted(tmp_path / "notebooks", "import sys; print(sys.executable)")
    ((section),) = run_sections({source: "a"}, {"word": "a"}, tmp_path / "done", 1)
    assert section.notebook.cells[-1].outputs[0].text == f"{sys.executable}\n"
    said = capfd.readouterr()
    assert re.sub(r"sections: .*?[\]]", "", said.out + said.err).strip() == ""


def other_kernel(folder: Path) -> Path:
    """A folder of Jupyter's data in which the kernel `python3` is a program that fails."""
    spec = {"argv": ["false", "{connection_file}"], "display_name": "P", "language": "python"}
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    return folder


JUPYTER = """#!{python}
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
client.execute_interactive("import sys; print(sys.executable)")
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["JUPYTER_PATH", "JUPYTER_DATA_DIR"])
def test_the_labs_kernel_is_its_environments(variable: str, tmp_path: Path) -> None:
    """A program in place of Python starts the kernel that JupyterLab would."""
    jupyter = tmp_path / "python"
    jupyter.write_text(JUPYTER.format(python=sys.executable))
    jupyter.chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", "--assume-old=.venv/installed", f"BIN={tmp_path}", "lab"],
        cwd=ROOT,
        env=os.environ | {variable: str(other_kernel(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{sys.executable}\n", done.stderr


@leaves_loops
@pytest.mark.usefixtures("_collected")
def test_a_section_is_the_same_when_it_was_run_and_when_it_is_read(tmp_path: Path) -> None:
    shown = "{'application/json': {'second': 1, 'first': 2}}"
    source = planted(tmp_path / "notebooks", f"display({shown}, raw=True)")
    run, read = (
        run_sections({source: "a"}, {"word": "a"}, tmp_path / "done", 1)[0].notebook
        for _ in range(2)
    )
    assert json.dumps(run) == json.dumps(read)  # in the same order, too


def plain(notebook: Any) -> str:
    """A notebook without the times of its last run."""
    copied = nbformat.from_dict(json.loads(json.dumps(notebook)))
    copied.metadata.pop("papermill", None)
    for cell in copied.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        cell.pop("id")
    return json.dumps(copied)


def output_gone(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][-1]["outputs"] = []
    path.write_text(json.dumps(content), encoding="utf-8")


def other_number(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("0.115", "0.99"), encoding="utf-8")


@leaves_loops
@pytest.mark.usefixtures("_collected")
def test_a_section_that_was_changed_or_damaged_is_noticed_and_run_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, done = planted(tmp_path / "notebooks", "print(0.115)"), tmp_path / "done"
    damages: list[Any] = [output_gone, other_number, folder_instead]
    damages += [lambda path, to=content: path.write_bytes(to) for content in CONTENTS]
    good = up_to_date(source, made(done) / source.name, "a", {"word": "b"})
    text = (done / source.name).read_text(encoding="utf-8")
    for damage in damages:
        caplog.clear()
        damage(done / source.name)
        assert sections_module._kept(done / source.name, "a") is None
        assert "10-planted.ipynb is damaged (" in caplog.text
        assert not (done / source.name).exists()
        (done / source.name).write_text(text, encoding="utf-8")
    assert len([*(done / ".damaged").iterdir()]) == len(damages)
    other_number(done / source.name)
    again = up_to_date(source, done / source.name, "a", {"word": "b"})
    assert plain(again) == plain(good)
    assert plain(up_to_date(source, done / source.name, "a", {"word": "b"})) == plain(good)


def test_a_section_of_a_stamp_that_is_no_more_is_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.ipynb").write_text('{"metadata": {"glo": {"stamp": "old"}}}')
    (tmp_path / "b.ipynb").symlink_to("nowhere")
    for name in ("a.ipynb", "b.ipynb", "c.ipynb"):
        assert sections_module._kept(tmp_path / name, "new") is None
    assert not caplog.text


@leaves_loops
@pytest.mark.usefixtures("_collected")
@pytest.mark.parametrize(
    ("code", "values", "words"),
    [
        ("raise ArithmeticError('planted')", {"word": "a"}, "cell 2: ArithmeticError: planted"),
        ("import os; os.kill(os.getpid(), 9)", {"word": "a"}, "[Kk]ernel"),
    ],
)
def test_a_section_that_fails_is_named_and_what_it_was_stays(
    code: str, values: dict[str, str], words: str, tmp_path: Path
) -> None:
    source, done = planted(tmp_path / "notebooks", code), tmp_path / "done"
    done.mkdir()
    last = '{"metadata": {"glo": {"stamp": "another"}}}'
    (done / source.name).write_text(last, encoding="utf-8")
    with pytest.raises(SectionError, match=rf"10-planted\.ipynb.*{words}"):
        run_sections({source: "a"}, values, done, 1)
    assert [path.name for path in done.iterdir()] == [source.name]
    assert (done / source.name).read_text(encoding="utf-8") == last


# --- labels and documents ------------------------------------------------------------------------


def test_every_figure_that_has_a_caption_must_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "FOLDER", tmp_path)
    (tmp_path / "traps.md").write_text(
        "## fig-traps\n\nOne.\n\n## words\n\nTwo.\n\n## fig-trap-{loss}\n\nThree.", "utf-8"
    )
    losses = ("l1", "l1+l2")
    whole = [section("fig-traps", "fig-trap-l1", "fig-trap-l1-l2")]
    builder.check_labels(whole, read_outputs(whole), losses)
    lacking = [section("fig-traps", "fig-trap-l1")]
    with pytest.raises(DocumentError, match=r"^45-traps\.ipynb: no output for fig-trap-l1-l2$"):
        builder.check_labels(lacking, read_outputs(lacking), losses)
    other = [replace(section("fig-traps"), name="50-traps-too"), section("fig-trap-l1")]
    (tmp_path / "traps-too.md").write_text("", "utf-8")
    with pytest.raises(DocumentError, match=r"45-traps\.ipynb: .* fig-trap-l1-l2, fig-traps$"):
        builder.check_labels(other, read_outputs(other), losses)


def test_a_section_that_cannot_be_written_is_one_sentence(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = planted(disk / "notebooks", "print('x')")
    monkeypatch.setattr(sections_module, "_execute", lambda *_: nbformat.read(source, 4))
    made(disk / "done")
    fill(disk)
    with pytest.raises(DiskError, match=rf"cannot write in {disk / 'done'} \(No space left"):
        up_to_date(source, disk / "done" / source.name, "a", {"word": "b"})
    assert [*(disk / "done").iterdir()] == []
    (disk / "file").touch()
    with pytest.raises(DiskError, match=r"move what is in the way"):
        run_sections({source: "a"}, {"word": "b"}, disk / "file", 1)


def test_the_command_makes_the_report_again() -> None:
    overrides = {"sigmas": [0, 0.1], "losses": ["l1+l2"], "data": "my $x pets", "n": 65}
    made_by = builder.command(str(ROOT / "reports" / "quick.yaml"), overrides)
    assert shlex.split(made_by) == [
        "make",
        "report",
        "PARAMS=reports/quick.yaml",
        "SIGMAS=0,0.1",
        "LOSSES=l1+l2",
        "DATA=my $x pets",
        "N=65",
    ]
    assert "PARAMS=/else/where.yaml" in builder.command("/else/where.yaml", {})


@pytest.mark.slow
def test_of_two_builds_at_once_one_waits_and_then_has_nothing_to_do(
    quick: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "twice")
    shutil.copytree(quick.root, project.root)
    (project.build / "results.json").unlink()  # as if it had not come so far
    left = project.build / "sections" / f".new-{mine().rpartition('-')[0]}-{2**22 + 1}-x"
    left.mkdir()
    with ThreadPoolExecutor(2) as pool:
        both = [*pool.map(lambda _: project.make(*GIVEN), range(2))]
    assert [done.returncode for done in both] == [0, 0]
    first, second = sorted((done.stderr for done in both), key=lambda said: "waiting for" in said)
    assert "binding 9 sections" in first
    assert re.search(r"waiting for process \d+ on \S+, which builds a report here", second)
    assert "nothing has changed" in second
    assert not left.exists()
    assert {path.name for path in project.build.iterdir()} == {
        *REPORT,
        ".home",
        ".lock",
        "animations",
        "sections",
    }
