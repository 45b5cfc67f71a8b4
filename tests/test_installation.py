"""`make` itself: words that it does not take, and .venv, in whatever state it finds it.

The project's Makefile installs a project of two tiny packages, from a folder instead of an index.
"""

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from conftest import NO_MAKE, ROOT

# What builds the tiny project itself: its wheel only names the folder.
BACKEND = """
import os, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    about = "mine-1.dist-info"
    with zipfile.ZipFile(f"{folder}/mine-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("mine.pth", os.getcwd())
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return "mine-1-py3-none-any.whl"
build_wheel = build_editable
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
EVERYTHING = {"torch-2.0", "nvidia_cuda-1.0", "mine-1"}


class Project:
    """A folder with the project's Makefile, in which `make` installs tiny packages."""

    def __init__(self, root: Path, venv: Path | None = None):
        self.root = root
        (root / "wheels").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", root)
        (root / "backend.py").write_text(BACKEND, encoding="utf-8")
        (root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        self.lock()
        if venv:  # one with pip alone, which is quicker to copy than to make
            names = ("installed", "torch*", "nvidia*", "mine*")
            ignore = shutil.ignore_patterns(*names)
            shutil.copytree(venv, root / ".venv", ignore=ignore, symlinks=True)

    def wheel(self, package: str, version: str, files: int = 1, kind: str = "any") -> str:
        """Makes a package of some modules, and returns its hash."""
        name = package.replace("-", "_")
        about = f"{name}-{version}.dist-info"
        contents = {f"{name}/m{number}.py": f"NUMBER = {number}\n" for number in range(files)} | {
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
            f"{about}/RECORD": "",
        }
        path = self.root / "wheels" / f"{name}-{version}-py3-none-{kind}.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, content in contents.items():
                wheel.writestr(file, content)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def lock(self, files: int = 1, kind: str = "any") -> None:
        """Makes two packages, one of them for some kind of machine, and the lock of both."""
        torch, cuda = self.wheel("torch", "2.0", files), self.wheel("nvidia-cuda", "1.0", 1, kind)
        text = (
            f"torch==2.0 \\\n    --hash=sha256:{torch}\nnvidia-cuda==1.0 --hash=sha256:{cuda}\n"
            "    # via torch\n"
        )
        (self.root / "requirements.txt").write_text(text, encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A process that installs, in a session of its own."""
        ours = ("MAKE", "PIP_", "PYTHON")
        keep = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        pip = {"NO_INDEX": "1", "FIND_LINKS": "wheels", "CONFIG_FILE": os.devnull}
        return subprocess.Popen(
            ["make", ".venv/installed", f"PYTHON={sys.executable}", *words],
            cwd=self.root,
            env=keep | {f"PIP_{name}": value for name, value in pip.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def make(self, *words: str) -> tuple[int, str]:
        """The exit status of an installation, and what it said."""
        process = self.start(*words)
        said, _ = process.communicate()
        return process.returncode, said

    @property
    def site(self) -> Path:
        """Where packages are installed."""
        (folder,) = (self.root / ".venv" / "lib").glob("python*/site-packages")
        return folder

    def packages(self) -> set[str]:
        """What is installed, besides what a new .venv has."""
        names = {path.name.partition(".dist-info")[0] for path in self.site.glob("*.dist-info")}
        return {name for name in names if not name.startswith(("pip-", "setuptools-"))}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One that is whole, in a folder whose name has spaces and more."""
    made = Project(tmp_path_factory.mktemp("in") / "my 'größte' $project")
    status, said = made.make()
    assert status == 0, said
    return made


@pytest.fixture
def project(installed: Project, tmp_path: Path) -> Project:
    """One with nothing but pip in its .venv."""
    return Project(tmp_path / "project", installed.root / ".venv")


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["report", "EPOCHS", "3"],
        ["report", "EPOCHS=", "3"],
        ["report", "EPOCHS", "=", "3"],
        ["report", "SIGMAS=0,", "0.1"],
        ["plan", "epochs"],
        ["reprot"],
    ],
)
def test_words_that_are_no_target_are_refused_before_anything_runs(words: list[str]) -> None:
    done = subprocess.run(
        ["make", *words], cwd=ROOT, env=NO_MAKE, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert "NAME=VALUE" in done.stderr or "empty variable name" in done.stderr


# --- .venv ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_locked_is_installed_once(installed: Project) -> None:
    assert installed.packages() == EVERYTHING
    assert installed.make() == (0, "make: '.venv/installed' is up to date.\n")


@pytest.mark.slow
def test_a_venv_without_pip_is_made_again(tmp_path: Path) -> None:
    """Debian leaves such a one if it has no python3-venv."""
    made = Project(tmp_path / "project")
    venv = made.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    status, said = made.make()
    assert status == 0, said
    assert made.packages() == EVERYTHING


def test_a_python_that_makes_no_venv_is_told_in_one_sentence(tmp_path: Path) -> None:
    made, python = Project(tmp_path / "project"), tmp_path / "python"
    script = f'#!/bin/sh\n[ "$2" = venv ] && exit 1\nexec {sys.executable} "$@"\n'
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    status, said = made.make(f"PYTHON={python}")
    assert status != 0
    sentence, _ = said.splitlines()  # and make's own
    assert re.search("cannot make a virtual environment.* package python3-venv", sentence)
    assert not (made.root / ".venv" / "installed").exists()


@pytest.mark.slow
def test_an_installation_that_was_killed_is_finished_by_the_next(project: Project) -> None:
    project.lock(files=1000)
    process = project.start()
    while not any(project.site.glob("torch/m9*.py")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (project.root / ".venv" / "installed").exists()
    status, said = project.make()
    assert status == 0, said
    assert project.packages() == EVERYTHING
    assert len([*project.site.glob("torch/*.py")]) == 1000


@pytest.mark.slow
def test_a_folder_that_was_copied_is_installed_from_its_new_place(
    installed: Project, project: Project
) -> None:
    venv = project.root / ".venv"
    shutil.rmtree(venv)
    shutil.copytree(installed.root / ".venv", venv, symlinks=True)
    (venv / "installed").touch()  # as new as it was before
    link = project.site / "mine.pth"
    assert link.read_text(encoding="utf-8") == str(installed.root)
    status, said = project.make()
    assert status == 0, said
    assert link.read_text(encoding="utf-8") == str(project.root)


@pytest.mark.slow
def test_a_venv_whose_python_is_gone_is_made_again(installed: Project, tmp_path: Path) -> None:
    """As when the system has another version of Python than before."""
    made = Project(tmp_path / "project")
    venv = made.root / ".venv"
    shutil.copytree(installed.root / ".venv", venv, symlinks=True)
    (venv / "installed").write_text(str(made.root), encoding="utf-8")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("gone")
    status, said = made.make()
    assert status == 0, said
    assert made.packages() == EVERYTHING
    subprocess.run([venv / "bin" / "python", "-c", "import torch"], check=True)


# --- the lock ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_package_that_is_not_what_was_locked_is_refused(project: Project) -> None:
    project.wheel("torch", "2.0", files=2)  # another one of the same name
    status, said = project.make()
    assert status != 0
    assert "DO NOT MATCH THE HASHES" in said
    assert "installing the ranges" not in said
    assert project.packages() == set()


@pytest.mark.slow
def test_where_the_lock_cannot_serve_the_ranges_are_installed_in_words(project: Project) -> None:
    (project.root / "wheels" / "nvidia_cuda-1.0-py3-none-any.whl").unlink()
    project.lock(kind="another_machine")
    status, said = project.make()
    assert status == 0, said
    assert "does not serve this Python and machine" in said
    assert project.packages() == {"mine-1"}  # which has no dependencies


@pytest.mark.slow
@pytest.mark.skipif(
    platform.system() != "Linux" or any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg"))),
    reason="PyTorch's CPU build is looked for on a Linux without a GPU",
)
def test_without_a_gpu_the_cpu_build_is_taken_where_pip_finds_one(
    installed: Project, project: Project
) -> None:
    project.wheel("torch", "2.0+cpu")
    status, said = project.make()
    assert status == 0, said
    assert "no CPU build" not in said
    assert project.packages() == {"torch-2.0+cpu", "mine-1"}
