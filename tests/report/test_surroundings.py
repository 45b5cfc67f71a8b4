"""A machine that has little: `quick` is built on one, in a folder of a strange name."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys

import pytest
from conftest import CUT_OFF, ROOT, STRANGE, dry_run

from reports.finished import REPORT


def test_the_report_is_built_without_home_network_programs_terminal_and_letters(quick):
    assert quick.root.name == STRANGE
    for name in REPORT:
        assert (quick.build / name).stat().st_size > 100_000
    assert "cannot" not in quick.said


def test_such_a_build_says_nothing_that_looks_like_a_fault(quick):
    assert not re.search(r"warn|error|traceback|exception|failed", quick.said, re.I), quick.said
    assert "matplotlib" not in quick.said.lower()
    assert "IPython" not in quick.said


def test_such_a_build_leaves_no_temporary_files_and_shows_others_nothing(quick):
    assert "left behind" not in quick.said
    for path in [quick.build, *(quick.build / name for name in REPORT)]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_the_surroundings_are_as_poor_as_they_are_meant_to_be(quick):
    code = """
        import os, pathlib, shutil, socket, sys
        print([name for _, name in socket.if_nameindex()])
        print([shutil.which(name) for name in ("sh", "git", "chromium", "firefox")])
        print(os.path.exists(pathlib.Path.home()), sys.stdin, os.environ.get("DISPLAY"))
    """
    told = quick.run("-c", "\n".join(map(str.strip, code.strip().splitlines()))).stdout
    network, programs, rest = told.splitlines()
    assert programs == str([None] * 4)
    assert rest == "False None None"
    if not CUT_OFF:
        pytest.skip("no network of its own: `unshare` and `ip` are missing, or not allowed")
    assert network == str(["lo"])


def test_make_works_in_a_folder_of_a_strange_name(tmp_path):
    folder = tmp_path / STRANGE
    (folder / "tests").mkdir(parents=True)
    for path in (*ROOT.glob("*.*"), ROOT / "Makefile", *ROOT.glob("tests/*.txt")):
        if path.is_file():
            shutil.copy(path, folder / path.relative_to(ROOT))
    helped = subprocess.run(["make", "help"], cwd=folder, capture_output=True, text=True)
    assert "make report" in helped.stdout
    for target in ("report", "plan", "lab", "check"):
        said = dry_run(target, folder=folder)
        assert said == dry_run(target)
        assert STRANGE not in said
        assert all(map(shlex.split, said.splitlines()))


@pytest.mark.slow
def test_the_library_is_imported_where_neither_it_nor_a_home_folder_can_be_written(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "glo_core", tmp_path / "glo_core", ignore=ignore)
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" || exit 77; exec "$@"'
    if not shutil.which("unshare"):
        pytest.skip("there is no `unshare` here")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", read_only, str(tmp_path)]
    code = "import glo_core.loops, os; print(glo_core.__file__, os.access(os.getcwd(), os.W_OK))"
    done = subprocess.run(
        [*command, sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"HOME": "/dev/null/home", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77:
        pytest.skip("a folder cannot be mounted read-only here")
    assert done.stdout.split() == [str(tmp_path / "glo_core" / "__init__.py"), "False"], done.stderr


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_every_python_that_is_allowed_and_installed_compiles_all_code(version, tmp_path):
    python = f"python{version}"
    if not shutil.which(python) or subprocess.run([python, "-V"], capture_output=True).returncode:
        pytest.skip(f"no {python} is installed")
    options = ["-W", "error", "-X", f"pycache_prefix={tmp_path}", "-m", "compileall", "-q"]
    done = subprocess.run(
        [python, *options, "glo_core", "reports", "tests"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
