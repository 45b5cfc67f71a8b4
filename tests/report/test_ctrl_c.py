"""Ctrl-C in a real build, of which a terminal tells all processes of its group at once."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import GIVEN, Project

pytestmark = pytest.mark.slow
STOPPED = "make report: stopped; the models that were trained are kept\n"


def started(project: Project, *assignments: str) -> subprocess.Popen[str]:
    """A build in a group of its own, which hears of Ctrl-C even where this suite does not."""
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    run = "import runpy; runpy.run_module('reports', run_name='__main__', alter_sys=True)"
    return subprocess.Popen(
        [sys.executable, "-c", f"{heard}; {run}", "reports/quick.yaml", *GIVEN, *assignments],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(project.root)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stopped(build: subprocess.Popen[str], words: str) -> str:
    """What a build says in all that gets Ctrl-C once it says this; it ends, with all it began."""
    assert build.stderr
    said = ""
    while not re.search(words, said):
        some = os.read(build.stderr.fileno(), 10_000)
        assert some, said
        said += some.decode(errors="replace")  # a sign of a bar may be cut
    begun = psutil.Process(build.pid).children(recursive=True)
    os.killpg(build.pid, signal.SIGINT)
    said += build.communicate(timeout=60)[1]
    assert build.returncode == 130, said
    _, alive = psutil.wait_procs(begun, timeout=5)
    assert not alive
    assert said.endswith(STOPPED)
    assert "Traceback" not in said
    return said


def left(project: Project) -> list[Path]:
    """What is being written."""
    return [path for path in project.root.rglob(".*") if re.match(r"\.new-|.*\.part$", path.name)]


@pytest.mark.parametrize("seconds", [0.2, 0.6, 1])
def test_a_build_that_still_imports_ends_at_once(seconds: float, quick: Project) -> None:
    build = started(quick)
    time.sleep(seconds)
    begun = psutil.Process(build.pid).children(recursive=True)
    os.killpg(build.pid, signal.SIGINT)
    _, said = build.communicate(timeout=5)
    assert build.returncode == 130
    assert said == STOPPED
    assert not psutil.wait_procs(begun, timeout=5)[1]


def test_a_build_that_is_stopped_again_and_again_goes_on_each_time(
    quick: Project, tmp_path: Path
) -> None:
    """While it trains one model, measures it, and runs a section."""
    project = Project(shutil.copytree(quick.root, tmp_path / "stopped"))
    (project.build / "results.json").unlink()
    (project.build / "sections" / "45-traps.ipynb").unlink()
    trained = min(project.root.glob("runs/l1-*"))
    shutil.rmtree(trained)
    stopped(started(project), r"trained 0/1 models: .*")
    assert not left(project)
    stopped(started(project), r"measured 0 models.*style")
    assert (trained / "run.json").exists()
    assert not left(project)
    said = stopped(started(project), r"sections: +0%.*")
    assert "34 of 34 models found" in said
    assert "trained 1/1" not in said
    assert not left(project)
