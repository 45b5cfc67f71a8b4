"""What several test files need: small digits, tiny models, and a built report."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, Phase, settings
from playwright.sync_api import Browser, Page, sync_playwright

from glo_core import data
from glo_core.classifier import train_classifier
from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.runs.trainers import train
from reports.show import page as elements

ROOT = Path(__file__).parents[1]
# One thread each for pytest-xdist's workers, which share the processors, and for what tests start.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)
# Many tests compare to the last bit, which a GPU does not promise; `test_gpu` alone looks for one.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NO_CHROMIUM = "no Chromium is installed, as by `apt-get install chromium`"
ALONE = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
# What a `make` in a test is given: nothing of the `make` that may run the tests.
NO_MAKE = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
# Parameters of the quick report that are given on the command line, unlike those of quick.yaml.
GIVEN = ("PICK_SEED=1",)
# What is tried with made-up files: the same few in each run of the suite, any and many with
# `--hypothesis-profile fuzz`.
_FUZZ: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),  # to explain takes minutes
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("suite", max_examples=20, derandomize=True, **_FUZZ)
settings.register_profile("fuzz", max_examples=2000, **_FUZZ)
settings.load_profile("suite")
# The name of the report's folder has what shells, addresses and patterns take for something else.
STRANGE = "quick é & 'co' (1) $x #2 100%"
# Starts a program without any network but the loopback; empty where that is not allowed.
CUT_OFF: list[str] = []
if (_unshare := shutil.which("unshare")) and (_ip := shutil.which("ip")):
    _start = f'{_ip} link set lo up && exec "$@"'
    CUT_OFF = [_unshare, "--map-root-user", "--net", "/bin/sh", "-c", _start, "sh"]
    if subprocess.run([*CUT_OFF, sys.executable, "-V"], capture_output=True).returncode:
        CUT_OFF = []
# Files of tests that take long and run first: one worker builds the report, which the other needs
# for the last of these.
FIRST = "report contributing study cluster odd_study lab_browser browser".split()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with the built report or the judge are slow, as the first of them makes it."""
    order = {f"test_{name}": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
    for item in items:
        if {"quick", "judge"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A study sets PyTorch's threads; the bits of another test's models depend on them."""
    yield
    torch.set_num_threads(1)


def make_digits(count: int = 40, classes: int = 4, seed: int = 0) -> Digits:
    """Made-up images: each class a bright square in a place of its own, with noise on it."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    images = 0.2 * torch.rand(count, 28, 28, generator=stream)
    for k, label in enumerate(labels.tolist()):
        images[k, 5 * label : 5 * label + 8, 6:22] += 0.7
    names = tuple(str(label) for label in range(classes))
    return Digits(images, labels, names, "made-up squares")


@pytest.fixture(scope="session")
def digits() -> Digits:
    return make_digits()


@pytest.fixture(scope="session")
def recipes() -> list[Recipe]:
    return [
        Recipe(loss=loss, sigma=sigma, epochs=3, batch_size=16)
        for loss, sigma in (("l1", 0.0), ("l2", 0.1), ("l1+l2", 2.0))
    ]


@pytest.fixture(scope="session")
def models(recipes: list[Recipe], digits: Digits) -> list[Glo]:
    return train(recipes, digits)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 1 MB; `remount` makes it read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here, as only root may")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(disk: Path, how: str) -> None:
    """Makes a mounted file system read-only, "ro", or writable again, "rw"."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def fill(disk: Path, left: int = 0) -> None:
    """Leaves so many bytes free on a file system."""
    (disk / "filling").write_bytes(bytes(shutil.disk_usage(disk).free - left))


@pytest.fixture(scope="session")
def splits() -> data.Splits:
    """Real digits."""
    return data.load("mnist-5k", 500)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all of pytest-xdist's workers share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def judge(splits: data.Splits, shared: Path) -> torch.nn.Sequential:
    """A classifier of real digits, good enough to judge planted ones: trained by one worker."""
    path = shared / "judge.pt"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            torch.save(train_classifier(splits.judge, steps=600), path)
    network: torch.nn.Sequential = torch.load(path, weights_only=False)
    return network


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield browser
        browser.close()


def expose(page: Page, *names: str) -> None:
    """Makes what the elements' modules define global in a page, under the same names."""
    block = elements.script().rstrip().removesuffix("}")
    page.evaluate(f"{block} Object.assign(globalThis, {{ {', '.join(names)} }}); }}")


def dry_run(*words: str, folder: Path = ROOT) -> str:
    """What `make` would run, with the installation taken as done, and no other make around it."""
    installed = [f"--assume-old=.venv/{name}" for name in ("installed", "installed-for-tests")]
    done = subprocess.run(
        ["make", "--dry-run", *installed, *words],
        cwd=folder,
        env=NO_MAKE,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.replace("\\\n", " ")  # a line for each command


class Project:
    """A copy of the project in a folder of its own."""

    def __init__(self, root: Path):
        self.root = root
        self.build = root / "reports" / "build"
        self.log = root / "build.log"

    @property
    def said(self) -> str:
        """What the program said that built its report."""
        return self.log.read_text(encoding="utf-8")

    @classmethod
    def new(cls, root: Path) -> "Project":
        """One with no models, no digits and no report."""
        for name in ("glo_core", "notebooks", "reports"):
            ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        return cls(root)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs this copy's Python on a machine that has little.

        It has no network, home folder, terminal, input or display, no programs and no letters but
        ASCII; only the owner may read what is written. What is left of temporary files is told in
        the last lines of `stderr`.
        """
        processor = {name: value for name, value in os.environ.items() if "OPENBLAS" in name}
        with tempfile.TemporaryDirectory() as temporary:
            done = subprocess.run(
                [*CUT_OFF, "/bin/sh", "-c", 'exec "$@" <&-', "sh", sys.executable, *arguments],
                cwd=self.root,
                env=processor
                | {"HOME": "/dev/null/home", "LC_ALL": "C", "PATH": "/dev/null"}
                | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.root), "TMPDIR": temporary},
                start_new_session=True,
                umask=0o077,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            done.stderr += "".join(f"left behind: {name}\n" for name in os.listdir(temporary))
        return done

    def make(self, *assignments: str) -> subprocess.CompletedProcess[str]:
        """What `make report PARAMS=reports/quick.yaml` runs, with these assignments."""
        return self.run("-m", "reports", "reports/quick.yaml", *assignments)

    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = json.loads(
            (self.build / "results.json").read_text(encoding="utf-8")
        )
        return results

    def times(self) -> dict[str, int]:
        """When each section was run."""
        sections = (self.build / "sections").glob("*.ipynb")
        return {path.name: path.stat().st_mtime_ns for path in sections}


@pytest.fixture(scope="session")
def quick(shared: Path) -> Project:
    """The quick report, with one parameter from the command line: built by one worker."""
    root = shared / STRANGE
    with FileLock(f"{root}.lock"):
        project = Project(root) if root.exists() else Project.new(root)
        if not project.log.exists():
            project.log.write_text(project.make(*GIVEN).stderr, encoding="utf-8")
    assert (project.build / "results.json").exists(), project.said
    return project
